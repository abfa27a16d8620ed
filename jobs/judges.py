"""Takes readings for proof: one judge for each way in which the API shows that something happened (E1). Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from jobs.evidence import Judgement, Seen, Situation, Snap
from jobs.states import JobStatus
from servers.leaseweb import ServerState, SnapshotState

Judge = Callable[[Seen, Snap, Situation], Judgement]

RUNNING, STOPPED = ServerState.RUNNING.value, ServerState.STOPPED.value
UNKNOWN = ServerState.UNKNOWN.value
READY, ERROR = SnapshotState.READY.value, SnapshotState.ERROR.value
REVERTING, EXPUNGING = SnapshotState.REVERTING.value, SnapshotState.EXPUNGING.value
GONE = "gone"
CHANGED, SAME = "changed", "same"

REBOOT_STEADY_AFTER = timedelta(minutes=3)
REINSTALL_STEADY_AFTER = timedelta(minutes=30)
RESTORE_STEADY_AFTER = timedelta(minutes=10)

NEVER_REBOOTED = (
    "Leaseweb accepted the reboot; the API never showed it happen. The server reads as running all the time, "
    "which a quick reboot would look like, too. Check the server's uptime if it matters."
)
NEVER_REINSTALLED = (
    "Leaseweb accepted the reinstall; the API never showed it happen. The server's system reads as before, which "
    "installing the same one again would look like, too. Look at the server itself."
)
STAYED_OFF = (
    "It reads as “{label}” now. The server was running before and is stopped now; power it on to use it."
)
NOT_AS_ASKED = (
    "Leaseweb accepted the reinstall, and the server went away and came back; but its system reads as before, "
    "“{label}”, and not like “{asked}”. Either the reinstall failed, or Leaseweb shows an old name. Look at the server."
)
NEVER_REVERTED = (
    "Leaseweb accepted the restore; the API never showed it happen. The snapshot read as ready all the time, which a "
    "quick restore would look like, too. Look at the server's files or uptime if it matters."
)


def reached(target: str, words: str) -> Judge:
    """A judge for kinds that end in one state of the server."""

    def judge(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
        seen = seen.with_sample(snap)
        if snap.state == UNKNOWN:
            return Judgement(seen)
        seen = seen.counting(target if snap.state == target else "")
        if not seen.agreed:
            return Judgement(seen)
        return _succeeded(seen, situation, f"Two readings in a row show it {words}.")

    return judge


def came_back(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
    """A reboot shows only in the server leaving RUNNING and coming back; if it never does, nobody can tell."""
    seen = seen.with_sample(snap)
    if snap.state == UNKNOWN:
        return Judgement(seen)
    running = snap.state == RUNNING
    seen = replace(seen, left=seen.left or not running).counting(RUNNING if running else "")
    if not seen.agreed:
        return Judgement(seen)
    if seen.left:
        return _succeeded(seen, situation, "It was seen to stop running and to come back.")
    return _steady(seen, situation, REBOOT_STEADY_AFTER, NEVER_REBOOTED)


def installed(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
    """A reinstall shows in another template, once the server runs or is what it was before.

    Whether what was installed is started is not promised: a server that ran may stay off, one that was off may run.
    Installing the system that it had shows in a dip of the state alone, which proves something only of a request that
    was accepted; and a stopped server shows not even that.
    """
    seen = seen.with_sample(snap)
    if snap.state == UNKNOWN:
        return Judgement(seen)
    seen = replace(seen, left=seen.left or snap.state != situation.before.get("state", ""))
    settled = snap.state in (RUNNING, STOPPED)
    seen = seen.counting(f"{_system(snap, situation)} {snap.state}" if settled else "")
    if seen.agreed.startswith(CHANGED):
        return _another_system(seen, snap, situation)
    return _same_system(seen, snap, situation) if seen.agreed else Judgement(seen)


def _another_system(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
    """A server that ran and is off now may still be on its way up, so that is waited for."""
    if snap.state in (RUNNING, situation.before.get("state", "")):
        return _succeeded(seen, situation, f"It reads as “{snap.template}” now.")
    if situation.age < REINSTALL_STEADY_AFTER:
        return Judgement(seen)
    return _succeeded(seen, situation, STAYED_OFF.format(label=snap.template))


def _system(snap: Snap, situation: Situation) -> str:
    """A name that is missing, now or before the send, is no other system."""
    before = situation.before.get("template", "")
    return CHANGED if before and snap.template and snap.template != before else SAME


def _same_system(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
    asked = str(situation.params.get("os_template_name") or situation.params.get("os_template_id", ""))
    before, wanted = situation.before.get("state", ""), _looks_like(asked, snap.template)
    if wanted and seen.left and snap.state == before and situation.accepted:
        words = f"It was seen to go away and to come back; its system reads as “{snap.template}”, as before."
        return _succeeded(seen, situation, words)
    if wanted or (before == STOPPED and not seen.left):
        return _steady(seen, situation, REINSTALL_STEADY_AFTER, NEVER_REINSTALLED)
    if not seen.left:
        return Judgement(seen)
    told = NOT_AS_ASKED.format(label=snap.template, asked=asked)
    return _steady(seen, situation, REINSTALL_STEADY_AFTER, told)


def _looks_like(asked: str, label: str) -> bool:
    """Whether a server's label may be that of the system asked for; nothing but their words links the two."""
    words, found = (set(re.findall("[a-z0-9]+", text.casefold())) for text in (asked, label))
    return not found or words - {"bit"} <= found


