from typing import Any

from django.core.management.commands import shell

from lswpanel.closed import tell_shell


class Command(shell.Command):
    help = f"{shell.Command.help} Leaves an entry in the installation's trail first."

    def handle(self, **options: Any) -> None:
        tell_shell("shell")
        super().handle(**options)
