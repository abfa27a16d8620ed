"""What each kind needs before it is sent, and how long and how often it is watched."""

from datetime import timedelta

import pytest

from jobs.evidence import Fresh, SnapshotSeen
from jobs.kinds import KINDS, Readiness, cadence
from servers.leaseweb import ServerState, SnapshotState

pytestmark = pytest.mark.once
MINUTE = timedelta(minutes=1)

# --- Whether a kind makes sense for a state ---------------------------------------------------------------------

GO, ALREADY, NOT_NOW = Readiness.GO, Readiness.ALREADY, Readiness.NOT_NOW
NEEDS_IT_STEADY = dict.fromkeys(["STARTING", "STOPPING", "UNKNOWN"], NOT_NOW)
NEEDS_IT_RUNNING = {"RUNNING": GO, "STOPPED": NOT_NOW, **NEEDS_IT_STEADY}
CHECKS: dict[str, dict[str, Readiness]] = {
    "power_on": {"RUNNING": ALREADY, "STOPPED": GO, "STARTING": NOT_NOW, "STOPPING": NOT_NOW, "UNKNOWN": GO},
    "power_off": {"RUNNING": GO, "STOPPED": ALREADY, "STARTING": NOT_NOW, "STOPPING": NOT_NOW, "UNKNOWN": GO},
    "reboot": NEEDS_IT_RUNNING,
    "reinstall": {"RUNNING": GO, "STOPPED": GO, **NEEDS_IT_STEADY},
    "snapshot_create": NEEDS_IT_RUNNING,
    "snapshot_restore": NEEDS_IT_RUNNING,
    "snapshot_delete": dict.fromkeys(["RUNNING", "STOPPED", "STARTING", "STOPPING", "UNKNOWN"], GO),
}


def test_checks_are_written_down_for_every_kind_and_state() -> None:
    assert set(CHECKS) == set(KINDS)
    assert all(set(states) == {state.value for state in ServerState} for states in CHECKS.values())


@pytest.mark.parametrize(("kind", "state"), [(kind, state) for kind in CHECKS for state in CHECKS[kind]])
def test_check_of_a_kind_in_a_state(kind: str, state: str) -> None:
    check = KINDS[kind].check(state)
    assert check.readiness == CHECKS[kind][state]
    assert bool(check.reason) == (check.readiness is not GO)
    assert not check.reason or check.reason.endswith(".")


@pytest.mark.parametrize("name", list(KINDS))
def test_kind_is_described_and_filed_under_its_name(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    assert all((kind.label, kind.short, kind.consequence))
    assert kind.expires < kind.deadline
    assert kind.interrupts == (name not in ("power_on", "snapshot_create", "snapshot_delete"))
    assert kind.destroys == (name in ("reinstall", "snapshot_restore", "snapshot_delete"))


# Minutes: how long a click may wait unsent, and how long its outcome is watched for.
PATIENCE = {
    "power_on": (5, 10),
    "power_off": (5, 10),
    "reboot": (5, 10),
    "reinstall": (5, 90),
    "snapshot_create": (15, 60),
    "snapshot_restore": (15, 60),
    "snapshot_delete": (15, 30),
}


@pytest.mark.req("E1")
def test_patience_is_that_of_the_requirements() -> None:
    found = {name: (kind.expires / MINUTE, kind.deadline / MINUTE) for name, kind in KINDS.items()}
    assert found == PATIENCE


# --- Whether it can be done to what the fresh reading shows -----------------------------------------------------

TEMPLATE = {"os_template_id": "DEBIAN_12_64", "os_template_name": "Debian 12 (64-bit)"}
NAMED, MEANT = {"name": "Nightly"}, {"snapshot_id": "s1", "snapshot_name": "Nightly"}


def fresh(*snapshots: tuple[str, str, str], templates: tuple[str, ...] = ()) -> Fresh:
    found = tuple(SnapshotSeen(*each) for each in snapshots)
    return Fresh("RUNNING", "Debian", snapshots=found, os_templates=frozenset(templates))


EXAMINED = [
    ("reinstall", TEMPLATE, fresh(templates=("DEBIAN_12_64", "X")), GO),
    ("reinstall", TEMPLATE, fresh(templates=("X",)), NOT_NOW),
    ("snapshot_create", NAMED, fresh(), GO),
    ("snapshot_create", NAMED, fresh(("s1", "nightly", "READY")), GO),
    ("snapshot_create", NAMED, fresh(("s1", "Nightly", "ERROR")), NOT_NOW),
    ("snapshot_restore", MEANT, fresh(), NOT_NOW),
    ("snapshot_restore", MEANT, fresh(("s2", "Nightly", "READY")), NOT_NOW),
    ("snapshot_restore", MEANT, fresh(("s1", "Other", "READY")), GO),
    *(
        ("snapshot_restore", MEANT, fresh(("s1", "Nightly", state.value)), NOT_NOW)
        for state in SnapshotState
        if state is not SnapshotState.READY
    ),
    ("snapshot_delete", MEANT, fresh(), ALREADY),
    ("snapshot_delete", MEANT, fresh(("s2", "Nightly", "READY")), ALREADY),
    *(
        ("snapshot_delete", MEANT, fresh(("s1", "Nightly", state)), GO)
        for state in ("READY", "ERROR", "UNKNOWN")
    ),
    *(
        ("snapshot_delete", MEANT, fresh(("s1", "Nightly", state)), NOT_NOW)
        for state in ("CREATING", "ALLOCATED", "EXPUNGING", "REVERTING")
    ),
    ("reboot", {}, fresh(), GO),
]


@pytest.mark.req("E1")
@pytest.mark.parametrize(("kind", "params", "found", "readiness"), EXAMINED)
def test_kind_examines_what_it_is_about(
    kind: str, params: dict[str, str], found: Fresh, readiness: Readiness
) -> None:
    check = KINDS[kind].examine(found, params)
    assert check.readiness is readiness
    assert bool(check.reason) == (readiness is not GO)


def test_refusal_names_the_system_that_is_not_offered() -> None:
    assert "Debian 12" in KINDS["reinstall"].examine(fresh(templates=("X",)), TEMPLATE).reason


# --- How often a job is read ------------------------------------------------------------------------------------

CADENCE = [
    (0, 3),
    (29, 3),
    (30, 3),
    (59, 3),
    (60, 5),
    (299, 5),
    (300, 15),
    (1799, 15),
    (1800, 60),
    (86400, 60),
]


@pytest.mark.req("E2")
@pytest.mark.parametrize(("age", "pause"), CADENCE)
@pytest.mark.parametrize("name", list(KINDS))
def test_cadence_slows_down_with_age(name: str, age: int, pause: int) -> None:
    closely = name in ("reboot", "snapshot_restore") and age < 30
    assert cadence(KINDS[name], timedelta(seconds=age)) == timedelta(seconds=2 if closely else pause)
