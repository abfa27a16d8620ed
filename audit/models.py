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

    People stand here by id and by the digest of what they were called; names and addresses are in AuditPerson, so
    that a person can be forgotten without breaking the chain (A10). `actor_id` is empty when the panel itself acted.
    """

    # The unique constraint below is an index of it already.
    chain = models.ForeignKey("AuditHead", on_delete=models.PROTECT, related_name="+", db_index=False)
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    action = models.CharField(max_length=40, choices=AuditAction.choices)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    actor_id = models.BigIntegerField(null=True)
    actor_digest = models.CharField(max_length=64, blank=True)
    actor_role = models.CharField(max_length=20, blank=True)
    on_behalf_of = models.BigIntegerField(null=True)
    behalf_digest = models.CharField(max_length=64, blank=True)
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
    content_hash = models.CharField(max_length=64)
    row_hash = models.CharField(max_length=64)
    key_id = models.CharField(max_length=8)
    row_mac = models.CharField(max_length=64)

    class Meta:
        ordering = ("-sequence",)
        constraints = (
            models.UniqueConstraint(fields=("chain", "sequence"), name="audit_sequence_once"),
            models.CheckConstraint(condition=models.Q(sequence__gte=1), name="audit_sequence_from_one"),
        )
        indexes = (
            models.Index(fields=("chain", "target_type", "target_id", "-sequence"), name="audit_by_target"),
            models.Index(fields=("chain", "actor_id", "-sequence"), name="audit_by_actor"),
            models.Index(fields=("chain", "action", "-sequence"), name="audit_by_action"),
            models.Index(fields=("chain", "outcome", "-sequence"), name="audit_by_outcome"),
        )

    def __str__(self) -> str:
        return f"{self.chain_id}/{self.sequence} {self.action}"

    def save(self, **options: Any) -> None:
        """Raises AppendOnlyError for an entry that was kept; `update()` of a queryset is for the triggers to refuse."""
        if self.pk is not None:
            raise AppendOnlyError("An audit entry cannot be changed.")
        super().save(**options)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Raises AppendOnlyError, always."""
        raise AppendOnlyError("An audit entry cannot be deleted.")


class AuditHead(models.Model):
    """A chain: where it began, and its last entry. Its row is the lock that keeps the sequence gapless.

    `start` is 0, or the number after which the chain was begun anew because what came before is broken. `closed`: no
    entry can follow. `mac` covers all this. `broken_at` and `problem` are a note for people and for the engine, which
    whoever finds the chain broken leaves here.
    """

    chain = models.BigIntegerField(primary_key=True)
    birth = models.CharField(max_length=32)
    start = models.BigIntegerField(default=0)
    sequence = models.BigIntegerField(default=0)
    row_hash = models.CharField(max_length=64)
    closed = models.BooleanField(default=False)
    key_id = models.CharField(max_length=8)
    mac = models.CharField(max_length=64)
    broken_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.chain} at {self.sequence}"


class AuditPerson(models.Model):
    """What a person was called from some moment on; the newest row is what they are called now.

    `digest` is SHA-256 over the salt, the name and the address, and stands in the entries of that time. So nobody can
    put another name beside an act, and a row can be erased without breaking any chain (A10).
    """

    person_id = models.BigIntegerField()
    digest = models.CharField(max_length=64, unique=True)
    salt = models.CharField(max_length=32)
    name = models.CharField(max_length=100, blank=True)
    email = models.CharField(max_length=254, blank=True)
    key_id = models.CharField(max_length=8)
    mac = models.CharField(max_length=64)

    class Meta:
        indexes = (models.Index(fields=("person_id", "-id"), name="audit_person_newest"),)

    def __str__(self) -> str:
        return f"{self.name} {self.email}"


class Checkpoint(models.Model):
    """Where every chain stood at a moment, signed: `content` and `signature` are the text that `signed` reads (A4).

    `anew`: nothing before it counts any more.
    """

    number = models.BigIntegerField(primary_key=True)
    anew = models.BooleanField(default=False)
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

    `number` counts the wishes; `asked_at` is empty when nobody waits. `asked_by` is who asked, as `Actor` tells it,
    with a seal.
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
