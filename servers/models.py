"""API keys, the servers they show, and what is read of each server, as Leaseweb reported it last."""

import uuid

from django.db import models
from django.db.models.functions import Now

from audit.log import Target
from servers.leaseweb import Secret
from teams.collation import BytewiseField, SearchKeyField, SortKeyField
from teams.encryption import Place, decrypt, encrypt, fingerprint
from teams.models import Team, User

PRODUCT = "virtualServers"


class ApiKey(models.Model):
    """A Leaseweb API key of a team: sealed, shown as a fingerprint, with what its last readings told.

    `budget_tokens` and `budget_at` are its call budget (see `servers.budget`), halved until `slowed_until`. Until
    `clicks_until` clicks wait for that budget: nothing else is read, but for what jobs are judged by, and that not
    before `polls_after`. `paused_until` is the one clock of all its calls: nothing is asked before. It keeps an open
    breaker, or a Retry-After; the latter stands in `retry_after_until`, too, since no success ends it.
    `listed_at` is when its list was begun to be read for several clicks at once. `poll_lease_until` makes one worker at
    a time read for it, the one that wrote `poll_lease_by`.
    `refused_about` is what Leaseweb refused it once for (see `servers.health`), until something works again.

    `synced_at` is when the last whole pass through its servers began, which showed `server_count` of them in
    `list_calls` calls. The `pass_*` columns say where the pass under way stands (see `servers.passes`): its begin, the
    next offset, the total that Leaseweb told, the calls so far, new servers that are held back, and whether no page
    contradicted another. `doubted_at` is the whole pass that showed a mass of servers come or gone and waits for a
    second one, `list_error` why the list here may not be what Leaseweb has.
    """

    class Health(models.TextChoices):
        UNTRIED = "untried", "not read yet"
        WORKING = "working", "working"
        FAILING = "failing", "last reading failed"
        REFUSED = "refused", "refused by Leaseweb"
        READS_ONLY = "reads_only", "reads only"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    sealed = models.TextField()
    fingerprint = models.CharField(max_length=8)
    health = models.CharField(max_length=12, choices=Health.choices, default=Health.UNTRIED)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    removed_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    next_sync_at = models.DateTimeField(db_default=Now())
    refresh_asked_at = models.DateTimeField(null=True)
    poll_lease_until = models.DateTimeField(null=True)
    poll_lease_by = models.CharField(max_length=32, blank=True)
    paused_until = models.DateTimeField(null=True)
    retry_after_until = models.DateTimeField(null=True)
    slowed_until = models.DateTimeField(null=True)
    clicks_until = models.DateTimeField(null=True)
    polls_after = models.DateTimeField(null=True)
    listed_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    error_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=100, blank=True)
    refused_about = models.CharField(max_length=64, blank=True)
    server_count = models.PositiveIntegerField(default=0)
    list_calls = models.PositiveIntegerField(default=0)
    list_error = models.CharField(max_length=500, blank=True)
    doubted_at = models.DateTimeField(null=True)
    pass_begun_at = models.DateTimeField(null=True)
    pass_offset = models.PositiveIntegerField(default=0)
    pass_total = models.PositiveBigIntegerField(null=True)
    pass_calls = models.PositiveIntegerField(default=0)
    pass_held = models.PositiveIntegerField(default=0)
    pass_steady = models.BooleanField(default=True)
    budget_tokens = models.FloatField(default=10)
    budget_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("team", "name"), condition=models.Q(removed_at=None), name="api_key_name_once"
            ),
        )
        indexes = (
            models.Index(
                fields=("next_sync_at",), condition=models.Q(removed_at=None), name="api_key_next_sync"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> Place:
        return Place(self.team.uuid, self.uuid, "api_key")

    def seal(self, key: Secret) -> None:
        """Keep `key` encrypted, bound to this row; beside the transport the only place that opens it."""
        self.sealed = encrypt(key.reveal(), self.place)
        self.fingerprint = fingerprint(key.reveal(), self.place)

    def unseal(self) -> str:
        """The key itself; only `servers.connect` has a use for it."""
        return decrypt(self.sealed, self.place)


class Server(models.Model):
    """A virtual server as Leaseweb reported it last. `state` is theirs; `seen_at` says how old it all is, `moved_at`
    when a reading last showed another state or system than the one before.

    Unique by team, product and upstream id; `api_key` is the one used for it now, `links` are all that see it.
    A server that vanished upstream is kept with `gone_at` set, and so is its history. `quota_bytes` is a month's
    traffic.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        STOPPED = "STOPPED", "stopped"
        STARTING = "STARTING", "starting"
        STOPPING = "STOPPING", "stopping"
        UNKNOWN = "UNKNOWN", "unknown"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="servers")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="current_servers")
    product = models.CharField(max_length=20, default=PRODUCT)
    upstream_id = models.CharField(max_length=64)
    # What people call it: the reference, else a name of Leaseweb's, else the id. Never empty, so it can be sorted by.
    shown_name = models.CharField(max_length=200)
    name_key = SortKeyField(of="shown_name")
    search_text = models.TextField()
    changed_seq = models.BigIntegerField(default=0)
    first_seen_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    moved_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    refresh_asked_at = models.DateTimeField(null=True)
    # Ours: a private note, a limit of traffic where the contract tells none, and the name that a rename asked for and
    # no reading has shown yet (the empty one takes a name off, so nothing asked is null).
    note = models.TextField(blank=True)
    quota_bytes = models.BigIntegerField(null=True)
    reference_asked = models.TextField(blank=True, null=True)  # noqa: DJ001

    reference = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UNKNOWN)
    firewall_state = models.CharField(max_length=20, blank=True)
    data_center = BytewiseField(max_length=64, blank=True)
    template = models.CharField(max_length=200, blank=True)
    service_offering = models.CharField(max_length=64, blank=True)
    sla = models.CharField(max_length=64, blank=True)
    customer_id = models.CharField(max_length=64, blank=True)
    cloud_server_id = models.CharField(max_length=64, blank=True)
    contract_id = models.CharField(max_length=64, blank=True)
    contract_starts_on = models.DateField(null=True)
    contract_ends_on = models.DateField(null=True)
    billing_cycle = models.BigIntegerField(null=True)
    billing_frequency = models.CharField(max_length=20, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    currency = models.CharField(max_length=10, blank=True)
    cpu_cores = models.BigIntegerField(null=True)
    memory_amount = models.BigIntegerField(null=True)
    memory_unit = models.CharField(max_length=10, blank=True)
    storage_amount = models.BigIntegerField(null=True)
    storage_unit = models.CharField(max_length=10, blank=True)
    iso_id = models.CharField(max_length=64, blank=True)
    iso_name = models.CharField(max_length=200, blank=True)
    iso_display_name = models.CharField(max_length=200, blank=True)
    ips = models.JSONField(default=list)
    traffic_type = models.CharField(max_length=40, blank=True)
    traffic_plan = models.CharField(max_length=40, blank=True)
    traffic_limit = models.BigIntegerField(null=True)
    traffic_unit = models.CharField(max_length=10, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("team", "product", "upstream_id"), name="server_once"),
        )
        indexes = (
            models.Index(fields=("team", "name_key", "id"), name="server_by_name"),
            models.Index(fields=("team", "state", "name_key", "id"), name="server_by_state"),
            models.Index(fields=("team", "data_center", "name_key", "id"), name="server_by_place"),
            models.Index(fields=("team", "template", "id"), name="server_by_template"),
            models.Index(fields=("team", "changed_seq"), name="server_by_change"),
            models.Index(fields=("team", "contract_ends_on", "name_key", "id"), name="server_by_end"),
            # The choices of the list's filters, read from the index alone.
            models.Index(fields=("team", "data_center", "template", "gone_at"), name="server_facets"),
            models.Index(
                fields=("refresh_asked_at",),
                condition=models.Q(refresh_asked_at__isnull=False),
                name="server_asked",
            ),
        )

    def __str__(self) -> str:
        return self.shown_name

    @property
    def coming_reference(self) -> str:
        """The name that the server has at Leaseweb, or that a rename asked for and no reading has shown yet."""
        return self.reference if self.reference_asked is None else self.reference_asked

    def audit_target(self, job_id: int | None = None) -> Target:
        """How an entry of the trail names this server; `job_id` for what a job of ours did to it."""
        return Target("server", str(self.pk), self.shown_name, job_id)


class ServerKey(models.Model):
    """That a key saw a server, and when last; `listed_at` is the begin of the last pass through its list that did."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="links")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="links")
    seen_at = models.DateTimeField(db_default=Now())
    listed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("server", "api_key"), name="server_key_once"),)

    def __str__(self) -> str:
        return f"{self.api_key} sees {self.server}"


