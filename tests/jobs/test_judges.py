"""What each kind takes as proof, as tables: readings go in, a verdict or none comes out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.evidence import AGREEING, MOST_SAMPLES, Judgement, Seen, Situation, Snap, SnapshotSeen
from jobs.kinds import KINDS, Needs
from jobs.states import JobStatus

pytestmark = pytest.mark.once
S = JobStatus
LETTERS = {"R": "RUNNING", "S": "STOPPED", "A": "STARTING", "O": "STOPPING", "?": "UNKNOWN"}
SOON, LATE = timedelta(seconds=5), timedelta(minutes=3)


def judge(kind: str, readings: str, *, accepted: bool = True, age: timedelta = SOON) -> Judgement:
    """Readings, a letter each, one second apart, fed through JSON as the database keeps what was seen."""
    snaps = [
        Snap(LETTERS[letter], "Debian", f"2026-01-01T00:00:{number:02}")
        for number, letter in enumerate(readings)
    ]
    return fed(kind, snaps, Situation({"state": "RUNNING"}, accepted, age))


def fed(kind: str, snaps: list[Snap], situation: Situation) -> Judgement:
    judgement = Judgement(Seen())
    for snap in snaps:
        assert judgement.verdict is None, "a verdict came before the last reading"
        judgement = KINDS[kind].judge(Seen.from_json(judgement.seen.as_json()), snap, situation)
    return judgement


DONE, NOT_YET = S.SUCCEEDED, None
POWER_TABLE = [
    # One reading is none, two that agree are proof.
    ("power_on", "R", NOT_YET),
    ("power_on", "RR", DONE),
    ("power_off", "S", NOT_YET),
    ("power_off", "SS", DONE),
    # The way there may be long.
    ("power_on", "SSSSAAARR", DONE),
    ("power_off", "RRRROOOSS", DONE),
    # A reading that disagrees starts the count anew.
    ("power_on", "RSR", NOT_YET),
    ("power_on", "RARAR", NOT_YET),
    ("power_on", "RSRR", DONE),
    ("power_off", "SRS", NOT_YET),
    # UNKNOWN says nothing: it neither counts nor breaks the agreement.
    ("power_on", "????", NOT_YET),
    ("power_on", "R?", NOT_YET),
    ("power_on", "R?R", DONE),
    ("power_off", "S??S", DONE),
    ("power_off", "S?RS", NOT_YET),
    # The other end is never an end.
    ("power_on", "SSSSSSSSSS", NOT_YET),
    ("power_off", "RRRRRRRRRR", NOT_YET),
    ("power_on", "AAAAOOOO", NOT_YET),
]
REBOOT_TABLE = [
    # Left RUNNING, and came back to stay for two readings.
    ("reboot", "ORR", DONE),
    ("reboot", "SRR", DONE),
    ("reboot", "AARR", DONE),
    ("reboot", "RRRSSRR", DONE),
    ("reboot", "OR", NOT_YET),
    ("reboot", "ORSR", NOT_YET),
    ("reboot", "ORORR", DONE),
    # Never seen to leave: nothing is proven before the window is over.
    ("reboot", "RRRRRRRRRR", NOT_YET),
    # UNKNOWN is not leaving.
    ("reboot", "?", NOT_YET),
    ("reboot", "R?R?RR", NOT_YET),
    ("reboot", "O?R?R", DONE),
    # Gone and not back.
    ("reboot", "RSSSSS", NOT_YET),
]


@pytest.mark.req("E1")
@pytest.mark.req("G3")
@pytest.mark.parametrize(("kind", "readings", "verdict"), [*POWER_TABLE, *REBOOT_TABLE])
@pytest.mark.parametrize("accepted", [True, False])
def test_readings_lead_to_the_verdict(
    kind: str, readings: str, verdict: JobStatus | None, accepted: bool
) -> None:
    found = judge(kind, readings, accepted=accepted)
    assert found.verdict == verdict
    assert bool(found.message) == (verdict is not None)


@pytest.mark.req("G3")
@pytest.mark.parametrize(
    ("readings", "accepted", "age", "verdict"),
    [
        ("RR", True, LATE, S.UNVERIFIED),
        ("RR", True, LATE - timedelta(seconds=1), NOT_YET),
        ("R", True, LATE, NOT_YET),
        ("R??", True, LATE, NOT_YET),
        ("R?R", True, LATE, S.UNVERIFIED),
        ("RRRR", False, LATE, NOT_YET),
        ("RRRR", False, timedelta(hours=9), NOT_YET),
        ("SR", True, LATE, NOT_YET),
        ("SRR", True, LATE, S.SUCCEEDED),
        ("SSSS", True, timedelta(hours=9), NOT_YET),
    ],
)
def test_steady_reboot_is_unverified_only_when_it_was_accepted_and_the_window_is_over(
    readings: str, accepted: bool, age: timedelta, verdict: JobStatus | None
) -> None:
    assert judge("reboot", readings, accepted=accepted, age=age).verdict == verdict


@pytest.mark.parametrize("kind", ["power_on", "power_off"])
@pytest.mark.parametrize("age", [timedelta(0), LATE, timedelta(days=1)])
def test_power_jobs_are_never_unverified(kind: str, age: timedelta) -> None:
    readings = {"power_on": "SSSS", "power_off": "RRRR"}[kind]
    assert judge(kind, readings, age=age).verdict is None


@pytest.mark.parametrize(("kind", "readings"), [("power_on", "RR"), ("power_off", "SS"), ("reboot", "SRR")])
def test_verdict_says_how_sure_it_is(kind: str, readings: str) -> None:
    assert "Leaseweb accepted the request" in judge(kind, readings, accepted=True).message
    lost = judge(kind, readings, accepted=False).message
    assert "may have been somebody else" in lost
    assert "accepted" not in lost


def test_kept_readings_are_those_that_differ_and_bounded() -> None:
    seen = judge("power_on", "SSSAAS").seen
    assert [sample["state"] for sample in seen.samples] == ["STOPPED", "STARTING", "STOPPED"]
    assert seen.at == "2026-01-01T00:00:05"
    assert len(judge("power_on", "SA" * 20).seen.samples) == MOST_SAMPLES


def test_change_of_template_alone_is_a_reading_worth_keeping() -> None:
    first = Snap("RUNNING", "Debian", "1")
    seen = Seen().with_sample(first).with_sample(replace(first, template="Ubuntu", at="2"))
    assert [sample["template"] for sample in seen.samples] == ["Debian", "Ubuntu"]


@pytest.mark.parametrize("data", [{}, {"agree": "1", "left": 0, "unknown": "key"}])
def test_evidence_of_an_older_version_is_read(data: dict[str, object]) -> None:
    assert Seen.from_json(data).samples == ()


def test_two_readings_are_what_agreement_means() -> None:
    assert AGREEING == 2


# --- Reinstall ----------------------------------------------------------------------------------------------------

DEBIAN, ASKED = (
    "Debian 12 64 40 20250120T0830",
    {"os_template_id": "D", "os_template_name": "Debian 12 (64-bit)"},
)
UBUNTU = {"os_template_id": "U", "os_template_name": "Ubuntu 24.04 (64-bit)"}
LABELS = {"d": DEBIAN, "u": "Ubuntu 24.04 64 40 20250303T1340", "-": ""}
WINDOW = timedelta(minutes=30)


def reinstalled(
    readings: str,
    *,
    before: str = "Rd",
    params: dict[str, str] = ASKED,
    accepted: bool = True,
    age: timedelta = SOON,
) -> Judgement:
    """Readings of two letters each, the state and the system: "Rd Sd Ru"."""
    situation = Situation({"state": LETTERS[before[0]], "template": LABELS[before[1]]}, accepted, age, params)
    snaps = [Snap(LETTERS[each[0]], LABELS[each[1]], str(at)) for at, each in enumerate(readings.split())]
    return fed("reinstall", snaps, situation)


REINSTALL_TABLE = [
    # Another system, and the state as before, twice.
    ("Rd", UBUNTU, "Rd Od Sd Au Ru Ru", DONE),
    ("Rd", UBUNTU, "Ru Ru", DONE),
    ("Rd", UBUNTU, "Ru", NOT_YET),
    ("Rd", UBUNTU, "Su Su Su", NOT_YET),
    ("Sd", UBUNTU, "Sd Su Su", DONE),
    # A platform that starts what it installs; and one that leaves it off, which may still be on its way up.
    ("Sd", UBUNTU, "Sd Au Ru Ru", DONE),
    ("Sd", UBUNTU, "Ru Su Ru", NOT_YET),
    ("Sd", UBUNTU, "Au Au Au", NOT_YET),
    ("Sd", ASKED, "Ad Rd Rd Rd", NOT_YET),
    ("Rd", UBUNTU, "Ru Rd Ru", NOT_YET),
    ("Rd", UBUNTU, "Ru ?u Ru", DONE),
    ("Rd", UBUNTU, "?u ?u ?u", NOT_YET),
    # A label that is missing is no other system, now or before.
    ("Rd", UBUNTU, "R- R- R-", NOT_YET),
    ("R-", UBUNTU, "Ru Ru Ru", NOT_YET),
    ("R-", ASKED, "Sd Rd Rd", DONE),
    ("Rd", ASKED, "S- R- R-", DONE),
    # The system it had: a dip proves it.
    ("Rd", ASKED, "Sd Rd Rd", DONE),
    ("Rd", ASKED, "Rd Od Sd Ad Rd", NOT_YET),
    ("Rd", ASKED, "Rd Rd Rd Rd Rd", NOT_YET),
    ("Rd", ASKED, "Rd ?d Rd ?d Rd", NOT_YET),
    ("Sd", ASKED, "Sd Ad Rd Sd Sd", DONE),
    ("Sd", ASKED, "Sd Sd Sd Sd", NOT_YET),
    # Another one was asked for, and the old one came back: that is no success.
    ("Rd", UBUNTU, "Rd Sd Rd Rd Rd", NOT_YET),
]


@pytest.mark.req("E1")
@pytest.mark.req("G3")
@pytest.mark.parametrize(("before", "params", "readings", "verdict"), REINSTALL_TABLE)
def test_reinstall_shows_in_the_system_or_in_a_dip(
    before: str, params: dict[str, str], readings: str, verdict: JobStatus | None
) -> None:
    assert reinstalled(readings, before=before, params=params).verdict == verdict


@pytest.mark.req("G3")
@pytest.mark.parametrize(
    ("before", "params", "readings", "accepted", "age", "verdict"),
    [
        ("Sd", ASKED, "Sd Sd", True, WINDOW, S.UNVERIFIED),
        ("Sd", ASKED, "Sd Sd", True, WINDOW - SOON, NOT_YET),
        ("Sd", ASKED, "Sd Sd Sd", False, timedelta(hours=9), NOT_YET),
        ("Rd", ASKED, "Rd Rd", True, WINDOW, S.UNVERIFIED),
        ("Rd", ASKED, "Rd Rd Rd", False, timedelta(hours=9), NOT_YET),
        ("Rd", UBUNTU, "Rd Rd Rd", True, timedelta(hours=9), NOT_YET),
        ("Rd", UBUNTU, "Od Su Su", True, WINDOW, S.SUCCEEDED),
        ("Rd", UBUNTU, "Od Su Su", True, WINDOW - SOON, NOT_YET),
        ("Sd", ASKED, "Ad Rd Rd", True, WINDOW, S.UNVERIFIED),
        ("Sd", UBUNTU, "Ad Rd Rd", True, WINDOW, S.UNVERIFIED),
        ("Rd", UBUNTU, "Sd Rd Rd", True, WINDOW, S.UNVERIFIED),
        ("Rd", UBUNTU, "Sd Rd Rd", False, timedelta(hours=9), NOT_YET),
        # Without an answer a dip may have been anybody's reboot; another system is somebody's reinstall.
        ("Rd", ASKED, "Sd Rd Rd", False, SOON, NOT_YET),
        ("Rd", UBUNTU, "Sd Ru Ru", False, SOON, S.SUCCEEDED),
    ],
)
def test_reinstall_that_shows_nothing_is_unverified_only_when_accepted_and_the_window_is_over(
    before: str,
    params: dict[str, str],
    readings: str,
    accepted: bool,
    age: timedelta,
    verdict: JobStatus | None,
) -> None:
    found = reinstalled(readings, before=before, params=params, accepted=accepted, age=age)
    assert found.verdict == verdict


def test_reinstall_that_left_the_old_system_says_which_and_which_was_asked_for() -> None:
    message = reinstalled("Sd Rd Rd", params=UBUNTU, age=WINDOW).message
    assert DEBIAN in message
    assert UBUNTU["os_template_name"] in message


# --- Snapshots ----------------------------------------------------------------------------------------------------

STATES = {
    "r": "READY",
    "c": "CREATING",
    "a": "ALLOCATED",
    "e": "ERROR",
    "x": "EXPUNGING",
    "v": "REVERTING",
    "?": "UNKNOWN",
}
OLD = {"id": "old", "name": "Nightly", "state": "READY"}


def listed(text: str) -> tuple[SnapshotSeen, ...]:
    """ "new:r" is our name under a new id; "old:r" the snapshot that was there before; "other:r" has another name."""
    pairs = [each.split(":") for each in text.split(",") if each]
    return tuple(
        SnapshotSeen(name, "Other" if name == "other" else "Nightly", STATES[state]) for name, state in pairs
    )


def snapshotted(
    kind: str,
    readings: str,
    *,
    was: str = "READY",
    accepted: bool = True,
    age: timedelta = SOON,
) -> Judgement:
    """Readings are the server's state and the list: "R R,new:c R,new:r"."""
    before = {"state": "RUNNING", "snapshots": [{**OLD, "state": was}]}
    params = (
        {"name": "Nightly"}
        if kind == "snapshot_create"
        else {"snapshot_id": "old", "snapshot_name": "Nightly"}
    )
    situation = Situation(before, accepted, age, params)
    snaps = [
        Snap(LETTERS[each[0]], "Debian", str(at), listed(each[2:]))
        for at, each in enumerate(readings.split())
    ]
    return fed(kind, snaps, situation)


