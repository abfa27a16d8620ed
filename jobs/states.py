"""The statuses of a job and every way from one to another. Pure; the engine and the database follow this table."""

from datetime import timedelta

from django.db import models


class JobStatus(models.TextChoices):
    """Where our job stands; never to be mixed with `state`, which is what Leaseweb reports."""

    QUEUED = "queued", "queued"
    SENDING = "sending", "sending"
    OBSERVING = "observing", "observing"
    UNKNOWN = "unknown", "unknown"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    UNVERIFIED = "unverified", "unverified"
    SKIPPED = "skipped", "skipped"
    CANCELLED = "cancelled", "cancelled"
    EXPIRED = "expired", "expired"
    RESOLVED = "resolved", "resolved"


S = JobStatus
LIVE = (S.QUEUED, S.SENDING, S.OBSERVING, S.UNKNOWN)
MOVING = (S.QUEUED, S.SENDING, S.OBSERVING)
FINAL = tuple(status for status in S if status not in LIVE)

TRANSITIONS: frozenset[tuple[JobStatus, JobStatus]] = frozenset(
    {
        (S.QUEUED, S.SENDING),
        (S.QUEUED, S.CANCELLED),
        (S.QUEUED, S.EXPIRED),
        (S.QUEUED, S.SKIPPED),
        (S.QUEUED, S.FAILED),
        (S.SENDING, S.QUEUED),
        (S.SENDING, S.OBSERVING),
        (S.SENDING, S.FAILED),
        (S.OBSERVING, S.SUCCEEDED),
        (S.OBSERVING, S.FAILED),
        (S.OBSERVING, S.UNVERIFIED),
        (S.OBSERVING, S.UNKNOWN),
        (S.UNKNOWN, S.SUCCEEDED),
        (S.UNKNOWN, S.FAILED),
        (S.UNKNOWN, S.RESOLVED),
    }
)


class Receipt(models.TextChoices):
    """What we know of Leaseweb having taken the request."""

    NONE = "", "not sent"
    ACCEPTED = "accepted", "accepted by Leaseweb"
    UNCERTAIN = "uncertain", "sent, not confirmed"


class Resolution(models.TextChoices):
    NONE = "", ""
    HAPPENED = "happened", "it happened"
    DID_NOT = "did_not", "it did not happen"


# How long a worker may hold a queued job or a send before it counts as vanished, and what must be left to begin.
LEASE = timedelta(seconds=90)
LEASE_NEEDED = timedelta(seconds=50)
# Bytes must start this soon after `sending` was committed, else the send is called off (a frozen process woke up).
START_WITHIN = timedelta(seconds=5)
MOST_ATTEMPTS = 5
MOST_LOST_LEASES = 3
LATE_EVIDENCE = timedelta(hours=24)
# How a queued job that waits for our own call budget only says so.
FOR_ITS_TURN = "It waits for its turn in the call budget of the API key"
# A job whose bell was lost is rung again after this.
RING_AGAIN_AFTER = timedelta(seconds=4)