class ServerReading(models.Model):
    """What is read of a server beside its own row: when it was read last, and when the next time is due.

    `content` keeps short lists that need no table: templates as {"id", "name"}, credentials as {"type", "username"},
    with "missing" where the last whole list lacked the name; never a password. `asked_at` is somebody's wish to have it
    read now, and `lease_until` makes one worker at a time read it. `read_at` is when the last good reading began; a
    failed one leaves it alone and fills `error`.
    """

    class Subject(models.TextChoices):
        SNAPSHOTS = "snapshots", "snapshots"
        TEMPLATES = "templates", "templates"
        CREDENTIALS = "credentials", "credentials"
        TRAFFIC = "traffic", "traffic"

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="readings")
    subject = models.CharField(max_length=12, choices=Subject.choices)
    content = models.JSONField(default=list)
    due_at = models.DateTimeField(db_default=Now())
    asked_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)
    error_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("server", "subject"), name="server_reading_once"),)
        indexes = (
            models.Index(fields=("due_at",), name="server_reading_due"),
            models.Index(
                fields=("asked_at",), condition=models.Q(asked_at__isnull=False), name="server_reading_asked"
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject} of {self.server_id}"


class Snapshot(models.Model):
    """A snapshot of a server. `state` is Leaseweb's, and `state_since` when it was first seen so.

    `taken_at` is Leaseweb's time of it, or failing that the moment it was first seen. One of which Leaseweb says that
    there is none (404) is kept with `gone_at` set. `asked_at` is somebody's wish to have this one read by itself;
    `error` says why that failed last, until a reading shows it again.
    """

    class State(models.TextChoices):
        READY = "READY", "ready"
        CREATING = "CREATING", "being created"
        ALLOCATED = "ALLOCATED", "about to be created"
        ERROR = "ERROR", "broken"
        EXPUNGING = "EXPUNGING", "being deleted"
        REVERTING = "REVERTING", "being restored"
        UNKNOWN = "UNKNOWN", "unknown"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="snapshots")
    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="snapshots")
    upstream_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    name_key = SortKeyField(of="name")
    search_text = SearchKeyField(of="name")
    state = models.CharField(max_length=10, choices=State.choices, default=State.UNKNOWN)
    state_since = models.DateTimeField(db_default=Now())
    taken_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    gone_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)
    error_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=100, blank=True)
    changed_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("server", "upstream_id"), name="snapshot_once"),)
        indexes = (
            models.Index(fields=("team", "taken_at", "id"), name="snapshot_by_age"),
            models.Index(fields=("team", "name_key", "id"), name="snapshot_by_name"),
            models.Index(fields=("team", "state", "taken_at", "id"), name="snapshot_by_state"),
            models.Index(fields=("team", "changed_seq"), name="snapshot_by_change"),
            models.Index(
                fields=("asked_at",), condition=models.Q(asked_at__isnull=False), name="snapshot_asked"
            ),
        )

    def __str__(self) -> str:
        return self.name


