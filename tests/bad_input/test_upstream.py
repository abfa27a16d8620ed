"""A Leaseweb that fails while servers are read and powered: nothing known is lost, nothing is sent twice."""

from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from jobs import engine
from jobs.engine import reading
from jobs.models import Job
from servers import details
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server
from teams.models import User
from tests.bad_input.conftest import ENDLESS, TROUBLES
from tests.cast import ClientOf
from tests.support.engine_room import EngineRoom
from tests.support.pages import text_of

pytestmark = pytest.mark.django_db
REFUSALS = {"bare 401", "403"}
PAGES = ("", "servers/", "jobs/", "servers/{server}/", "changes/?since=0&page=servers&ids={server}")
# What an answer to a send can look like ("done" when the action happens all the same), and how the job ends.
ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "bare 401": ({"fault": Fault.EMPTY_401}, "failed"),
    "403": ({"fault": Fault.REFUSE, "status": 403}, "failed"),
    "404": ({"fault": Fault.REFUSE, "status": 404}, "failed"),
    "409": ({"fault": Fault.REFUSE, "status": 409}, "failed"),
    "422": ({"fault": Fault.REFUSE, "status": 422}, "failed"),
    "500, done": ({"fault": Fault.REFUSE, "status": 500, "execute": True}, "succeeded"),
    "504 in HTML, done": ({"fault": Fault.HTML_504, "execute": True}, "succeeded"),
    "503 of a proxy, done": ({"fault": Fault.UNAVAILABLE_UNDOCUMENTED, "execute": True}, "succeeded"),
    "no JSON, done": ({"fault": Fault.NOT_JSON}, "succeeded"),
    "no fields, done": ({"fault": Fault.MISSING_FIELDS}, "succeeded"),
    "half a document, done": ({"fault": Fault.HALF_BODY}, "succeeded"),
    "64 MB, done": ({"fault": Fault.HUGE_BODY}, "succeeded"),
    "reset, done": ({"fault": Fault.RESET_AFTER_EXECUTE}, "succeeded"),
    "closed, done": ({"fault": Fault.CLOSE_AFTER_EXECUTE}, "succeeded"),
    "reset, not done": ({"fault": Fault.RESET_BEFORE_READ}, "unknown"),
    "500, not done": ({"fault": Fault.REFUSE, "status": 500}, "unknown"),
    "accepted and ignored": ({"fault": Fault.ACCEPT_AND_IGNORE}, "unknown"),
    "accepted and stuck": ({"fault": Fault.STUCK}, "unknown"),
    "accepted and failed": ({"fault": Fault.TASK_FAILS}, "unknown"),
}


def known() -> list[dict[str, Any]]:
    """All that is known of servers."""
    return list(Server.objects.order_by("pk").values())


def ready(room: EngineRoom) -> None:
    """As if the key had waited out everything it was told to wait for."""
    ApiKey.objects.update(paused_until=None, budget_tokens=10)


def haste(trouble: str) -> float:
    return 20.0 if trouble in ENDLESS else 1.0


@pytest.mark.parametrize("trouble", TROUBLES)
def test_reading_that_fails_loses_nothing_and_says_why(
    trouble: str, room: EngineRoom, client_of: ClientOf, settings: Any
) -> None:
    rule, words = TROUBLES[trouble]
    before = known()
    room.sim.faults.add(**rule)
    settings.TIME_SCALE = haste(trouble)
    reading.read_key(room.api_key.pk)
    settings.TIME_SCALE = 1.0
    assert known() == before
    key = ApiKey.objects.get()
    assert words in key.error
    assert key.synced_at == room.api_key.synced_at
    owner_pages = client_of(room.access.user)
    for page in PAGES:
        address = f"/t/north-ops/{page.format(server=before[0]['id'])}"
        assert owner_pages.get(address).status_code == 200, page
    room.sim.faults.clear()
    ready(room)
    assert reading.read_key(room.api_key.pk)
    assert ApiKey.objects.get().error == ""


@pytest.mark.req("G2")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_job_whose_first_reading_fails_is_sent_once_later_or_never(
    trouble: str, room: EngineRoom, settings: Any
) -> None:
    """Without a fresh look at the server nothing is sent; a key that is refused ends the job."""
    server = room.server("STOPPED")
    job = room.request(server)
    room.sim.faults.add(**TROUBLES[trouble][0])
    settings.TIME_SCALE = haste(trouble)
    job = room.submit(job)
    settings.TIME_SCALE = 1.0
    assert room.sends(server) == []
    room.sim.faults.clear()
    if trouble in REFUSALS:
        assert (job.status, job.code) == ("failed", "key_refused")
        return
    assert job.waiting_for
    job = room.follow(room.submit(room.pass_time(job, timedelta(minutes=1))))
    assert (job.status, len(room.sends(server))) == ("succeeded", 1)


