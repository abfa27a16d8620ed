from django.apps import AppConfig


class PanelConfig(AppConfig):
    name = "lswpanel"
    verbose_name = "lswpanel"

    def ready(self) -> None:
        from lswpanel import checks  # noqa: F401  (registers the checks, which need loaded settings)
