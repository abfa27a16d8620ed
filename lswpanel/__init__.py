"""The project: settings, addresses, Celery's application, and the supervisor behind `manage.py up`."""