@pytest.mark.req("G2")
@pytest.mark.req("G5")
@pytest.mark.parametrize(("rule", "ending"), ANSWERS.values(), ids=ANSWERS)
def test_answer_to_a_send_never_makes_it_be_sent_twice(
    rule: dict[str, Any], ending: str, room: EngineRoom, client_of: ClientOf, settings: Any
) -> None:
    settings.TIME_SCALE = 5.0
    server = room.server("STOPPED")
    room.sim.faults.add(operation="powerOn", **rule)
    job = room.submit(room.request(server))
    settings.TIME_SCALE = 1.0
    for _ in range(3):
        job = room.submit(job)
        engine.tick()
    (job,) = room.run_out_of_time([room.follow(job)], timedelta(minutes=11))
    assert (len(room.sends(server)), job.status) == (1, ending)
    page = client_of(room.access.user).get(f"/t/north-ops/jobs/{job.pk}/")
    assert page.status_code == 200
    assert "What to do:" in text_of(page.content)


def test_server_that_is_removed_upstream_is_kept_with_its_history(
    room: EngineRoom, client_of: ClientOf
) -> None:
    server = room.server("STOPPED")
    job = room.follow(room.submit(room.request(server)))
    room.sim.world.remove(server.upstream_id)
    ready(room)
    assert reading.read_key(room.api_key.pk)
    server.refresh_from_db()
    assert server.gone_at is not None
    browser = client_of(room.access.user)
    page = text_of(browser.get(f"/t/north-ops/servers/{server.pk}/").content)
    assert "gone" in page
    assert browser.get(f"/t/north-ops/jobs/{job.pk}/").status_code == 200
    confirm = f"/t/north-ops/servers/{server.pk}/jobs/new/power_on/"
    assert "Leaseweb has not listed this server since" in text_of(browser.get(confirm).content)
    token = "6f1c1c43-7c2c-4f3c-9d57-0a4d6b1f0001"
    answer = browser.post(confirm, {"client_token": token})
    assert answer.status_code == 409
    assert "Leaseweb has not listed this server since" in text_of(answer.content)
    assert Job.objects.count() == 1


def test_server_that_vanishes_between_click_and_send_is_not_acted_upon(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    job = room.request(server)
    room.sim.world.remove(server.upstream_id)
    job = room.submit(job)
    assert room.sends(server) == []
    assert job.status == "failed"
    server.refresh_from_db()
    assert server.gone_at is not None


def test_key_that_was_removed_between_click_and_send_sends_nothing(
    room: EngineRoom, client_of: ClientOf
) -> None:
    server = room.server("STOPPED")
    job = room.request(server)
    ApiKey.objects.update(removed_at="2026-01-01T00:00:00Z", sealed="")
    Server.objects.update(api_key=None)
    job = room.submit(job)
    assert room.sends(server) == []
    assert client_of(room.access.user).get(f"/t/north-ops/jobs/{job.pk}/").status_code == 200


def test_moments_at_the_ends_of_the_calendar_break_no_page(room: EngineRoom, client_of: ClientOf) -> None:
    """Some systems write "never" as the first moment there is, and "for ever" as the last one."""
    server = room.server()
    ends = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
    snapshots = [{"id": f"s-{at[:4]}", "name": at, "state": "READY", "created_at": at} for at in ends]
    room.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=200, body={"snapshots": snapshots})
    shown = {"id": server.upstream_id, "contract": {"id": "1", "startsAt": ends[0], "endsAt": ends[1]}}
    room.sim.faults.add(Fault.REFUSE, operation="listServers", status=200, body={"virtualServers": [shown]})
    details.freshen(server, "snapshots", timedelta(0))
    reading.read_detail(server.readings.get(subject="snapshots").pk)
    assert reading.read_key(room.api_key.pk)
    assert (server.snapshots.count(), Server.objects.get(pk=server.pk).contract_id) == (2, "1")
    browser = client_of(room.access.user)
    for zone in ("America/Adak", "Pacific/Kiritimati"):
        User.objects.update(time_zone=zone)
        for page in ("snapshots/", "contracts/", "contracts.ics", f"servers/{server.pk}/"):
            assert browser.get(f"/t/north-ops/{page}").status_code == 200, (zone, page)


def test_trail_is_whole_after_all_that(room: EngineRoom) -> None:
    for rule, _ in list(ANSWERS.values())[:3]:
        room.sim.faults.clear()
        room.sim.faults.add(operation="powerOn", **rule)
        ready(room)
        room.submit(room.request(room.server("STOPPED")))
    assert AuditEvent.objects.filter(action="job.request").count() == 3
    assert verify(room.access.team.pk).intact
