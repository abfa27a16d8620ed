"""Ids of another team, put wherever an id can be put: the answer is that of an id which does not exist."""

import base64
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from jobs.models import Job
from servers.models import ApiKey, Server, ServerReading, Snapshot
from teams.models import Team, User
from tests.cast import ClientOf, MakeEntries, MakeExternal, MakeJob, MakeServer, MakeSnapshot
from tests.support.pages import text_of
from tests.support.proof import prove
from tests.test_urls import EVERY

pytestmark = [pytest.mark.django_db, pytest.mark.req("X2")]
NOBODYS = 2**40
ID = re.compile(r"<int:(\w+)>")
WITH_ID = sorted(name for name, (route, _) in EVERY.items() if "<slug:team>" in route and ID.search(route))


class Foreign(NamedTuple):
    """Things of a team in which the person who asks has no part."""

    server: Server
    snapshot: Snapshot
    job: Job
    unknown: Job
    api_key: ApiKey
    person: User
    entry: AuditEvent

    def id_of(self, what: str) -> int:
        ids = {
            "server_id": self.server.pk,
            "snapshot_id": self.snapshot.pk,
            "job_id": self.job.pk,
            "api_key_id": self.api_key.pk,
            "sequence": self.entry.sequence,
        }
        return ids[what]


@pytest.fixture
def foreign(
    outsider: User,
    other_team: Team,
    make_server: MakeServer,
    make_snapshot: MakeSnapshot,
    make_job: MakeJob,
    make_external: MakeExternal,
    make_entries: MakeEntries,
) -> Foreign:
    server = make_server(other_team, shown_name="theirs-alone")
    make_external(server, "reference", before="theirs-before", after="theirs-alone")
    unknown = make_job(
        make_server(other_team, shown_name="theirs-too"), status="unknown", requested_by=outsider
    )
    return Foreign(
        server=server,
        snapshot=make_snapshot(server, "theirs-at-rest"),
        job=make_job(server, status="succeeded", requested_by=outsider),
        unknown=unknown,
        api_key=other_team.api_keys.get(),
        person=outsider,
        entry=make_entries(other_team, outsider, 9)[-1],
    )


@pytest.fixture
def insider(owner: User, client_of: ClientOf, team: Team, make_server: MakeServer) -> Client:
    """Somebody who may do everything, in their own team."""
    make_server(team, shown_name="ours")
    return client_of(owner)


def state_of(foreign: Foreign) -> list[Any]:
    """All that somebody else could have spoilt."""
    models = (Server, Snapshot, ServerReading, Job, ApiKey, AuditEvent)
    return [list(model.objects.filter(**_theirs(model, foreign)).order_by("pk").values()) for model in models]


def _theirs(model: Any, foreign: Foreign) -> dict[str, Any]:
    team = foreign.server.team_id
    return {AuditEvent: {"chain": team}, ServerReading: {"server__team": team}}.get(model, {"team_id": team})


def same_page(one: bytes, two: bytes) -> bool:
    """Whether two pages are the same but for their one-time tokens."""
    return _without_tokens(one) == _without_tokens(two)


def _without_tokens(page: bytes) -> str:
    page = re.sub(rb'value="[A-Za-z0-9]{64}"', b"", page)
    return re.sub(r'"X-CSRFToken": "\w+"', "", page.decode())


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", WITH_ID)
def test_foreign_id_in_the_path_is_like_one_that_does_not_exist(
    name: str, method: str, insider: Client, foreign: Foreign, team: Team
) -> None:
    ids = ID.findall(EVERY[name][0])
    before = state_of(foreign)
    theirs = getattr(insider, method)(address(name, team, {what: foreign.id_of(what) for what in ids}))
    nobodys = getattr(insider, method)(address(name, team, dict.fromkeys(ids, NOBODYS)))
    assert theirs.status_code == nobodys.status_code
    assert theirs.status_code in (404, 405)
    assert same_page(theirs.content, nobodys.content)
    assert state_of(foreign) == before


def address(name: str, team: Team, ids: dict[str, int]) -> str:
    return reverse(name, kwargs={"team": team.slug, **ids, **MORE.get(name, {})})


def _place(sequence: int) -> str:
    """The place in an audit list that comes right before an entry."""
    return base64.urlsafe_b64encode(f"[{sequence}]".encode()).decode().rstrip("=")


# What addresses need beside ids.
MORE = {"jobs:job_new": {"kind": "power_on"}, "servers:reading_refresh": {"subject": "snapshots"}}


