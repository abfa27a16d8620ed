from django.apps import AppConfig

from lswpanel.celery import app

# Loaded with the apps, so that their tasks belong to it; not with the package, because the supervisor has none.
celery_app = app


class PanelConfig(AppConfig):
    name = "lswpanel"
    verbose_name = "lswpanel"

    def ready(self) -> None:
        from lswpanel import checks  # noqa: F401  (registers the checks, which need loaded settings)
