"""The reasons beside buttons that cannot be pressed."""

import pytest
from django.utils import timezone

from jobs import readiness
from jobs.kinds import KINDS
from servers import freshness
from servers.models import ApiKey, Server
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeJob, MakeServer, MakeSnapshot
from tests.support.pages import access_of


@pytest.fixture
def access(team: Team, admin: User) -> Access:
    """Somebody who may do everything, so that only the server speaks against it."""
    return access_of(admin, team)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team, state="RUNNING")


def reasons(access: Access, server: Server) -> list[str]:
    return [readiness.obstacle(access, server, kind, None) for kind in KINDS.values()]


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        (
            "RUNNING",
            {"power_off", "reboot", "reinstall", "snapshot_create", "snapshot_restore", "snapshot_delete"},
        ),
        ("STOPPED", {"power_on", "reinstall", "snapshot_delete"}),
        ("STARTING", {"snapshot_delete"}),
        ("STOPPING", {"snapshot_delete"}),
        ("UNKNOWN", {"power_on", "power_off", "snapshot_delete"}),
    ],
)
def test_state_decides_what_makes_sense(
    access: Access, server: Server, state: str, possible: set[str]
) -> None:
    server.state = state
    free = {name for name, kind in KINDS.items() if not readiness.obstacle(access, server, kind, None)}
    assert free == possible


def test_role_comes_first(team: Team, viewer: User, server: Server) -> None:
    server.gone_at = timezone.now()
    assert all("Your role here is viewer" in reason for reason in reasons(access_of(viewer, team), server))


def test_gone_server_takes_nothing(access: Access, server: Server) -> None:
    server.gone_at = timezone.now()
    assert set(reasons(access, server)) == {freshness.out_of_reach(server)}
    assert "Leaseweb has not listed this server since" in freshness.out_of_reach(server)


def test_server_without_key_takes_nothing(access: Access, server: Server) -> None:
    server.api_key = None
    assert set(reasons(access, server)) == {freshness.NO_KEY}


def test_refused_key_can_do_nothing(access: Access, server: Server) -> None:
    assert server.api_key is not None
    server.api_key.health = ApiKey.Health.REFUSED
    assert all("Leaseweb refuses the API key" in reason for reason in reasons(access, server))


def test_live_job_holds_the_server(access: Access, server: Server, make_job: MakeJob) -> None:
    job = make_job(server, "power_off", "observing")
    assert readiness.obstacle(access, server, KINDS["reboot"], job) == (
        "“Power off” is in flight on this server. Wait until it is done."
    )


def test_unknown_job_has_to_be_settled_first(access: Access, server: Server, make_job: MakeJob) -> None:
    job = make_job(server, "power_off", "unknown")
    assert "Settle that job first" in readiness.obstacle(access, server, KINDS["reboot"], job)


def test_key_that_seems_to_read_only_is_a_caution_and_no_obstacle(access: Access, server: Server) -> None:
    assert server.api_key is not None
    assert readiness.caution(server) == ""
    server.api_key.health = ApiKey.Health.READS_ONLY
    assert "reading only" in readiness.caution(server)
    assert readiness.obstacle(access, server, KINDS["reboot"], None) == ""


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        ("READY", {"snapshot_restore", "snapshot_delete"}),
        ("ERROR", {"snapshot_delete"}),
        ("UNKNOWN", {"snapshot_delete"}),
        ("CREATING", set()),
        ("ALLOCATED", set()),
        ("EXPUNGING", set()),
        ("REVERTING", set()),
    ],
)
def test_state_of_a_snapshot_decides_too(
    access: Access, server: Server, make_snapshot: MakeSnapshot, state: str, possible: set[str]
) -> None:
    snapshot = make_snapshot(server, state=state)
    kinds = [KINDS["snapshot_restore"], KINDS["snapshot_delete"]]
    why = {kind.name: readiness.obstacle_of_snapshot(access, server, kind, None, snapshot) for kind in kinds}
    assert {name for name, reason in why.items() if not reason} == possible
    assert all(reason.endswith(".") for reason in why.values() if reason)


def test_gone_snapshot_takes_nothing(access: Access, server: Server, make_snapshot: MakeSnapshot) -> None:
    gone = make_snapshot(server, gone_at=timezone.now())
    why_not = readiness.obstacle_of_snapshot(access, server, KINDS["snapshot_delete"], None, gone)
    assert why_not == "Leaseweb does not list this snapshot any more."


def test_role_speaks_first_about_snapshots(
    team: Team, viewer: User, server: Server, make_snapshot: MakeSnapshot
) -> None:
    gone, access = make_snapshot(server, gone_at=timezone.now()), access_of(viewer, team)
    why_not = readiness.obstacle_of_snapshot(access, server, KINDS["snapshot_restore"], None, gone)
    assert "Your role here is viewer" in why_not
