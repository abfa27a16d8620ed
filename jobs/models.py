"""A job: one click, kept until its outcome is known; and the events that tell its story."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from audit import heads
from jobs.states import LIVE, JobStatus, Receipt, Resolution
from servers.models import ApiKey, Server
from teams.models import Team, User

MACHINE_VERSION = 1


class JobQuerySet(models.QuerySet["Job"]):
    def live(self) -> "JobQuerySet":
        """Jobs that hold their server: not sent yet, on the way, watched, or unknown and not yet settled."""
        return self.filter(status__in=LIVE)

    def moving(self) -> "JobQuerySet":
        """Jobs that can move on: those of a team whose audit trail is broken stand still, and so do their deadlines."""
        return self.filter(Exists(heads.in_order().filter(chain=OuterRef("team_id"))))


class Job(models.Model):
    """One action on one server.

    queued → sending → observing → succeeded | failed | unverified | unknown, with the exits of `jobs.states`.
    `engine.advance()` alone writes `status`. Every time in here is the database's clock. `epoch` grows with each
    lease, so a process that slept past its lease can no longer write (G8). `before` is the server as it was read
    just before sending; `seen` is what the readings since then add up to.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="jobs")
    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="jobs")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="jobs")
    kind = models.CharField(max_length=20)
    params = models.JSONField(default=dict)
    client_token = models.UUIDField(default=uuid.uuid4)
    requested_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_role = models.CharField(max_length=20, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    again_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="again")
    # What to ask for next if this succeeds, {"kind", "params"}; the job that came of it names this one. It is kept as
    # it was asked for when somebody calls it off.
    follow_up = models.JSONField(null=True)
    follows = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="followed_by")
    called_off_at = models.DateTimeField(null=True)
    called_off_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    machine_version = models.PositiveSmallIntegerField(default=MACHINE_VERSION)

    status = models.CharField(max_length=12, choices=JobStatus.choices, default=JobStatus.QUEUED)
    receipt = models.CharField(max_length=10, choices=Receipt.choices, default=Receipt.NONE, blank=True)
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=600, blank=True)
    resolution = models.CharField(
        max_length=10, choices=Resolution.choices, default=Resolution.NONE, blank=True
    )
    before = models.JSONField(default=dict)
    seen = models.JSONField(default=dict)

    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lost_leases = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    # The heartbeat's name of the process that holds the lease.
    held_by = models.CharField(max_length=120, blank=True)
    not_before = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(db_default=Now())
    next_poll_at = models.DateTimeField(null=True)
    waiting_for = models.CharField(max_length=200, blank=True)

    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    upstream_status = models.IntegerField(null=True)
    upstream_job_id = models.CharField(max_length=100, blank=True)
    correlation_id = models.CharField(max_length=100, blank=True)
    changed_seq = models.BigIntegerField(default=0)

    objects: ClassVar[models.Manager["Job"]] = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("server",), condition=models.Q(status__in=LIVE), name="one_live_job_per_server"
            ),
            models.UniqueConstraint(fields=("team", "client_token"), name="one_job_per_click"),
        )
        indexes = (
            models.Index(
                fields=("status", "next_poll_at"), condition=models.Q(status__in=LIVE), name="job_live"
            ),
            models.Index(fields=("team", "-id"), name="job_by_team"),
            models.Index(fields=("team", "status", "-id"), name="job_by_status"),
            models.Index(fields=("server", "-id"), name="job_by_server"),
            models.Index(fields=("team", "changed_seq"), name="job_by_change"),
        )

    def __str__(self) -> str:
        return f"job {self.pk}: {self.kind} of {self.server_id}"


class JobEvent(models.Model):
    """One step of a job with the evidence for it. `at` is the database's clock."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(db_default=Now())
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12)
    epoch = models.PositiveIntegerField(default=0)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    message = models.CharField(max_length=600, blank=True)
    evidence = models.JSONField(default=dict)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} → {self.to_status}"

    def save(self, **options: Any) -> None:
        if self.pk is not None:
            raise TypeError("A job's event cannot be changed.")
        super().save(**options)


class ExternalEvent(models.Model):
    """A change that a reading showed and no job of ours explains: made in the portal, by another key, by Leaseweb.

    `subject` names the snapshot when it is about one; `before` and `after` are what the readings showed.
    """

    class What(models.TextChoices):
        APPEARED = "appeared", "the server appeared"
        VANISHED = "vanished", "the server vanished"
        STATE = "state", "the state changed"
        REFERENCE = "reference", "the reference changed"
        TEMPLATE = "template", "the system changed"
        SNAPSHOT_NEW = "snapshot_new", "a snapshot appeared"
        SNAPSHOT_GONE = "snapshot_gone", "a snapshot vanished"
        SNAPSHOT_STATE = "snapshot_state", "a snapshot's state changed"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="external_events")
    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="external_events")
    at = models.DateTimeField(db_default=Now())
    what = models.CharField(max_length=20, choices=What.choices)
    subject = models.CharField(max_length=255, blank=True)
    before = models.CharField(max_length=200, blank=True)
    after = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("team", "-id"), name="external_by_team"),
            models.Index(fields=("server", "-id"), name="external_by_server"),
        )

    def __str__(self) -> str:
        return f"{self.what} of {self.server_id}"


class SendCounter(models.Model):
    """How many requests this database has let out to Leaseweb, in its one row; see `jobs.engine.send_counter`.

    `identity` names the file in the data folder that keeps up with it. `held_at` is set when that file was found to
    be ahead: an older copy of the database was put back, and nothing is sent until somebody says how to go on.
    """

    ROW = 1
    identity = models.UUIDField(default=uuid.uuid4)
    sends = models.BigIntegerField(default=0)
    held_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.sends} sends of {self.identity}"


class Heartbeat(models.Model):
    """That a process which moves jobs on is alive: `at` moves every two seconds, `ticked_at` with each of its ticks.

    `trouble` says what keeps it from its work. The row of the last start stands for a panel that is coming up.
    """

    class Driver(models.TextChoices):
        START = "start", "start of the panel"
        WORKER = "worker", "worker"
        ENGINE = "engine", "manage.py engine"

    class Trouble(models.TextChoices):
        NONE = "", ""
        BROKER = "broker", "the message broker does not answer"

    name = models.CharField(max_length=120, unique=True)
    driver = models.CharField(max_length=10, choices=Driver.choices)
    at = models.DateTimeField(db_default=Now())
    ticked_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=10, choices=Trouble.choices, default=Trouble.NONE, blank=True)

    def __str__(self) -> str:
        return self.name