class TrafficPoint(models.Model):
    """The traffic of one bucket, in bytes: `up` is outgoing, `down` incoming, null where Leaseweb told none.

    `at` is where the bucket begins, in UTC. Kept for ever, so that history outlives Leaseweb's.
    """

    class Granularity(models.TextChoices):
        FIVE_MINUTES = "5MIN", "5 minutes"
        HOUR = "HOUR", "hour"
        DAY = "DAY", "day"
        MONTH = "MONTH", "month"
        YEAR = "YEAR", "year"

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="traffic", db_index=False)
    granularity = models.CharField(max_length=5, choices=Granularity.choices)
    at = models.DateTimeField()
    up = models.BigIntegerField(null=True)
    down = models.BigIntegerField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("server", "granularity", "at"), name="traffic_point_once"),
        )

    def __str__(self) -> str:
        return f"{self.granularity} of {self.server_id} at {self.at}"


class TrafficSpan(models.Model):
    """A stretch of a server's traffic, from `start` to before `end`: when it was read, or that somebody wants it read.

    `read_at` is when the reading began, `asked_at` a wish that a worker has not met yet.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="traffic_spans", db_index=False)
    granularity = models.CharField(max_length=5, choices=TrafficPoint.Granularity.choices)
    start = models.DateTimeField()
    end = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("server", "granularity", "start", "end"), name="traffic_span_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.granularity} of {self.server_id} from {self.start} to {self.end}"
