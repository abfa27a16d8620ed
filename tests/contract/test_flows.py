"""The flows against the upstream that was written from the contract alone: done at once, nothing in between."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from jobs import services
from jobs.engine import reading
from jobs.kinds import KINDS
from jobs.models import ExternalEvent, Job
from servers import details
from servers.leaseweb import Granularity, Secret
from servers.models import ApiKey, Server, Snapshot
from servers.traffic.buckets import begin
from teams.edits import mark
from teams.models import Membership, Team, User
from tests.cast import ClientOf
from tests.contract.upstream import Call, ContractUpstream
from tests.support.engine_room import Clock, EngineRoom, access_of
from tests.support.pages import text_of
from tests.support.proof import prove


@pytest.fixture
def upstream(settings: Any) -> Iterator[ContractUpstream]:
    with ContractUpstream() as found:
        settings.LEASEWEB_API_URL = found.base_url
        yield found


@pytest.fixture
def room(upstream: ContractUpstream, team: Team, admin: User) -> EngineRoom:
    """The hands of the engine's tests, with another Leaseweb behind them."""
    api_key = ApiKey(team=team, name="Contract")
    api_key.seal(Secret(upstream.key))
    api_key.save()
    assert reading.read_key(api_key.pk)
    kept = ApiKey.objects.get(pk=api_key.pk)
    return EngineRoom(upstream, Clock(), kept, access_of(admin, team))  # type: ignore[arg-type]


@pytest.fixture
def server(room: EngineRoom, upstream: ContractUpstream) -> Server:
    """A server that runs, with the snapshots of the contract's example."""
    found = Server.objects.filter(team=room.access.team).earliest("pk")
    upstream.servers[found.upstream_id]["state"] = "RUNNING"
    reading.read_key(room.api_key.pk)
    return found


def carry_out(room: EngineRoom, server: Server, kind: str, params: dict[str, str], **about: Any) -> Job:
    asked = services.About(params, **about)
    job = services.job_create(room.access, server, KINDS[kind], client_token=uuid4(), about=asked)
    ApiKey.objects.update(budget_tokens=10)
    return room.follow(room.submit(job), every=timedelta(minutes=3))


def sent(upstream: ContractUpstream) -> list[tuple[str, str]]:
    return [(call.method, call.path.rpartition("/")[2]) for call in upstream.journal if call.method != "GET"]


FLOWS = {
    "power_on": ("STOPPED", {}, "succeeded", ("POST", "powerOn")),
    "power_off": ("RUNNING", {}, "succeeded", ("POST", "powerOff")),
    "reboot": ("RUNNING", {}, "unverified", ("POST", "reboot")),
    "reinstall": (
        "RUNNING",
        {"os_template_id": "CENTOS_7_64_PLESK", "os_template_name": "CentOS 7"},
        "succeeded",
        ("POST", "reinstall"),
    ),
    "snapshot_create": ("RUNNING", {"name": "Nightly R7F3K9QD"}, "succeeded", ("POST", "snapshots")),
    "snapshot_restore": (
        "RUNNING",
        {"snapshot_id": "5ab92117-4801-4f86-ad3a-8c5b12ba1b18", "snapshot_name": "snapshot1"},
        "unverified",
        ("POST", "restore"),
    ),
    "snapshot_delete": (
        "RUNNING",
        {"snapshot_id": "5ab92117-4801-4f86-ad3a-8c5b12ba1b18", "snapshot_name": "snapshot1"},
        "succeeded",
        ("DELETE", "5ab92117-4801-4f86-ad3a-8c5b12ba1b18"),
    ),
}


def test_table_has_every_kind() -> None:
    assert set(FLOWS) == set(KINDS)


@pytest.mark.parametrize("kind", FLOWS)
def test_kind_is_sent_once_and_judged_by_what_is_seen(
    room: EngineRoom, upstream: ContractUpstream, server: Server, kind: str
) -> None:
    state, params, status, call = FLOWS[kind]
    upstream.servers[server.upstream_id]["state"] = state
    job = carry_out(room, server, kind, params)
    assert (job.status, job.receipt, job.upstream_status) == (status, "accepted", 202), job.message
    assert sent(upstream) == [call]
    assert not ExternalEvent.objects.exclude(what="state").exists()


def test_snapshot_first_is_followed_by_the_restore(
    room: EngineRoom, upstream: ContractUpstream, server: Server
) -> None:
    restore = services.FollowUp("snapshot_restore", FLOWS["snapshot_restore"][1])
    first = carry_out(room, server, "snapshot_create", {"name": "Before R7F3K9QD"}, follow_up=restore)
    assert first.status == "succeeded"
    second = Job.objects.get(follows=first)
    second = room.follow(room.submit(second), every=timedelta(minutes=3))
    assert (second.kind, second.status) == ("snapshot_restore", "unverified")
    assert sent(upstream) == [("POST", "snapshots"), ("POST", "restore")]


def test_snapshots_of_the_contract_are_listed(room: EngineRoom, server: Server, settings: Any) -> None:
    settings.CALL_BUDGET_PER_MINUTE = 1_000_000
    reading.read_all_details(room.api_key.pk)
    names = Snapshot.objects.filter(server=server).order_by("name").values_list("name", "state")
    assert list(names) == [("snapshot1", "READY"), ("snapshot2", "READY")]


def test_member_without_the_right_cannot_carry_it_out(room: EngineRoom, server: Server, viewer: User) -> None:
    """The right is asked again by the engine, whatever was asked for."""
    job = services.job_create(room.access, server, KINDS["reinstall"], client_token=uuid4())
    Membership.objects.filter(user=room.access.user).update(role="viewer")
    assert room.submit(job).code == "not_allowed"


