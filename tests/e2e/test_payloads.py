"""The corpus of hostile texts wherever text of others is shown: no page breaks, no script runs (X12).

The texts go round: each field of a server shows another one, so that every visit to a page shows many of them.
"""

import itertools
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Page

import audit.log
from audit.actions import AuditAction
from jobs.models import ExternalEvent, Job
from servers.leaseweb import Granularity
from servers.models import ApiKey, Server, Snapshot, TrafficPoint
from servers.traffic.buckets import begin
from teams.models import Team, User
from teams.permissions import Role
from tests.cast import (
    MakeApiKey,
    MakeEntries,
    MakeExternal,
    MakeJob,
    MakePerson,
    MakeReading,
    MakeServer,
    MakeSnapshot,
)
from tests.e2e.conftest import MakeVisitor
from tests.e2e.payloads import PAYLOADS
from tests.e2e.sound import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.processes]
UNHARMED = "() => !('harmed' in window) && document.querySelectorAll('main').length === 1"
KIND = "OPERATING_SYSTEM"
WHAT = (ExternalEvent.What.REFERENCE, ExternalEvent.What.TEMPLATE, ExternalEvent.What.SNAPSHOT_NEW)

# Pages that show the texts of all servers at once.
LISTS = (
    "",
    "servers/",
    "servers/?gone=all&sort=-name",
    "jobs/",
    "audit/",
    "api-keys/",
    "snapshots/",
    "external/",
    "traffic/",
    "contracts/",
)
# Pages of the one server that has every text as a user, a system and a snapshot.
OF_THE_FULL_ONE = ("credentials/", "jobs/new/reinstall/", "snapshots/")
# Pages of a server, most of which show a handful of its texts; each is visited with every eighth server.
OF_A_SERVER = (
    "",
    "jobs/new/power_off/",
    "jobs/new/snapshot_delete/?snapshot={snapshot}",
    "snapshots/",
    "snapshots/{snapshot}/",
    "traffic/",
    "credentials/reveal/?{user}",
    "credentials/store/?{user}",
    "rename/",
    "note/",
)


class Hostile(NamedTuple):
    """A server, and what of it is shown on pages of their own."""

    server: Server
    snapshot: Snapshot
    job: Job
    user: str

    def address(self, place: str) -> str:
        query = urlencode({"type": KIND, "username": self.user})
        return f"servers/{self.server.pk}/{place.format(snapshot=self.snapshot.pk, user=query)}"


class Texts:
    """The payloads one after the other, beginning with the `first`; each is cut to what its column holds."""

    def __init__(self, first: int) -> None:
        self._texts = itertools.cycle(PAYLOADS[first:] + PAYLOADS[:first])

    def __call__(self, most: int) -> str:
        return next(self._texts)[:most]


@pytest.fixture
def hostile(
    team: Team,
    owner: User,
    make_api_key: MakeApiKey,
    make_server: MakeServer,
    make_snapshot: MakeSnapshot,
    make_reading: MakeReading,
    make_job: MakeJob,
    make_external: MakeExternal,
    make_entries: MakeEntries,
) -> list[Hostile]:
    """A server for each payload, with a key that fails, a snapshot, a user, a job, an event, traffic and an entry."""
    found = []
    for number, text in enumerate(PAYLOADS):
        texts = Texts(number)
        server = _server(
            team, text, texts, make_server, _key(make_api_key(team, name=f"Key {number}"), texts)
        )
        snapshot = make_snapshot(server, texts(255), upstream_id=f"s{number}", **_trouble(texts))
        user = texts(256)
        make_reading(server, "credentials", content=[{"type": KIND, "username": user}], **_trouble(texts))
        make_reading(server, "traffic", **_trouble(texts))
        make_external(server, WHAT[number % 3], subject=text[:255], before=texts(200), after=texts(200))
        _entry(team, owner, server, text, make_entries)
        found.append(Hostile(server, snapshot, _job(snapshot, text, texts, make_job), user))
    _traffic([each.server for each in found])
    return found


def _trouble(texts: Texts) -> dict[str, object]:
    return {"error": texts(500), "error_at": timezone.now(), "correlation_id": texts(100)}


