"""What gunicorn serves. It refuses to start when a check of ours finds an error, as every command does."""

import os

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")

application = get_wsgi_application()

from lswpanel.checks import TAG  # noqa: E402  (needs loaded settings)

if problems := [str(message) for message in run_checks(tags=[TAG]) if message.level >= ERROR]:
    raise ImproperlyConfigured("\n".join(problems))
