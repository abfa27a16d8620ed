"""What the state of a snapshot means, in plain words, and whether Leaseweb seems stuck with it. Pure.

Leaseweb's platform is known to leave snapshots in between for ever, so every state on the way has a limit: that of
the job which it belongs to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.kinds import KINDS
from servers.models import Snapshot
from teams.figures import duration

State = Snapshot.State
# A state on the way, and the kind of job whose time it may take.
ON_THE_WAY = {
    State.CREATING: "snapshot_create",
    State.ALLOCATED: "snapshot_create",
    State.EXPUNGING: "snapshot_delete",
    State.REVERTING: "snapshot_restore",
}
# The shape that stands before the word; servers and jobs have the same ones.
FACES = {
    State.READY: "state state-running",
    State.CREATING: "state state-starting",
    State.ALLOCATED: "status status-queued",
    State.ERROR: "status status-failed",
    State.EXPUNGING: "state state-stopping",
    State.REVERTING: "state state-reverting",
    State.UNKNOWN: "state state-unknown",
}
MEANS = {
    State.READY: "It can be restored or deleted.",
    State.CREATING: "Leaseweb is making it. It can be restored once it is ready.",
    State.ALLOCATED: "Leaseweb has noted it and has not begun to make it.",
    State.ERROR: "Leaseweb could not make or change it. It cannot be restored; it can be deleted.",
    State.EXPUNGING: "Leaseweb is deleting it.",
    State.REVERTING: "Leaseweb is taking the server back to it.",
    State.UNKNOWN: "Leaseweb reports a state that its documentation does not name.",
}
GONE = "Leaseweb does not list it any more. What is shown was read before; its history stays here."
STUCK = (
    "Leaseweb seems to be stuck with it. Nothing that the API offers gets it moving: send the text for support to "
    "Leaseweb. The panel keeps looking every half hour."
)


@dataclass(frozen=True, slots=True)
class Face:
    """How a snapshot is shown: `css` gives the shape, `word` the state; `stuck` says how long it has been so."""

    css: str
    word: str
    means: str
    stuck: str = ""


def face(snapshot: Snapshot, now: datetime) -> Face:
    if snapshot.gone_at is not None:
        return Face("state state-gone", "gone", GONE)
    state = State(snapshot.state) if snapshot.state in State else State.UNKNOWN
    return Face(FACES[state], state.label, MEANS[state], _stuck(snapshot, state, now))


def _stuck(snapshot: Snapshot, state: State, now: datetime) -> str:
    """How long it has been on the way, when that is longer than it may take; else nothing."""
    if state not in ON_THE_WAY:
        return ""
    since = now - snapshot.state_since
    return duration(_whole(since)) if since > KINDS[ON_THE_WAY[state]].deadline else ""


def _whole(length: timedelta) -> timedelta:
    """Hours need no seconds."""
    return timedelta(minutes=length // timedelta(minutes=1))


def support_text(snapshot: Snapshot) -> str:
    """What Leaseweb's support asks for, as one text to copy."""
    lines = [
        ("Virtual server", snapshot.server.upstream_id),
        ("Snapshot", snapshot.upstream_id),
        ("Name", snapshot.name),
        ("State", snapshot.state),
        ("In this state since (UTC)", f"{snapshot.state_since:%Y-%m-%d %H:%M:%S}"),
        ("Last seen (UTC)", f"{snapshot.seen_at:%Y-%m-%d %H:%M:%S}"),
    ]
    return "\n".join(f"{name}: {value}" for name, value in lines)
