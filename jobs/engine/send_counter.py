"""Notices that an older copy of the database was put back, which would send again what was sent already.

The database counts its sends. A file in the data folder follows, on the disk before the request leaves; whoever finds
the file ahead of the database holds everything back until `manage.py resume`. A copy of the whole disk, folder and
database together, is not noticed.
"""

import fcntl
import os
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from jobs.models import SendCounter
from servers.leaseweb import LeasewebError

log = structlog.get_logger()
FOLDER = "sends"


class HeldBack(RuntimeError):
    """The database is older than what was sent, or was found to be: nothing may be sent."""


class Unrecorded(LeasewebError):
    """A trouble of ours that ends a send before it begins."""

    sentence = "The worker cannot write to its data folder, and sends nothing that it cannot note there."
    advice = "Make room or rights for it."


def born() -> SendCounter:
    """The one row, made with the database or at its first send."""
    return SendCounter.objects.get_or_create(pk=SendCounter.ROW)[0]


def held() -> bool:
    """Compare the database with this machine's file; True when nothing may be sent. One query.

    A file that lags, because other machines sent, is brought up to date.
    """
    counter = SendCounter.objects.filter(pk=SendCounter.ROW).first()
    if counter is None or counter.held_at:
        return counter is not None
    try:
        sent = remembered(counter.identity)
        if sent < counter.sends:
            remember(counter)
    except OSError as error:
        log.warning("the data folder cannot be used", error=str(error))
        return False
    return sent > counter.sends and _hold(counter, sent)


def count() -> SendCounter:
    """Count one send; the last lock of the caller's transaction. Raises HeldBack when there may be none."""
    born()
    if SendCounter.objects.filter(pk=SendCounter.ROW, held_at=None).update(sends=F("sends") + 1) != 1:
        raise HeldBack
    counter = SendCounter.objects.get(pk=SendCounter.ROW)
    # Nobody else can have got this number, so a file that knows it knows more than the database.
    if remembered(counter.identity) >= counter.sends:
        raise HeldBack
    return counter


def remembered(identity: UUID) -> int:
    """The number of sends that this machine knows of. Raises OSError when the file cannot be read."""
    try:
        return _number(_file(identity).read_bytes())
    except FileNotFoundError:
        return 0


def remember(counter: SendCounter) -> None:
    """Put the number on the disk, unless a later one is there. Raises OSError when that cannot be done."""
    path = _file(counter.identity)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written in place: the few bytes need no room on a disk that has become full.
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = file.read()
        if _number(before) >= counter.sends:
            return
        file.seek(0)
        file.write(b"%020d\n" % counter.sends)
        file.flush()
        os.fsync(file.fileno())
    if not before:
        _sync_folder(path.parent)


def _hold(counter: SendCounter, sent: int) -> bool:
    """Whether the database is behind even now: a send may have been counted since it was asked."""
    behind = SendCounter.objects.filter(
        pk=counter.pk, identity=counter.identity, held_at=None, sends__lt=sent
    )
    if not behind.update(held_at=Now()):
        return SendCounter.objects.filter(pk=counter.pk, held_at__isnull=False).exists()
    log.error(
        "an older copy of the database was put back; nothing is sent", known=sent, counted=counter.sends
    )
    return True


def _number(written: bytes) -> int:
    if written and not written.strip().isdigit():
        raise OSError("the count of sends in the data folder is unreadable")
    return int(written or 0)


def _file(identity: UUID) -> Path:
    return Path(settings.DATA_DIR) / FOLDER / str(identity)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
