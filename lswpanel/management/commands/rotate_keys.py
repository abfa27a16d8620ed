import itertools
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from audit.models import AuditEvent
from audit.origin import Actor
from lswpanel import keychecks
from lswpanel.checks import TAG
from servers import resealing
from teams import encryption


class Command(BaseCommand):
    help = (
        "Seal everything anew with the first key of ENCRYPTION_KEYS, and say which of the others may go. Put the new "
        "key before the old one and restart the panel first. Safe to stop and to repeat."
    )
    requires_system_checks = (TAG,)

    def handle(self, *args: Any, **options: Any) -> None:
        keychecks.register()
        for done in itertools.accumulate(resealing.reseal_all(Actor())):
            self.stdout.write(f"Sealed {done} API keys anew.")
        self.stdout.writelines(f"{line}\n" for line in [*_encryption_ring(), *_audit_ring()])
        if left := _left():
            raise CommandError(
                f"{left} API keys were not sealed anew; repeat the command to see whether they open now."
            )


def _left() -> int:
    first = next(iter(encryption.ring()))
    return sum(count for key_id, count in resealing.in_use().items() if key_id != first)


def _encryption_ring() -> Iterator[str]:
    used = resealing.in_use()
    first, *others = encryption.ring()
    yield f"ENCRYPTION_KEYS: {first} seals; API keys under it: {used[first]}."
    for key_id in others:
        if used[key_id]:
            yield f"ENCRYPTION_KEYS: {key_id} has to stay; API keys under it: {used[key_id]}."
        else:
            yield (
                f"ENCRYPTION_KEYS: {key_id} may go: take it out and restart the panel. Keep it beside those copies of "
                "the database that are older than this moment."
            )


def _audit_ring() -> Iterator[str]:
    counted = AuditEvent.objects.order_by().values_list("key_id").annotate(Count("pk"))
    for key_id, entries in sorted(counted):
        yield f"AUDIT_KEYS: {key_id} has to stay as long as the trail does; entries under it: {entries}."