SNAPSHOT_TABLE = [
    # A new id with our name, ready twice. The one that was there before does not count, whatever it is called.
    ("snapshot_create", "R R,new:a R,new:c R,new:r R,new:r", DONE),
    ("snapshot_create", "R,new:r", NOT_YET),
    ("snapshot_create", "R,new:r R,new:c R,new:r", NOT_YET),
    ("snapshot_create", "R,old:r R,old:r R,old:r", NOT_YET),
    ("snapshot_create", "R,other:r R,other:r", NOT_YET),
    ("snapshot_create", "R R R R", NOT_YET),
    ("snapshot_create", "S,new:r ?,new:r", DONE),
    ("snapshot_create", "R,new:e R,new:e", S.FAILED),
    ("snapshot_create", "R,new:e R,new:r R,new:e", NOT_YET),
    ("snapshot_create", "R,old:e R,old:e", NOT_YET),
    ("snapshot_create", "R,new:e,two:c R,new:e,two:c", NOT_YET),
    ("snapshot_create", "R,new:e,two:r R,new:e,two:r", DONE),
    ("snapshot_create", "R,new:? R,new:?", NOT_YET),
    # Seen reverting, then ready and running twice.
    ("snapshot_restore", "R,old:r R,old:v R,old:r R,old:r", DONE),
    ("snapshot_restore", "R,old:v R,old:r", NOT_YET),
    ("snapshot_restore", "R,old:r R,old:r R,old:r", NOT_YET),
    ("snapshot_restore", "R,old:v S,old:r S,old:r S,old:r", NOT_YET),
    ("snapshot_restore", "R,old:v ?,old:r ?,old:r", NOT_YET),
    ("snapshot_restore", "R,old:v R,old:? R,old:?", NOT_YET),
    ("snapshot_restore", "R,new:v R,new:r R,new:r", NOT_YET),
    ("snapshot_restore", "R,old:v R R R", NOT_YET),
    ("snapshot_restore", "R,old:v R,old:e R,old:e", S.FAILED),
    ("snapshot_restore", "R,old:e", NOT_YET),
    # Gone twice, whatever else there is.
    ("snapshot_delete", "R,old:r R,old:x R R", DONE),
    ("snapshot_delete", "R R,new:r", DONE),
    ("snapshot_delete", "R", NOT_YET),
    ("snapshot_delete", "R R,old:x R", NOT_YET),
    ("snapshot_delete", "R,old:x R,old:x R,old:x", NOT_YET),
    ("snapshot_delete", "R,old:? R,old:?", NOT_YET),
    ("snapshot_delete", "? S", DONE),
    ("snapshot_delete", "R,old:x R,old:e R,old:e", S.FAILED),
    ("snapshot_delete", "R,old:e R,old:e", S.FAILED),
    ("snapshot_delete", "R,old:e R,old:r R,old:e", NOT_YET),
]


