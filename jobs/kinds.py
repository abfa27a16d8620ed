"""What each kind of job needs, sends, and takes as proof. One record a kind; adding one means adding a record here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from jobs import judges
from jobs.evidence import Fresh
from jobs.judges import Judge
from servers.leaseweb import Client, Sent, ServerState, SnapshotState
from teams.permissions import Permission

RUNNING, STOPPED = ServerState.RUNNING.value, ServerState.STOPPED.value
STARTING, STOPPING = ServerState.STARTING.value, ServerState.STOPPING.value
UNKNOWN = ServerState.UNKNOWN.value


class Readiness(Enum):
    GO = "go"
    ALREADY = "already"
    NOT_NOW = "not_now"


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a kind makes sense for a state; `reason` completes a disabled button or a refusal."""

    readiness: Readiness
    reason: str = ""


class Needs(Enum):
    """What a kind has read beside the server itself: before the send, and snapshots afterwards, too."""

    SERVER = "server"
    OS_TEMPLATES = "os_templates"
    SNAPSHOTS = "snapshots"


GO = Check(Readiness.GO)
Params = Mapping[str, Any]
Send = Callable[[Client, str, Params, float], Sent]
Examine = Callable[[Fresh, Params], Check]


@dataclass(frozen=True, slots=True)
class JobKind:
    """`short` is the label in a table whose column says the rest; `noun` completes "Leaseweb accepted the …".

    `check` is asked with the state of a server, both by the page and by the engine's fresh reading; `examine` is
    asked by the engine alone, with all of that reading and what the job is about.

    `expires` is how long a click may wait unsent, `deadline` how long its outcome is watched for, both from
    the evidence table of the requirements (E1). `destroys` asks for a fresh proof before the form is shown. What
    is kept of the subjects in `outdates` (see `ServerReading`) is read again as soon as such a job is over.
    """

    name: str
    label: str
    short: str
    noun: str
    permission: Permission
    settle_permission: Permission
    consequence: str
    checks: Mapping[str, Check]
    expires: timedelta
    deadline: timedelta
    send: Send
    judge: Judge
    watched_closely: timedelta = timedelta(0)
    needs: Needs = Needs.SERVER
    examine: Examine = lambda fresh, params: GO
    interrupts: bool = False
    destroys: bool = False
    outdates: tuple[str, ...] = ()

    def check(self, state: str) -> Check:
        return self.checks.get(state, GO)


def _not_now(reason: str) -> Check:
    return Check(Readiness.NOT_NOW, reason)


MINUTES = timedelta(minutes=1)
STARTING_NOW = _not_now("The server is starting; wait until it runs.")
STOPPING_NOW = _not_now("The server is stopping; wait until it has stopped.")
IN_BETWEEN = {STARTING: STARTING_NOW, STOPPING: STOPPING_NOW}
POWER: dict[str, Any] = {
    "permission": Permission.SERVERS_POWER,
    "settle_permission": Permission.JOBS_SETTLE_POWER,
    "expires": 5 * MINUTES,
    "deadline": 10 * MINUTES,
}

POWER_ON = JobKind(
    name="power_on",
    label="Power on",
    short="On",
    noun="power on",
    consequence="The server starts. Billing does not change.",
    checks={RUNNING: Check(Readiness.ALREADY, "The server is running already."), **IN_BETWEEN},
    send=lambda client, server_id, _, start_by: client.power_on(server_id, start_by=start_by),
    judge=judges.reached(RUNNING, "running"),
    **POWER,
)
POWER_OFF = JobKind(
    name="power_off",
    label="Power off",
    short="Off",
    noun="power off",
    consequence="The server stops at once, and everything that runs on it with it. Nobody can reach it until it is "
    "powered on again.",
    checks={STOPPED: Check(Readiness.ALREADY, "The server is stopped already."), **IN_BETWEEN},
    send=lambda client, server_id, _, start_by: client.power_off(server_id, start_by=start_by),
    judge=judges.reached(STOPPED, "stopped"),
    interrupts=True,
    **POWER,
)
REBOOT = JobKind(
    name="reboot",
    label="Reboot",
    short="Reboot",
    noun="reboot",
    consequence="The server restarts. Everything that runs on it is interrupted for as long as that takes.",
    checks={
        STOPPED: _not_now("The server is stopped; power it on instead."),
        UNKNOWN: _not_now("Leaseweb does not say what state the server is in; a reboot needs it running."),
        **IN_BETWEEN,
    },
    watched_closely=timedelta(seconds=30),
    send=lambda client, server_id, _, start_by: client.reboot(server_id, start_by=start_by),
    judge=judges.came_back,
    interrupts=True,
    **POWER,
)


def _template_is_offered(fresh: Fresh, params: Params) -> Check:
    if fresh.os_templates is not None and params["os_template_id"] not in fresh.os_templates:
        name = params.get("os_template_name") or params["os_template_id"]
        return _not_now(f"Leaseweb does not offer “{name}” for this server any more.")
    return GO


REINSTALL = JobKind(
    name="reinstall",
    label="Reinstall",
    short="Reinstall",
    noun="reinstall",
    permission=Permission.SERVERS_REINSTALL,
    settle_permission=Permission.JOBS_SETTLE_ANY,
    consequence="Everything on the server's disk is erased for good, and a new system is installed. Its passwords "
    "change. Nothing brings the data back.",
    checks={
        UNKNOWN: _not_now(
            "Leaseweb does not say what state the server is in, so nothing could prove the reinstall."
        ),
        **IN_BETWEEN,
    },
    expires=5 * MINUTES,
    deadline=90 * MINUTES,
    send=lambda client, server_id, params, start_by: client.reinstall(
        server_id, os_template_id=params["os_template_id"], start_by=start_by
    ),
    judge=judges.installed,
    needs=Needs.OS_TEMPLATES,
    outdates=("snapshots", "credentials"),
    examine=_template_is_offered,
    interrupts=True,
    destroys=True,
)


