"""`manage.py up`: the whole panel on one machine, in the foreground, until Ctrl-C."""

import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandParser

from lswpanel import starting
from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.lock import unusable
from lswpanel.supervisor.output import Terminal
from lswpanel.supervisor.panel import Panel, Plan


class Command(BaseCommand):
    help = "Starts the panel on this machine: Valkey, the web server, two workers and beat. Ctrl-C stops it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo",
            action="store_true",
            help="with a simulated Leaseweb and a team that already has servers; data in data/demo",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if os.geteuid() == 0:
            self.stdout.write("Running as root. An account of its own is enough for lswpanel, and safer.")
        # Databases, sockets and logs of this panel are nobody else's business.
        os.umask(0o077)
        try:
            _make_what_is_new()
            Panel(plan(), terminal=Terminal(sys.stdout)).run()
        except StartError as error:
            self.stderr.write(f"lswpanel: {error}")
            sys.exit(1)


def _make_what_is_new() -> None:
    """Before the web server reads the secrets. On several machines nothing is made, and `prepare` asks the database."""
    if not settings.SINGLE_MACHINE:
        return
    try:
        starting.make_what_is_new()
    except ImproperlyConfigured as error:
        raise StartError(str(error)) from error
    except OSError as error:
        raise unusable(settings.DATA_DIR, error.strerror or str(error)) from error


def plan() -> Plan:
    """The plan that the settings and the environment describe; `manage.py` has read `--demo` into them."""
    return Plan(
        data=settings.DATA_DIR,
        host=settings.BIND,
        port=settings.PORT,
        url=settings.PUBLIC_URL,
        url_host=urlsplit(settings.PUBLIC_URL).netloc,
        demo=settings.DEMO,
        base=os.environ,
        # Until here this process did nothing but compute, so its CPU time is the time since it was started.
        started=time.monotonic() - time.process_time(),
    )
