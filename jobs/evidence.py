"""Values that the judging of a job works with. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from jobs.states import JobStatus
from servers.leaseweb import ServerState

MOST_SAMPLES = 12
AGREEING = 2
# A list may show how a server was so long ago; nothing in the API promises that it is up to date.
LAG = timedelta(seconds=30)
LEAVING = {
    ServerState.RUNNING.value: ServerState.STOPPING.value,
    ServerState.STOPPED.value: ServerState.STARTING.value,
}


@dataclass(frozen=True, slots=True)
class SnapshotSeen:
    """A snapshot as a reading showed it: Leaseweb's id, name and state.

    `UNKNOWN` is also the state of one that a list which was cut short did not come to.
    """

    id: str
    name: str
    state: str

    def as_json(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "state": self.state}


@dataclass(frozen=True, slots=True)
class Snap:
    """What one reading showed of a server: Leaseweb's state and template, and when (ISO, UTC, database clock).

    `snapshots` are those that Leaseweb lists; None when the reading was not about them. With them `at` is when the
    later of the two calls began.
    """

    state: str
    template: str
    at: str
    snapshots: tuple[SnapshotSeen, ...] | None = None

    def as_json(self) -> dict[str, str]:
        return {"state": self.state, "template": self.template, "at": self.at}

    def snapshot(self, snapshot_id: str) -> SnapshotSeen | None:
        return next((each for each in self.snapshots or () if each.id == snapshot_id), None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the readings since the send add up to.

    `agree` counts readings in a row that showed the same end, which `shows` names where there are several; `left`
    says that the effect was seen under way: the server out of the state it started from, the snapshot reverting or
    being deleted.
    `caught_up` says that a reading cannot be from before the send any more (see `Situation.may_be_old`).
    `at` is when the newest judged reading began; `samples` keeps each reading that differed from the one before.
    """

    agree: int = 0
    left: bool = False
    at: str = ""
    shows: str = ""
    caught_up: bool = False
    samples: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Seen":
        return cls(
            int(data.get("agree", 0)),
            bool(data.get("left", False)),
            str(data.get("at", "")),
            str(data.get("shows", "")),
            bool(data.get("caught_up", False)),
            tuple(data.get("samples", ())),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "agree": self.agree,
            "left": self.left,
            "at": self.at,
            "shows": self.shows,
            "caught_up": self.caught_up,
            "samples": list(self.samples),
        }

    def with_sample(self, snap: Snap, **more: str) -> "Seen":
        """With one more reading, kept as a sample only if it differs from the one before. `more` joins the sample."""
        new = snap.as_json() | more
        last = self.samples[-1] if self.samples else {}
        if {**last, "at": ""} == {**new, "at": ""}:
            return replace(self, at=snap.at)
        return replace(self, at=snap.at, samples=(*self.samples, new)[-MOST_SAMPLES:])

    def counting(self, shows: str) -> "Seen":
        """With one more reading that showed the end `shows`, or none when that is empty."""
        if not shows:
            return replace(self, shows="", agree=0)
        return replace(self, shows=shows, agree=self.agree + 1 if self.shows == shows else 1)

    @property
    def agreed(self) -> str:
        """The end that enough readings in a row agree on, else nothing."""
        return self.shows if self.agree >= AGREEING else ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`seen` after one more reading, and the verdict if it is one: the new status and why, in plain words."""

    seen: Seen
    verdict: JobStatus | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a judge may know: the server before the send, whether Leaseweb accepted, and how long ago that was.

    `age` is measured on the database's clock and already multiplied by TIME_SCALE.
    """

    before: Mapping[str, Any]
    accepted: bool
    age: timedelta
    params: Mapping[str, Any] = field(default_factory=dict)

    def may_be_old(self, snap: Snap) -> bool:
        """Whether a list that lags may still show the server as it was before the change just before the send.

        Only one of a server that changed shortly before, and not once it shows what the send was decided on, or a
        server that leaves that: what lies further back is no evidence.
        """
        state = self.before.get("state", "")
        as_decided = (snap.state, snap.template) == (state, self.before.get("template", ""))
        leaving = snap.state == LEAVING.get(state)
        return bool(self.before.get("moved_lately")) and self.age < LAG and not (as_decided or leaving)


@dataclass(frozen=True, slots=True)
class Fresh:
    """The reading that a send is decided on. What a kind does not need was not read and is None.

    `os_templates` are the ids that can be installed; `moved_lately` says that the state or the system changed within
    the last LAG.
    """

    state: str
    template: str
    moved_lately: bool = False
    snapshots: tuple[SnapshotSeen, ...] | None = None
    os_templates: frozenset[str] | None = None

    def snapshot(self, snapshot_id: str) -> SnapshotSeen | None:
        return next((each for each in self.snapshots or () if each.id == snapshot_id), None)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"state": self.state, "template": self.template}
        if self.moved_lately:
            found["moved_lately"] = True
        if self.snapshots is not None:
            found["snapshots"] = [each.as_json() for each in self.snapshots]
        return found
