"""`job`, `engine` and `seed_demo`: the engine driven from a terminal, without a broker and without beat."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.census import verify_all
from audit.models import AuditHead
from jobs import checkpoints
from jobs.engine import reading, run_once
from jobs.models import Job
from jobs.states import LIVE, JobStatus
from lswpanel import demo
from servers.clock import after, before
from servers.leaseweb import Secret
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server
from teams.models import Membership, Team, User
from tests.cast import MakeServer
from tests.support.engine_room import EngineRoom
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db
PAUSE, HALF_AN_HOUR = timedelta(seconds=5), timedelta(minutes=30)


@pytest.fixture
def quick(settings: Any, team: Team, owner: User) -> Iterator[Simulator]:
    """A Leaseweb in which everything happens at once, read three times as often as usual."""
    settings.TIME_SCALE, settings.CALL_BUDGET_PER_MINUTE = 3, 6000
    with Simulator(servers=6, time_scale=1000) as sim:
        settings.LEASEWEB_API_URL = sim.base_url
        api_key = ApiKey(team=team, name="Simulated account")
        api_key.seal(Secret(sim.key))
        api_key.save()
        assert reading.read_key(api_key.pk)
        yield sim


def server_in(state: str) -> Server:
    return Server.objects.filter(state=state).earliest("pk")


def ask(*words: str) -> str:
    out = io.StringIO()
    call_command("job", *words, stdout=out)
    return out.getvalue()


@pytest.mark.req("G6")
@pytest.mark.parametrize(("kind", "state"), [("power_on", "STOPPED"), ("power_off", "RUNNING")])
def test_job_is_followed_to_its_outcome_line_by_line(quick: Simulator, kind: str, state: str) -> None:
    server = server_in(state)
    lines = ask(server.upstream_id, kind).splitlines()
    job = Job.objects.get()
    assert lines[0] == f"Job {job.pk}: {kind} of {server.shown_name}"
    told = [line.split()[1] for line in lines[1:]]
    assert (told[0], told[-1]) == ("queued", "succeeded")
    assert {"sending", "observing"} < set(told)
    assert job.requested_role == "owner"
    assert len([entry for entry in quick.journal if entry.executed]) == 1


def test_job_that_is_done_already_is_no_failure(quick: Simulator) -> None:
    assert "skipped" in ask(server_in("RUNNING").upstream_id, "power_on")


def test_job_that_fails_says_so_in_one_line(quick: Simulator) -> None:
    server = server_in("STOPPED")
    quick.faults.add(Fault.REFUSE, operation="powerOn", status=409)
    with pytest.raises(CommandError, match=r"^failed: Leaseweb turned the request down"):
        ask(server.upstream_id, "power_on")
    assert Job.objects.get().status == JobStatus.FAILED


def test_job_with_something_wrong_is_not_made(
    quick: Simulator, team: Team, viewer: User, outsider: User, make_server: MakeServer, other_team: Team
) -> None:
    server = server_in("STOPPED")
    make_server(other_team, upstream_id=server.upstream_id)
    known = (server.upstream_id, "power_on", "--team", "north-ops")
    mistakes = [
        ((server.upstream_id, "power_on"), "Several teams see server"),
        (("4711", "power_on"), "No server 4711 is known. Run sync first."),
        ((*known, "--team", "nowhere"), "There is no team “nowhere”"),
        ((*known, "--as", "nobody@example.com"), "There is no account"),
        ((*known, "--as", outsider.email), f"{outsider.email} is not a member of the team North Ops"),
        ((*known, "--as", viewer.email), "Your role here is viewer"),
        ((server.upstream_id, "explode"), "invalid choice: 'explode'"),
    ]
    for words, line in mistakes:
        with pytest.raises(CommandError) as error:
            ask(*words)
        assert line in str(error.value)
        assert "\n" not in str(error.value)
    Membership.objects.filter(team=team, role="owner").delete()
    with pytest.raises(CommandError, match="Nobody is an owner of the team North Ops"):
        ask(*known)
    assert not Job.objects.exists()


def test_job_whose_trail_breaks_is_followed_no_longer(quick: Simulator, team: Team) -> None:
    """It would stand still for as long as somebody looks."""
    server = server_in("STOPPED")

    def meanwhile(place: str, _: int) -> None:
        AuditHead.objects.filter(pk=team.pk).update(mac="0" * 64)

    checkpoints.listeners.append(meanwhile)
    try:
        with pytest.raises(CommandError, match="The audit trail of North Ops is broken"):
            ask(server.upstream_id, "power_on")
    finally:
        checkpoints.listeners.remove(meanwhile)


def test_second_job_on_a_server_is_refused(quick: Simulator) -> None:
    server = server_in("STOPPED")
    quick.faults.add(Fault.EMPTY_401, operation="getServer", times=1)
    with pytest.raises(CommandError, match="failed"):
        ask(server.upstream_id, "power_on")
    Job.objects.create(
        team=server.team, server=server, kind="reboot", status="unknown", expires_at=server.seen_at
    )
    with pytest.raises(CommandError, match="Settle that job first"):
        ask(server.upstream_id, "power_on")


@pytest.mark.req("G6")
def test_engine_alone_carries_a_job_to_its_end(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    job = room.request(server)
    ApiKey.objects.update(next_sync_at=after(HALF_AN_HOUR))
    for _ in range(20):
        job = room.pass_time(job, PAUSE)
        run_once()
        job = room.fresh(job)
        if job.status not in LIVE:
            break
    assert job.status == JobStatus.SUCCEEDED
    assert len(room.sends(server)) == 1


def test_engine_reads_what_is_due_and_what_somebody_asked_for(room: EngineRoom) -> None:
    server = room.server("RUNNING")
    room.set_state(server, "STOPPED")
    ApiKey.objects.update(next_sync_at=after(HALF_AN_HOUR))
    assert not run_once().syncs
    Server.objects.filter(pk=server.pk).update(refresh_asked_at=before(PAUSE))
    assert run_once().refreshes == (server.pk,)
    server.refresh_from_db()
    assert (server.state, server.refresh_asked_at) == ("STOPPED", None)
    ApiKey.objects.update(next_sync_at=before(PAUSE))
    assert run_once().syncs == (room.api_key.pk,)


# --- The demonstration ------------------------------------------------------------------------------------------


def test_demo_is_only_filled_where_it_is_a_demo(db: None) -> None:
    with pytest.raises(CommandError, match="only with DEMO=on"):
        call_command("seed_demo", stdout=io.StringIO())
    assert not User.objects.exists()


def test_demo_is_filled_once_and_comes_to_life(settings: Any) -> None:
    settings.DEMO, settings.TIME_SCALE, settings.CALL_BUDGET_PER_MINUTE = True, 10, 60_000
    with Simulator(servers=60, time_scale=1000) as sim:
        settings.LEASEWEB_API_URL = sim.base_url
        out = io.StringIO()
        call_command("seed_demo", stdout=out)
        jobs = Job.objects.count()
        assert len(out.getvalue().splitlines()) == Membership.objects.count() == 5
        assert jobs >= 10
        call_command("seed_demo", stdout=io.StringIO())
        assert (Job.objects.count(), Team.objects.count(), Server.objects.count()) == (jobs, 1, 60)
        demo.keep_moving()
        assert Job.objects.count() == jobs + 1
        wait_for(
            lambda: run_once() and not Job.objects.filter(status="queued").exists(),
            what="all sent",
            seconds=120,
        )
    assert all(found.intact for found in verify_all(set(Team.objects.values_list("pk", flat=True))))