@pytest.mark.req("E1")
@pytest.mark.req("G3")
@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(("kind", "readings", "verdict"), SNAPSHOT_TABLE)
def test_lists_of_snapshots_lead_to_the_verdict(
    kind: str, readings: str, verdict: JobStatus | None, accepted: bool
) -> None:
    found = snapshotted(kind, readings, accepted=accepted)
    assert found.verdict == verdict
    assert bool(found.message) == (verdict is not None)
    if verdict == DONE:
        assert ("may have been somebody else" in found.message) == (not accepted)


@pytest.mark.req("G3")
@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ("R,old:e R,old:e R,old:e", NOT_YET),
        ("R,old:e R,old:x R R", DONE),
        ("R,old:x R,old:e R,old:e", S.FAILED),
    ],
)
def test_broken_snapshot_is_not_called_undeletable_for_being_broken_still(
    readings: str, verdict: JobStatus | None
) -> None:
    assert snapshotted("snapshot_delete", readings, was="ERROR").verdict == verdict


@pytest.mark.req("G3")
@pytest.mark.parametrize(
    ("readings", "accepted", "age", "verdict"),
    [
        ("R,old:r R,old:r", True, timedelta(minutes=10), S.UNVERIFIED),
        ("R,old:r R,old:r", True, timedelta(minutes=10) - SOON, NOT_YET),
        ("R,old:r R,old:r", False, timedelta(hours=9), NOT_YET),
        ("R,old:r", True, timedelta(hours=9), NOT_YET),
        ("S,old:r S,old:r", True, timedelta(hours=9), NOT_YET),
        ("R,old:v R,old:v", True, timedelta(hours=9), NOT_YET),
    ],
)
def test_steady_snapshot_makes_a_restore_unverified_only_when_accepted_and_the_window_is_over(
    readings: str, accepted: bool, age: timedelta, verdict: JobStatus | None
) -> None:
    assert snapshotted("snapshot_restore", readings, accepted=accepted, age=age).verdict == verdict


@pytest.mark.parametrize("kind", ["snapshot_create", "snapshot_delete"])
def test_stuck_snapshot_is_never_unverified(kind: str) -> None:
    assert snapshotted(kind, "R,new:c,old:x " * 4, age=timedelta(hours=9)).verdict is None


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.needs is Needs.SNAPSHOTS])
def test_reading_that_was_not_about_snapshots_counts_for_nothing(kind: str) -> None:
    found = fed(kind, [Snap("RUNNING", "Debian", "1")] * 3, Situation({}, True, timedelta(hours=9)))
    assert (found.verdict, found.seen) == (None, Seen())
