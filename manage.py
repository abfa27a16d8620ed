#!/usr/bin/env python
"""The command line of lswpanel; `manage.py help` lists the commands."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line, get_commands
from django.db import OperationalError

from lswpanel import starting
from lswpanel.management.commands import up

ROOT = Path(__file__).resolve().parent
# These look at the code and the settings only, or see to the database themselves.
NEED_NO_DATABASE = ("check", "help", "makemigrations", "prepare", "replace_lost_keys", "seed_demo", "version")
HELP = {"-h", "--help", "--version"}


def main() -> None:
    if sys.argv[1:2] == ["verify_audit"] and "--offline" in sys.argv:
        # On a machine that has a file and a public key, and nothing else of the panel.
        from audit.checkpoints import offline

        sys.exit(offline.main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")
    if sys.argv[1:2] == ["up"] and "--demo" in sys.argv:
        choose_demo()
    with in_one_sentence():
        read_env_file()
        _ = settings.INSTALLED_APPS
    if sys.argv[1:2] == ["up"]:
        # It supervises and needs none of the apps, which take half a second to load.
        up.Command().run_from_argv(sys.argv)
        return
    if needs_database(sys.argv[1:]):
        with in_one_sentence():
            refuse_unsafe(sys.argv[1])
    execute_from_command_line(sys.argv)


def choose_demo() -> None:
    """Before the settings are read: the demo has its own data folder and stays out of other databases."""
    os.environ["DEMO"] = "on"
    # What .env says is about the panel that people use; the children, which are given this, do not read it either.
    os.environ["PYTHON_DOTENV_DISABLED"] = "on"
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        os.environ.pop(name, None)
    os.environ.setdefault("DATA_DIR", str(ROOT / "data" / "demo"))


def read_env_file() -> None:
    """Take from `.env` what the environment does not say itself, as docker compose does."""
    if (ROOT / ".env").is_file():
        from dotenv import load_dotenv

        load_dotenv(ROOT / ".env", encoding="utf-8-sig")


def needs_database(words: list[str]) -> bool:
    return bool(words) and words[0] not in NEED_NO_DATABASE and HELP.isdisjoint(words)


def refuse_unsafe(command: str) -> None:
    """Without database or secrets, and with the secrets of another database, nothing is run and nothing is made."""
    starting.refuse_what_is_missing()
    django.setup()
    from lswpanel import keychecks

    if not get_commands().get(command, "django").startswith("django"):
        keychecks.refuse_unprepared()
    keychecks.refuse_others()


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Say in one sentence what is wrong with the configuration, with a folder, or with the database."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.exit(f"lswpanel: {error}")
    except UnicodeDecodeError as error:
        sys.exit(f"lswpanel: {ROOT / '.env'} is not UTF-8 text: {error.reason} at byte {error.start}.")
    except OSError as error:
        sys.exit(f"lswpanel: {error.filename or 'The data folder'} cannot be used: {error.strerror}.")
    except OperationalError as error:
        where = settings.DATABASE_FILE or "at DATABASE_URL"
        sys.exit(f"lswpanel: The database {where} cannot be used: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()