QUERIES: dict[str, Callable[[Foreign], str]] = {
    "servers by key": lambda foreign: f"servers/?key={foreign.api_key.pk}",
    "jobs by server": lambda foreign: f"jobs/?server={foreign.server.pk}",
    "external changes by server": lambda foreign: f"external/?server={foreign.server.pk}",
    "jobs by person": lambda foreign: f"jobs/?person={foreign.person.pk}",
    "audit by server": lambda foreign: f"audit/?server={foreign.server.pk}",
    "audit by person": lambda foreign: f"audit/?actor={foreign.person.pk}",
    "audit from entry": lambda foreign: f"audit/?after={_place(foreign.entry.sequence + 1)}",
    "changes of servers": lambda foreign: f"changes/?since=0&page=servers&ids={foreign.server.pk}",
    "changes of a server": lambda foreign: f"changes/?since=0&page=server&ids={foreign.server.pk}",
    "changes of jobs": lambda foreign: f"changes/?since=0&page=jobs&ids={foreign.job.pk}",
    "changes of a job": lambda foreign: f"changes/?since=0&page=job&ids={foreign.job.pk}",
    "changes of credentials": lambda foreign: f"changes/?since=0&page=credentials&ids={foreign.server.pk}",
    "snapshots by server": lambda foreign: f"snapshots/?gone=all&server={foreign.server.pk}",
    "changes of snapshots": lambda foreign: f"changes/?since=0&page=snapshots&ids={foreign.snapshot.pk}",
    "changes of a snapshot": lambda foreign: f"changes/?since=0&page=snapshot&ids={foreign.snapshot.pk}",
    "changes of its snapshots": lambda foreign: f"changes/?since=0&page=of_server&ids={foreign.server.pk}",
    "changes of traffic": lambda foreign: f"changes/?since=0&page=traffic&ids={foreign.server.pk}",
    "changes of keys": lambda foreign: f"changes/?since=0&page=keys&ids={foreign.api_key.pk}",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_foreign_id_in_the_address_shows_nothing_of_it(
    query: Callable[[Foreign], str], insider: Client, foreign: Foreign, team: Team
) -> None:
    answer = insider.get(f"/t/{team.slug}/{query(foreign)}")
    assert answer.status_code in (200, 204)
    shown = text_of(answer.content)
    for word in (
        "theirs",
        "foreign-",
        str(foreign.person),
        foreign.person.email,
        foreign.api_key.fingerprint,
    ):
        assert word not in shown


def test_foreign_job_cannot_be_repeated(insider: Client, foreign: Foreign, team: Team) -> None:
    ours = Server.objects.get(team=team)
    Server.objects.filter(pk=ours.pk).update(state="STOPPED")
    confirm = f"/t/{team.slug}/servers/{ours.pk}/jobs/new/power_on/"
    assert f"#{foreign.job.pk}" not in text_of(insider.get(f"{confirm}?again={foreign.job.pk}").content)
    insider.post(confirm, {"client_token": str(uuid4()), "again": foreign.job.pk})
    assert Job.objects.get(server=ours).again_of is None


def test_foreign_snapshot_cannot_be_restored_or_deleted(
    insider: Client, owner: User, foreign: Foreign, team: Team
) -> None:
    ours = Server.objects.get(team=team)
    prove(insider, owner)
    for kind in ("snapshot_restore", "snapshot_delete"):
        confirm = f"/t/{team.slug}/servers/{ours.pk}/jobs/new/{kind}/"
        sent = {"client_token": str(uuid4()), "snapshot": foreign.snapshot.pk, "typed": "ours"}
        assert insider.get(f"{confirm}?snapshot={foreign.snapshot.pk}").status_code == 404
        assert insider.post(confirm, sent).status_code == 404
    assert not Job.objects.filter(server=ours).exists()


def test_foreign_token_of_a_click_does_not_lead_to_their_job(
    insider: Client, foreign: Foreign, team: Team
) -> None:
    ours = Server.objects.get(team=team)
    confirm = f"/t/{team.slug}/servers/{ours.pk}/jobs/new/reboot/"
    answer = insider.post(confirm, {"client_token": str(foreign.job.client_token)})
    assert answer["Location"] == f"/t/{team.slug}/jobs/{Job.objects.get(server=ours).pk}/"


def test_unknown_job_of_others_cannot_be_settled(insider: Client, foreign: Foreign, team: Team) -> None:
    form = {"resolution": "happened", "reason": "because I say so"}
    assert insider.post(f"/t/{team.slug}/jobs/{foreign.unknown.pk}/settle/", form).status_code == 404
    foreign.unknown.refresh_from_db()
    assert foreign.unknown.status == "unknown"


@pytest.mark.parametrize("name", sorted(name for name, (route, _) in EVERY.items() if route.startswith("t/")))
def test_team_of_others_is_like_one_that_does_not_exist(
    name: str, insider: Client, foreign: Foreign, other_team: Team
) -> None:
    parts = {what: foreign.id_of(what) for what in ID.findall(EVERY[name][0])} | MORE.get(name, {})
    answers = [
        insider.get(reverse(name, kwargs={"team": slug, **parts}))
        for slug in (other_team.slug, "no-such-team")
    ]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].status_code in (404, 405)
    assert same_page(answers[0].content, answers[1].content)
