"""What people were called when they acted, kept beside the trail: checked against it, and erasable (A10)."""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Expression, Max, QuerySet, Value
from django.db.models.expressions import RawSQL

from audit import keys
from audit.models import AuditPerson
from audit.text import one_line

# Every entry asks this. The ORM would take longer to write it than the database to answer.
_NEWEST = 'SELECT "digest" FROM "audit_auditperson" WHERE "person_id" = %s ORDER BY "id" DESC LIMIT 1'


@dataclass(frozen=True, slots=True)
class Known:
    """A person as the trail knew them. `genuine` is False when the row does not fit: somebody put it there."""

    person_id: int
    name: str
    email: str
    genuine: bool


def remember(person_id: int, name: str, email: str) -> str:
    """Keep what a person is called from now on; the digest that their entries carry. Writes only what is new."""
    name, email = one_line(name, 100), one_line(email, 254)
    row = newest(person_id).first()
    if row is not None and (row.name, row.email) == (name, email) and _genuine(row):
        return row.digest
    row = AuditPerson(person_id=person_id, salt=secrets.token_hex(16), name=name, email=email)
    row.digest = _digest(row)
    made = keys.seal(_message(row))
    row.key_id, row.mac = made.key_id, made.mac
    row.save(force_insert=True)
    return row.digest


def forget(person_id: int) -> int:
    """Erase every name and address of a person; how many there were. Their entries keep a number and digests."""
    return AuditPerson.objects.filter(person_id=person_id).delete()[0]


def newest(person_id: int) -> QuerySet[AuditPerson]:
    return AuditPerson.objects.filter(person_id=person_id).order_by("-pk")


def last_sealed(person_id: int) -> AuditPerson | None:
    """The newest row of somebody that this panel wrote; None if there is none."""
    return next((row for row in newest(person_id) if _genuine(row)), None)


def current_digest(person_id: int | None) -> Expression:
    """The digest of what somebody is called now, as a part of a larger query; empty for nobody."""
    return Value("") if person_id is None else RawSQL(_NEWEST, [person_id])  # noqa: S611  (nothing is put together)


def known(digests: Iterable[str]) -> dict[str, Known]:
    """Who stands behind these digests, each row checked against its digest and its seal. A missing one is forgotten."""
    rows = AuditPerson.objects.filter(digest__in=set(digests) - {""})
    return {row.digest: Known(row.person_id, row.name, row.email, _genuine(row)) for row in rows}


def called_now(person_id: int) -> Known | None:
    """What the trail calls somebody now."""
    row = newest(person_id).first()
    return Known(person_id, row.name, row.email, _genuine(row)) if row else None


def all_called_now(person_ids: Iterable[int]) -> dict[int, Known]:
    """What the trail calls these people now, by their ids; somebody who was forgotten is missing."""
    wanted = AuditPerson.objects.filter(person_id__in=set(person_ids))
    latest = wanted.values("person_id").annotate(latest=Max("pk")).values("latest")
    rows = AuditPerson.objects.filter(pk__in=latest)
    return {row.person_id: Known(row.person_id, row.name, row.email, _genuine(row)) for row in rows}


def impostors() -> list[int]:
    """Ids of the people whose next act would carry a name that this panel did not write."""
    latest = AuditPerson.objects.values("person_id").annotate(latest=Max("pk")).values("latest")
    rows = AuditPerson.objects.filter(pk__in=latest).order_by("person_id")
    return [row.person_id for row in rows if not _genuine(row)]


def seal_anew() -> None:
    """Seal the rows whose key is not in the ring any more with the one that seals now, if their digest fits.

    Only for a key that is lost for good: from then on nothing shows whether somebody else had written them before.
    """
    for row in AuditPerson.objects.exclude(key_id__in=keys.ring()).iterator(chunk_size=1000):
        if keys.same(row.digest, _digest(row)):
            made = keys.seal(_message(row))
            AuditPerson.objects.filter(pk=row.pk).update(key_id=made.key_id, mac=made.mac)


def _genuine(row: AuditPerson) -> bool:
    return keys.same(row.digest, _digest(row)) and keys.fits(_message(row), keys.Seal(row.key_id, row.mac))


def _digest(row: AuditPerson) -> str:
    return hashlib.sha256(json.dumps([row.salt, row.name, row.email]).encode()).hexdigest()


def _message(row: AuditPerson) -> str:
    return f"person\n{row.person_id}\n{row.digest}"
