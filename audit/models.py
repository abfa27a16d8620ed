"""The audit trail: one append-only, chained list of entries per team, and one for the installation (A1-A6)."""

from typing import Any, NoReturn

from django.db import models

from audit.actions import AuditAction

INSTALLATION = 0


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete an audit entry. The database refuses that as well."""


class Outcome(models.TextChoices):
    """ASKED is written before a call that a person waits for, one of the others after it."""

    ASKED = "asked", "asked for"
    DONE = "done", "done"
    REFUSED = "refused", "refused"
    FAILED = "failed", "failed"
    UNSURE = "unsure", "not confirmed"


class AuditEvent(models.Model):
    """One act. `chain` is the team's id, or 0 for acts that belong to no team; `sequence` has no gaps (A1).

    People stand here by id only; their names are in AuditName, so that a person can be forgotten without
    breaking the chain (A10). `actor_id` is empty when the panel itself acted.
    """

    chain = models.BigIntegerField()
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    action = models.CharField(max_length=40, choices=AuditAction.choices)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    actor_id = models.BigIntegerField(null=True)
    actor_role = models.CharField(max_length=20, blank=True)
    on_behalf_of = models.BigIntegerField(null=True)
    session = models.CharField(max_length=16, blank=True)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    target_type = models.CharField(max_length=20, blank=True)
    target_id = models.CharField(max_length=40, blank=True)
    target_label = models.CharField(max_length=200, blank=True)
    job_id = models.BigIntegerField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    upstream_status = models.IntegerField(null=True)
    upstream_job_id = models.CharField(max_length=100, blank=True)
    correlation_id = models.CharField(max_length=100, blank=True)
    prev_hash = models.CharField(max_length=64)
    row_hash = models.CharField(max_length=64)
    row_mac = models.CharField(max_length=64)

    class Meta:
        ordering = ("-sequence",)
        constraints = (models.UniqueConstraint(fields=("chain", "sequence"), name="audit_sequence_once"),)
        indexes = (
            models.Index(fields=("chain", "target_type", "target_id", "-sequence"), name="audit_by_target"),
            models.Index(fields=("chain", "actor_id", "-sequence"), name="audit_by_actor"),
            models.Index(fields=("chain", "action", "-sequence"), name="audit_by_action"),
            models.Index(fields=("chain", "outcome", "-sequence"), name="audit_by_outcome"),
        )

    def __str__(self) -> str:
        return f"{self.chain}/{self.sequence} {self.action}"

    def save(self, **options: Any) -> None:
        """Raises AppendOnlyError for an entry that was kept; `update()` of a queryset is for the triggers to refuse."""
        if self.pk is not None:
            raise AppendOnlyError("An audit entry cannot be changed.")
        super().save(**options)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Raises AppendOnlyError, always."""
        raise AppendOnlyError("An audit entry cannot be deleted.")


class AuditHead(models.Model):
    """The last entry of a chain; its row is the lock that keeps the sequence gapless. `mac` covers all of it."""

    chain = models.BigIntegerField(primary_key=True)
    sequence = models.BigIntegerField(default=0)
    row_hash = models.CharField(max_length=64, default="0" * 64)
    mac = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.chain} at {self.sequence}"


class AuditName(models.Model):
    """The name a person had last; kept apart from the chain."""

    actor_id = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Checkpoint(models.Model):
    """Where every chain stood at a moment, signed; `content` and `signature` are the text that `signed` reads (A4).

    `entries` is how many all chains had together.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    entries = models.BigIntegerField()
    content = models.TextField()
    signature = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"checkpoint {self.number}"

    @property
    def line(self) -> str:
        return f"{self.content} {self.signature}"


class AuditLease(models.Model):
    """Who may do a piece of work now: `until` is empty when nobody does, and `epoch` grows with each taking."""

    name = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField(null=True)
    epoch = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Verification(models.Model):
    """The last wish to verify a chain, how far a worker has read, and the verdict once it was found.

    `number` counts the wishes; `asked_at` is empty when nobody waits. `asked_by` is who asked, as `Actor` tells it.
    `read` entries were found good, the last of them has `row_hash`, and `seal` shows that a worker wrote both.
    `first_bad` and `problem` say what is wrong, if anything.
    """

    chain = models.BigIntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    asked_by = models.JSONField(default=dict)
    read = models.BigIntegerField(default=0)
    row_hash = models.CharField(max_length=64, default="0" * 64)
    seal = models.CharField(max_length=64, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.BigIntegerField(null=True)
    entries = models.BigIntegerField(default=0)
    first_bad = models.BigIntegerField(null=True)
    problem = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"verification of {self.chain}"
