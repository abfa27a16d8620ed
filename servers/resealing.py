"""Seals stored API keys anew with the first key of the ring, so that an old one may be taken out of it (K2)."""

from collections import Counter
from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

import audit.log
from audit.actions import AuditAction
from audit.models import INSTALLATION
from audit.origin import Actor
from servers.models import ApiKey
from teams import encryption
from teams.encryption import DecryptionError

BATCH = 200


def reseal_all(actor: Actor) -> Iterator[int]:
    """Go through all API keys that another than the first key sealed, and tell of each batch how many it sealed anew.

    Each batch is a transaction with its audit entry, so it can be ended at any moment and begun again: what was done
    stays. Meanwhile the panel works: a key that somebody changes is left as they made it.
    """
    last = 0
    while batch := list(_outdated().filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        yield _reseal(batch, actor)


def in_use() -> Counter[str]:
    """How many API keys each key of the ring has sealed, by its id; of keys that are not in the ring, too."""
    sealed = ApiKey.objects.exclude(sealed="").values_list("sealed", flat=True)
    return Counter(encryption.key_id_of(text) for text in sealed.iterator(chunk_size=2000))


def unreadable() -> list[ApiKey]:
    """Those that need another key than the ring has, by team."""
    kept = ApiKey.objects.exclude(sealed="").select_related("team").order_by("team", "pk")
    return [api_key for api_key in kept if encryption.key_id_of(api_key.sealed) not in encryption.ring()]


def _outdated() -> QuerySet[ApiKey]:
    first = next(iter(encryption.ring()))
    kept = ApiKey.objects.exclude(sealed="").exclude(sealed__startswith=f"{encryption.VERSION}.{first}.")
    return kept.select_related("team").only("sealed", "uuid", "team__uuid")


@transaction.atomic
def _reseal(batch: list[ApiKey], actor: Actor) -> int:
    done = sum(_reseal_one(api_key) for api_key in batch)
    if done:
        change = audit.log.Change(after={"key": next(iter(encryption.ring())), "api_keys": done})
        audit.log.record(AuditAction.KEYS_ROTATE, chain=INSTALLATION, actor=actor, change=change)
    return done


def _reseal_one(api_key: ApiKey) -> int:
    """1 when it was sealed anew; 0 when it does not open, or is no longer what it was when it was read."""
    before = api_key.sealed
    try:
        sealed = encryption.encrypt(api_key.unseal(), api_key.place)
    except DecryptionError:
        return 0
    return ApiKey.objects.filter(pk=api_key.pk, sealed=before).update(sealed=sealed)
