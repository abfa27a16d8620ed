"""Which passwords of a server there are, how old that list is, and having it read again."""

from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from jobs.engine import reading
from servers.models import Server, ServerReading
from teams.models import Membership
from tests.cast import MakeJob
from tests.servers.credential_pages.asking import TYPED, row_of, url
from tests.support.answers import arrange
from tests.support.engine_room import EngineRoom
from tests.support.pages import HOSTILE, same_queries, text_of
from tests.support.reach import Obstacle, disabled_refresh, out_of_reach, refused_refresh


def test_credential_list_names_users_and_how_old_that_is(browser: Client, server: Server) -> None:
    page = browser.get(url(server))
    shown = text_of(page.content)
    assert "root Operating system" in shown
    assert "as of 1 h ago" in shown
    assert "It may differ from the one on the machine if it was changed there." in shown
    assert "none through this panel" in shown
    assert f"{url(server, 'reveal/')}?type=OPERATING_SYSTEM&amp;username=root" in page.content.decode()
    assert row_of(server).asked_at is None, "it is young enough"


def test_credential_list_tells_of_the_last_reinstall_and_the_last_store(
    browser: Client, server: Server, make_job: MakeJob, room: EngineRoom
) -> None:
    make_job(server, "reinstall", "expired", sent_at=None)
    job = make_job(server, "reinstall", "succeeded")
    make_job(server, "reinstall", "queued")
    browser.post(url(server, "store/"), TYPED)
    page = browser.get(url(server))
    assert f"/t/north-ops/jobs/{job.pk}/" in page.content.decode()
    assert "for “ web master ” by Adam Admin" in text_of(page.content)
    assert "did not confirm" not in text_of(page.content)
    arrange(room.sim, "cut after sending", "storeCredential")
    browser.post(url(server, "store/"), TYPED)
    assert "Leaseweb did not confirm it" in text_of(browser.get(url(server)).content)


def test_credential_list_is_read_on_opening_when_it_was_never_read(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    ServerReading.objects.filter(server=server).delete()
    page = browser.get(url(server))
    assert "The panel is asking Leaseweb which users there are." in text_of(page.content)
    assert b'data-moving="yes"' in page.content
    reading.read_detail(row_of(server).pk)
    news = browser.get(f"/t/north-ops/changes/?since=0&page=credentials&ids={server.pk}&shown=reading")
    assert "root Operating system" in text_of(news.content)
    assert b'data-moving="no"' in news.content


def test_credential_list_waits_without_news_while_it_is_read(browser: Client, server: Server) -> None:
    ServerReading.objects.filter(server=server, subject="credentials").update(asked_at=timezone.now())
    browser.get(url(server))
    since = Membership.objects.select_related("team").get(user__name="Adam Admin").team.cursor
    news = f"/t/north-ops/changes/?since={since}&page=credentials&ids={server.pk}&shown=reading"
    assert browser.get(news).status_code == 204


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"content": []}, "Leaseweb stores no password of this server."),
        ({"error": "Leaseweb had trouble.", "error_at": Now()}, "Leaseweb had trouble."),
    ],
)
def test_credential_list_says_why_it_shows_nothing_new(
    browser: Client, server: Server, fields: dict[str, Any], words: str
) -> None:
    ServerReading.objects.filter(server=server, subject="credentials").update(**fields)
    assert words in text_of(browser.get(url(server)).content)


def test_credential_list_of_a_gone_server_says_why_nothing_can_be_done(
    browser: Client, server: Server
) -> None:
    Server.objects.filter(pk=server.pk).update(gone_at=timezone.now())
    page = browser.get(url(server)).content
    assert "Leaseweb has not listed this server since" in text_of(page)
    assert b"reveal/?" not in page
    assert b'/store/"' not in page


def test_credential_refresh_is_in_the_trail(browser: Client, server: Server) -> None:
    assert browser.post(url(server, "refresh/")).status_code == 302
    assert row_of(server).asked_at is not None
    assert AuditEvent.objects.get(action="server.refresh").after == {"subject": "credentials"}
    assert browser.get(url(server, "refresh/")).status_code == 405


@out_of_reach
def test_credential_refresh_out_of_reach_says_why_and_asks_for_nothing(
    browser: Client, server: Server, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    (said,) = refused_refresh(browser, url(server, "refresh/"))
    assert said.startswith(obstacle.reason)
    assert row_of(server).asked_at is None
    assert not AuditEvent.objects.filter(action="server.refresh").exists()
    assert disabled_refresh(browser.get(url(server)).content, obstacle.reason)


@pytest.mark.req("X12")
def test_credential_pages_escape_names(browser: Client, server: Server) -> None:
    names = [{"type": "CONTROL_PANEL", "username": text[:256]} for text in HOSTILE]
    ServerReading.objects.filter(server=server, subject="credentials").update(content=names)
    Server.objects.filter(pk=server.pk).update(shown_name=HOSTILE[0])
    page = browser.get(url(server)).content
    assert "The API takes user names of 1 to 256 printable characters" in page.decode(), (
        "one is not printable"
    )
    assert b"<script>alert" not in page + browser.get(url(server, "store/")).content


def test_credential_list_takes_the_same_queries_for_any_number_of_users(
    browser: Client, server: Server
) -> None:
    names = [{"type": "OPERATING_SYSTEM", "username": f"user{number}"} for number in range(30)]
    row = ServerReading.objects.filter(server=server, subject="credentials")
    same_queries(browser, url(server), lambda: row.update(content=names))