def _key(api_key: ApiKey, texts: Texts) -> ApiKey:
    failing = {"name": texts(80), "health": ApiKey.Health.FAILING, **_trouble(texts)}
    ApiKey.objects.filter(pk=api_key.pk).update(**failing)
    return api_key


def _server(team: Team, text: str, texts: Texts, make_server: MakeServer, api_key: ApiKey) -> Server:
    """As a reading keeps it."""
    return make_server(
        team,
        shown_name=" ".join(text.split())[:200],
        reference=text,
        note=texts(2000),
        api_key=api_key,
        ips=[{"ip": texts(64), "version": 4, "type": texts(20)}],
        contract_ends_on=(timezone.now() + timedelta(days=9)).date(),
        template=texts(200),
        data_center=texts(64),
        sla=texts(64),
        iso_name=texts(200),
        traffic_unit=texts(10),
    )


def _job(snapshot: Snapshot, text: str, texts: Texts, make_job: MakeJob) -> Job:
    about = {"snapshot_id": snapshot.upstream_id, "snapshot_name": snapshot.name}
    told = {"message": text[:600], "correlation_id": texts(100)}
    return make_job(snapshot.server, "snapshot_delete", "failed", code="refused", params=about, **told)


def _entry(team: Team, owner: User, server: Server, text: str, make_entries: MakeEntries) -> None:
    """Somebody stored a password for a user of that name."""
    make_entries(
        team,
        owner,
        action=AuditAction.CREDENTIAL_STORE,
        target=audit.log.Target("server", str(server.pk), server.shown_name),
        change=audit.log.Change(after={"type": KIND, "username": text[:256]}),
        reason=text,
    )


def _traffic(servers: list[Server]) -> None:
    today = begin(timezone.now(), Granularity.DAY)
    points = [TrafficPoint(server=server, granularity="DAY", at=today, up=10**12) for server in servers]
    TrafficPoint.objects.bulk_create(points)


@pytest.fixture
def full(
    team: Team, make_server: MakeServer, make_snapshot: MakeSnapshot, make_reading: MakeReading
) -> Server:
    """A server with each payload as a user, a system and a snapshot."""
    server = make_server(team, shown_name="full")
    users = [{"type": KIND, "username": text[:256]} for text in PAYLOADS]
    systems = [{"id": f"T{number}", "name": text} for number, text in enumerate(PAYLOADS)]
    make_reading(server, "credentials", content=users)
    make_reading(server, "templates", content=systems)
    for text in PAYLOADS:
        make_snapshot(server, text[:255])
    return server


def opened(page: Page, address: str) -> list[str]:
    """What is wrong with the page at this address."""
    answer = page.goto(address)
    found = [] if answer and answer.status == 200 else [f"status {answer and answer.status}"]
    if urlsplit(page.url).path != urlsplit(address).path:
        found.append(f"led to {page.url}")
    if not page.evaluate(UNHARMED):
        found.append("harmed")
    found += too_wide(page, 1280) + too_wide(page, 360)
    return [f"{address}: {each}" for each in found]


def addresses(hostile: list[Hostile], full: Server) -> list[str]:
    """A page or two of each server in turn, and every third job: its neighbours' texts are in its other fields."""
    found = [*LISTS, *(f"servers/{full.pk}/{place}" for place in OF_THE_FULL_ONE)]
    for number, each in enumerate(hostile):
        found += [each.address(place) for place in OF_A_SERVER[number % 8 :: 8]]
    return found + [f"jobs/{each.job.pk}/" for each in hostile[::3]]


@pytest.mark.req("X12")
def test_corpus_has_forty_payloads() -> None:
    assert len(set(PAYLOADS)) == 40


@pytest.mark.req("X12")
def test_hostile_texts_break_no_page_and_run_no_script(
    url: str, hostile: list[Hostile], full: Server, team: Team, make_person: MakePerson, visitor: MakeVisitor
) -> None:
    page = visitor(make_person("Nina Nasty", team, Role.OWNER), url, reduced_motion="reduce").new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    visits = [f"/t/{team.slug}/{address}" for address in addresses(hostile, full)]
    found = [fault for address in visits for fault in opened(page, address)]
    assert (found, dialogs) == ([], [])