def snapshot_made(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
    """A new snapshot of that name, which was not there before the send, is READY; or broken."""
    if snap.snapshots is None:
        return Judgement(seen)
    old = {each["id"] for each in situation.before.get("snapshots", ())}
    name = situation.params.get("name")
    states = [each.state for each in snap.snapshots if each.name == name and each.id not in old]
    best = (
        READY
        if READY in states
        else next((each for each in states if each != ERROR), ERROR if states else "")
    )
    seen = seen.with_sample(snap, snapshot=best).counting(best if best in (READY, ERROR) else "")
    if seen.agreed == READY:
        return _succeeded(seen, situation, f"Two readings in a row list “{name}” as ready.")
    if seen.agreed == ERROR:
        return _failed(
            seen, f"Leaseweb lists the new snapshot “{name}” as broken (ERROR). It can be deleted."
        )
    return Judgement(seen)


def snapshot_restored(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
    """The snapshot was seen REVERTING and is READY again, and the server runs."""
    if snap.snapshots is None:
        return Judgement(seen)
    found = snap.snapshot(str(situation.params.get("snapshot_id")))
    state = found.state if found else GONE
    seen = seen.with_sample(snap, snapshot=state)
    seen = replace(seen, left=seen.left or state == REVERTING)
    back = state == READY and snap.state == RUNNING
    seen = seen.counting(READY if back else ERROR if state == ERROR else "")
    if seen.agreed == ERROR:
        return _failed(seen, "Leaseweb lists the snapshot as broken (ERROR).")
    if seen.agreed and seen.left:
        return _succeeded(seen, situation, "It was seen reverting; it is ready again and the server runs.")
    if seen.agreed:
        return _steady(seen, situation, RESTORE_STEADY_AFTER, NEVER_REVERTED)
    return Judgement(seen)


def snapshot_gone(seen: Seen, snap: Snap, situation: Situation) -> Judgement:
    """Two readings of the whole list no longer show it. One that was broken before says nothing by being so still."""
    if snap.snapshots is None:
        return Judgement(seen)
    snapshot_id = str(situation.params.get("snapshot_id"))
    found = snap.snapshot(snapshot_id)
    state = found.state if found else GONE
    seen = seen.with_sample(snap, snapshot=state)
    was = {each["id"]: each["state"] for each in situation.before.get("snapshots", ())}.get(snapshot_id)
    seen = replace(seen, left=seen.left or state == EXPUNGING)
    broken = state == ERROR and (seen.left or was != ERROR)
    seen = seen.counting(state if state == GONE or broken else "")
    if seen.agreed == GONE:
        return _succeeded(seen, situation, "Two readings of the whole list no longer show it.")
    if seen.agreed == ERROR:
        return _failed(seen, "Leaseweb lists the snapshot as broken (ERROR) instead of deleting it.")
    return Judgement(seen)


def _succeeded(seen: Seen, situation: Situation, words: str) -> Judgement:
    if situation.accepted:
        return Judgement(seen, JobStatus.SUCCEEDED, f"Leaseweb accepted the request. {words}")
    doubt = "Leaseweb did not confirm our request, so this may have been somebody else's doing."
    return Judgement(seen, JobStatus.SUCCEEDED, f"{words} {doubt}")


def _failed(seen: Seen, words: str) -> Judgement:
    return Judgement(seen, JobStatus.FAILED, words)


def _steady(seen: Seen, situation: Situation, after: timedelta, words: str) -> Judgement:
    """Nothing moved for so long after Leaseweb accepted it that nothing will be seen any more."""
    if situation.accepted and situation.age >= after:
        return Judgement(seen, JobStatus.UNVERIFIED, words)
    return Judgement(seen)
