"""Commands that Django and its packages bring along, and that would go past the services and so past the trail (A8)."""

import shlex
import sys
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

import audit.log
from audit.actions import AuditAction
from audit.models import INSTALLATION
from audit.origin import Actor

LONGEST_LINE = 200


class ClosedCommand(BaseCommand):
    """A command that does nothing but name the way that leaves an entry."""

    instead: ClassVar[str]
    help = "Not part of lswpanel."

    def run_from_argv(self, argv: list[str]) -> None:
        """Whatever the options are: none of them is looked at."""
        super().run_from_argv(argv[:2])

    def handle(self, *args: Any, **options: Any) -> None:
        name = type(self).__module__.rpartition(".")[2]
        raise CommandError(
            f"lswpanel has no `{name}`: it would leave no entry in the audit trail. {self.instead}"
        )


def tell_shell(name: str) -> None:
    """Leave an entry that somebody on the host opens a shell, before it opens: what is done in it is not told."""
    line = shlex.join(["manage.py", *sys.argv[1:]])[:LONGEST_LINE]
    with transaction.atomic():
        audit.log.record(
            AuditAction.SHELL_OPEN,
            chain=INSTALLATION,
            actor=Actor(),
            target=audit.log.Target("command", name),
            reason=line,
        )
