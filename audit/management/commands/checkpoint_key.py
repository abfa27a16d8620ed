from typing import Any

from django.core.management.base import BaseCommand

from audit.checkpoints.key import public_key


class Command(BaseCommand):
    help = "Print the public key that signed checkpoints of the audit trail are checked with. Keep it elsewhere, too."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(public_key())
