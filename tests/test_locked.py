"""Pages while somebody else keeps the database from being written: what is only read is shown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import reverse

from servers.models import ApiKey, ServerReading
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeServer, MakeSnapshot
from tests.support.database import Cut
from tests.test_urls import EVERY, NEEDS_NO_LOGIN

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = sorted(set(EVERY) - NEEDS_NO_LOGIN)
# What leaves an entry in the trail when it is taken away.
RECORDED = {name for name in PAGES if name.endswith(("_export", "_csv", "audit_checkpoints"))}


@dataclass
class Scene:
    """An owner who never opened the team before, with one of everything in it, and nothing read lately."""

    browser: Client
    ids: dict[str, int]

    def get(self, name: str) -> int:
        known = {**self.ids, "team": "north-ops", "kind": "power_on", "subject": "snapshots"}
        wanted = re.findall(r"<\w+:(\w+)>", EVERY[name][0])
        address = reverse(name, kwargs={key: known[key] for key in wanted})
        return self.browser.get(address, {"page": "overview", "since": 0}).status_code


@pytest.fixture
def scene(
    team: Team,
    owner: User,
    client_of: ClientOf,
    make_server: MakeServer,
    make_job: MakeJob,
    make_snapshot: MakeSnapshot,
) -> Iterator[Scene]:
    job = make_job(make_server(team), status="succeeded")
    ids = {"server_id": job.server_id, "job_id": job.pk, "snapshot_id": make_snapshot(job.server).pk}
    ids |= {"api_key_id": ApiKey.objects.get().pk, "sequence": 1}
    ServerReading.objects.all().delete()
    scene = Scene(client_of(owner), ids)
    cut = Cut.lock()
    yield scene
    cut.over()


def test_no_page_that_is_only_read_needs_to_be_written(scene: Scene) -> None:
    answers = {name: scene.get(name) for name in PAGES if name not in RECORDED}
    # 302 leads to a fresh proof, 404 to the entry that nobody wrote, 405 is no page.
    assert {name: status for name, status in answers.items() if status not in (200, 302, 404, 405)} == {}
    assert sum(status == 200 for status in answers.values()) > 15


def test_way_in_is_shown_to_strangers(scene: Scene, client: Client) -> None:
    assert client.get(reverse("account_login")).status_code == 200


def test_what_cannot_be_recorded_is_not_handed_out(scene: Scene) -> None:
    assert {name: scene.get(name) for name in RECORDED} == dict.fromkeys(RECORDED, 503)