# --- What people do without a job, through the panel's own pages ------------------------------------------------


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    """An admin who gave their password a moment ago."""
    return prove(client_of(admin), admin)


def page_of(server: Server, place: str = "") -> str:
    return f"/t/north-ops/servers/{server.pk}/{place}"


def path_of(server: Server, place: str = "") -> str:
    return f"/cloud/v2/virtualServers/{server.upstream_id}{place}"


def let_a_worker_read(server: Server, subject: str) -> None:
    """What the next tick would ring, because somebody opened the page."""
    wanted = details.of(server, subject)
    assert wanted.asked_at is not None
    ApiKey.objects.update(budget_tokens=10)
    reading.read_detail(wanted.pk)


def changing(upstream: ContractUpstream) -> list[Call]:
    return [call for call in upstream.journal if call.method != "GET"]


@pytest.mark.parametrize(
    ("reference", "shown"), [("shop front", "“shop front” now"), ("", "shown as “Server {id}”")]
)
def test_server_is_renamed_and_the_next_reading_agrees(
    browser: Client,
    room: EngineRoom,
    upstream: ContractUpstream,
    server: Server,
    reference: str,
    shown: str,
) -> None:
    page = browser.post(page_of(server, "rename/"), {"reference": reference}, follow=True)
    assert shown.format(id=server.upstream_id) in text_of(page.content)
    assert changing(upstream) == [Call("PUT", path_of(server), 200, {"reference": reference})]
    reading.read_key(room.api_key.pk)
    found = Server.objects.get(pk=server.pk)
    assert (found.reference, found.reference_asked) == (reference, None)
    assert not ExternalEvent.objects.exclude(what="state").exists()


def test_password_is_stored_listed_and_revealed(
    browser: Client, upstream: ContractUpstream, server: Server
) -> None:
    body = {"type": "CONTROL_PANEL", "username": "web/admin", "password": "c0rrect horse & Sons"}
    stored = browser.post(
        page_of(server, "credentials/store/"), {**body, "again": body["password"]}, follow=True
    )
    assert "Leaseweb shows the new password of “web/admin” now." in text_of(stored.content)
    assert changing(upstream) == [Call("PUT", path_of(server, "/credentials"), 204, body)]
    let_a_worker_read(server, "credentials")
    assert "web/admin Control panel" in text_of(browser.get(page_of(server, "credentials/")).content)
    query = "?type=CONTROL_PANEL&username=web%2Fadmin"
    page = browser.post(page_of(server, f"credentials/reveal/{query}"), {"reason": "console login"})
    assert (page.status_code, page["Cache-Control"].count("no-store")) == (200, 1)
    assert "c0rrect horse & Sons" in text_of(page.content)
    assert upstream.journal[-1].path == path_of(server, "/credentials/CONTROL_PANEL/web%2Fadmin")


@pytest.fixture
def month(daytime: None, upstream: ContractUpstream) -> None:
    """1.2 TB on the first day of this month."""
    first = begin(timezone.now(), Granularity.MONTH)
    upstream.traffic = {first.isoformat(): (10**12, 2 * 10**11)}


def traffic_page(browser: Client, server: Server) -> str:
    return text_of(browser.get(page_of(server, "traffic/")).content)


def test_month_is_held_against_the_limit_of_the_contract(
    browser: Client, upstream: ContractUpstream, server: Server, month: None
) -> None:
    limited = Server.objects.filter(traffic_limit__isnull=False).earliest("pk")
    assert "— of 4 TB (from the contract) no figures yet" in traffic_page(browser, limited)
    let_a_worker_read(limited, "traffic")
    assert "1.20 TB of 4 TB, 30 % (from the contract)" in traffic_page(browser, limited)
    page = browser.post(page_of(limited, "traffic/limit/"), {"amount": "2", "unit": "TB"})
    assert page.status_code == 409
    assert changing(upstream) == []


def test_month_is_held_against_the_limit_that_an_admin_set(
    browser: Client, upstream: ContractUpstream, server: Server, month: None
) -> None:
    page = browser.post(page_of(server, "traffic/limit/"), {"amount": "2", "unit": "TB"}, follow=True)
    assert "— of 2 TB (set in this panel) no figures yet" in text_of(page.content)
    let_a_worker_read(server, "traffic")
    assert "1.20 TB of 2 TB, 60 % (set in this panel)" in traffic_page(browser, server)
    browser.post(page_of(server, "traffic/limit/"), {"clear": "yes", "seen": mark(2 * 10**12)})
    assert "1.20 TB no limit known" in traffic_page(browser, server)
    assert changing(upstream) == []
    asked = [call.path for call in upstream.journal if "datatraffic" in call.path]
    assert asked
    assert all(path.startswith(path_of(server, "/metrics/datatraffic?granularity=DAY")) for path in asked)


def test_one_snapshot_is_read_again(browser: Client, upstream: ContractUpstream, server: Server) -> None:
    browser.get(page_of(server, "snapshots/"))
    let_a_worker_read(server, "snapshots")
    snapshot = Snapshot.objects.get(server=server, name="snapshot1")
    browser.post(page_of(server, f"snapshots/{snapshot.pk}/refresh/"))
    reading.read_snapshot(snapshot.pk)
    wanted = path_of(server, f"/snapshots/{snapshot.upstream_id}")
    assert upstream.journal[-1] == Call("GET", wanted, 200, None)
    assert Snapshot.objects.get(pk=snapshot.pk).seen_at > snapshot.seen_at
    assert not ExternalEvent.objects.exclude(what="state").exists()
