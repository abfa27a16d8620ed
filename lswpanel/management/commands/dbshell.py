from typing import Any

from django.core.management.commands import dbshell

from lswpanel.closed import tell_shell


class Command(dbshell.Command):
    help = f"{dbshell.Command.help} Leaves an entry in the installation's trail first."

    def handle(self, **options: Any) -> None:
        tell_shell("dbshell")
        super().handle(**options)
