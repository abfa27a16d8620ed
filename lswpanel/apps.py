from django.apps import AppConfig

from lswpanel.celery import app

# Loaded with the apps, so that their tasks belong to it; not with the package, because the supervisor has none.
celery_app = app


class PanelConfig(AppConfig):
    name = "lswpanel"
    verbose_name = "lswpanel"

    def ready(self) -> None:
        # They register checks and receivers, and need loaded settings.
        from lswpanel import checks, database  # noqa: F401