def _needs_it_running(what: str) -> dict[str, Check]:
    return {
        STOPPED: _not_now(f"The server is stopped; Leaseweb {what} of running servers only."),
        UNKNOWN: _not_now(
            f"Leaseweb does not say what state the server is in, and {what} of running servers only."
        ),
        **IN_BETWEEN,
    }


def _name_is_free(fresh: Fresh, params: Params) -> Check:
    if any(each.name == params["name"] for each in fresh.snapshots or ()):
        return _not_now(f"The server has a snapshot called “{params['name']}” already; choose another name.")
    return GO


SNAPSHOT_CREATE = JobKind(
    name="snapshot_create",
    label="Create snapshot",
    short="Snapshot",
    noun="new snapshot",
    permission=Permission.SNAPSHOTS_CREATE,
    settle_permission=Permission.JOBS_SETTLE_ANY,
    consequence="Leaseweb keeps a copy of the server's disk and memory as they are now. The server may stand still "
    "while it is made.",
    checks=_needs_it_running("makes snapshots"),
    expires=15 * MINUTES,
    deadline=60 * MINUTES,
    send=lambda client, server_id, params, start_by: client.create_snapshot(
        server_id, name=params["name"], start_by=start_by
    ),
    judge=judges.snapshot_made,
    needs=Needs.SNAPSHOTS,
    outdates=("snapshots",),
    examine=_name_is_free,
)

STATES_IN_WORDS = {
    SnapshotState.CREATING.value: "still being created",
    SnapshotState.ALLOCATED.value: "still about to be created",
    SnapshotState.EXPUNGING.value: "being deleted",
    SnapshotState.REVERTING.value: "being restored",
    SnapshotState.ERROR.value: "broken",
    SnapshotState.UNKNOWN.value: "in a state that Leaseweb does not name",
}


def restorable(state: str) -> Check:
    """Whether a snapshot in this state can be restored."""
    if state == SnapshotState.READY.value:
        return GO
    return _not_now(f"The snapshot is {STATES_IN_WORDS.get(state, state)}; only a ready one can be restored.")


def deletable(state: str) -> Check:
    """Whether a snapshot in this state can be deleted: one that nothing is done to at the moment."""
    if state in (SnapshotState.READY.value, SnapshotState.ERROR.value, SnapshotState.UNKNOWN.value):
        return GO
    return _not_now(f"The snapshot is {STATES_IN_WORDS.get(state, state)}; wait until that is over.")


def _can_be_restored(fresh: Fresh, params: Params) -> Check:
    found = fresh.snapshot(params["snapshot_id"])
    return restorable(found.state) if found else _not_now("Leaseweb does not list this snapshot any more.")


def _can_be_deleted(fresh: Fresh, params: Params) -> Check:
    found = fresh.snapshot(params["snapshot_id"])
    return (
        deletable(found.state) if found else Check(Readiness.ALREADY, "Leaseweb does not list it any more.")
    )


SNAPSHOT_RESTORE = JobKind(
    name="snapshot_restore",
    label="Restore snapshot",
    short="Restore",
    noun="restore",
    permission=Permission.SNAPSHOTS_RESTORE,
    settle_permission=Permission.JOBS_SETTLE_ANY,
    consequence="The server's disk and memory go back to the moment of the snapshot. Everything that was written since "
    "then is lost for good.",
    checks=_needs_it_running("restores snapshots"),
    expires=15 * MINUTES,
    deadline=60 * MINUTES,
    watched_closely=timedelta(seconds=30),
    send=lambda client, server_id, params, start_by: client.restore_snapshot(
        server_id, params["snapshot_id"], start_by=start_by
    ),
    judge=judges.snapshot_restored,
    needs=Needs.SNAPSHOTS,
    outdates=("snapshots",),
    examine=_can_be_restored,
    interrupts=True,
    destroys=True,
)
SNAPSHOT_DELETE = JobKind(
    name="snapshot_delete",
    label="Delete snapshot",
    short="Delete",
    noun="deletion",
    permission=Permission.SNAPSHOTS_DELETE,
    settle_permission=Permission.JOBS_SETTLE_ANY,
    consequence="The snapshot is deleted for good. The server itself is not touched.",
    checks={},
    expires=15 * MINUTES,
    deadline=30 * MINUTES,
    send=lambda client, server_id, params, start_by: client.delete_snapshot(
        server_id, params["snapshot_id"], start_by=start_by
    ),
    judge=judges.snapshot_gone,
    needs=Needs.SNAPSHOTS,
    outdates=("snapshots",),
    examine=_can_be_deleted,
    destroys=True,
)

POWER_KINDS = (POWER_ON, POWER_OFF, REBOOT)
KINDS: dict[str, JobKind] = {
    kind.name: kind for kind in (*POWER_KINDS, REINSTALL, SNAPSHOT_CREATE, SNAPSHOT_RESTORE, SNAPSHOT_DELETE)
}


def cadence(kind: JobKind, age: timedelta) -> timedelta:
    """How long until the next reading of a job sent `age` ago (requirement E2)."""
    if age < kind.watched_closely:
        return timedelta(seconds=2)
    for limit, pause in ((1, 3), (5, 5), (30, 15)):
        if age < limit * MINUTES:
            return timedelta(seconds=pause)
    return timedelta(seconds=60)
