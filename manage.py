#!/usr/bin/env python
"""The command line of lswpanel; `manage.py help` lists the commands."""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from lswpanel.management.commands import up


def main() -> None:
    if sys.argv[1:2] == ["verify_audit"] and "--offline" in sys.argv:
        # On a machine that has a file and a public key, and nothing else of the panel.
        from audit.checkpoints import offline

        sys.exit(offline.main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")
    if sys.argv[1:2] == ["up"] and "--demo" in sys.argv:
        choose_demo()
    load_settings()
    if sys.argv[1:2] == ["up"]:
        # It supervises and needs none of the apps, which take half a second to load.
        up.Command().run_from_argv(sys.argv)
    else:
        execute_from_command_line(sys.argv)


def choose_demo() -> None:
    """Before the settings are read: the demo has its own data folder and stays out of other databases."""
    os.environ["DEMO"] = "on"
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        os.environ.pop(name, None)
    os.environ.setdefault("DATA_DIR", str(Path(__file__).resolve().parent / "data" / "demo"))


def load_settings() -> None:
    """Say in one sentence what is wrong with the configuration or with the folder of the keys."""
    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as error:
        sys.exit(f"lswpanel: {error}")
    except OSError as error:
        sys.exit(f"lswpanel: {error.filename or 'The data folder'} cannot be used: {error.strerror}.")


if __name__ == "__main__":
    main()
