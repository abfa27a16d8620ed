"""The page of one server."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from servers.models import ApiKey, Server, ServerKey
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey, MakeExternal, MakeJob, MakeServer
from tests.support.pages import HOSTILE, same_queries, text_of


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team, shown_name="web-01", upstream_id="218000")


def url(server: Server) -> str:
    return f"/t/north-ops/servers/{server.pk}/"


@pytest.mark.usefixtures("daytime")
def test_server_detail_shows_everything_that_leaseweb_tells(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    now = timezone.now()
    server = make_server(
        team,
        memory_amount=4096,
        memory_unit="MB",
        price=Decimal("4.7"),
        currency="EUR",
        billing_cycle=12,
        billing_frequency="MONTH",
        contract_id="30001",
        contract_starts_on=(now - timedelta(days=10)).date(),
        contract_ends_on=(now + timedelta(days=20)).date(),
        customer_id="30012345",
        cloud_server_id="cs-77",
        iso_display_name="Rescue CD",
        traffic_plan="PREMIUM",
        reference="shop front",
        ips=[
            {"ip": "192.0.2.7", "version": 4, "type": "PUBLIC"},
            {"ip": "2001:db8::7", "version": 6, "type": "PUBLIC"},
        ],
    )
    page = browser.get(url(server)).content.decode()
    shown = text_of(page.encode())
    parts = ["4 cores", "4 GiB", "160 GB", "Ubuntu 24.04 LTS", "Rescue CD", "enabled", "10 TB premium"]
    parts += ["4.70 EUR per month", "every 12 months", "20 days left", "30001", "Bronze", "M"]
    parts += [server.upstream_id, "shop front", "AMS-01", "30012345", "cs-77", "192.0.2.7", "2001:db8::7"]
    assert [part for part in parts if part not in shown] == []
    copied = re.findall(r'data-copy="([^"]+)"', page)
    assert {"192.0.2.7", "2001:db8::7", server.upstream_id, "30001", "30012345", "cs-77"} <= set(copied)


@pytest.mark.usefixtures("daytime")
def test_server_detail_says_that_the_contract_ends_soon(browser: Client, server: Server) -> None:
    Server.objects.update(contract_ends_on=timezone.localdate() + timedelta(days=12))
    page = browser.get(url(server)).content
    assert "contract ends in 12 days, on " in text_of(page)
    assert b"/t/north-ops/contracts/" in page
    assert "12 days left" in text_of(browser.get("/t/north-ops/servers/").content)


def test_server_detail_says_how_old_the_state_is(browser: Client, server: Server) -> None:
    Server.objects.filter(pk=server.pk).update(seen_at=timezone.now() - timedelta(minutes=1))
    shown = text_of(browser.get(url(server)).content)
    assert re.search(r"running as of [1-4] min ago", shown)
    assert "Figures are" not in shown


def test_server_detail_warns_of_old_figures_and_says_why(browser: Client, server: Server) -> None:
    Server.objects.filter(pk=server.pk).update(seen_at=timezone.now() - timedelta(minutes=90))
    ApiKey.objects.update(next_sync_at=timezone.now() - timedelta(minutes=6))
    shown = text_of(browser.get(url(server)).content)
    assert "Figures are 1 h old." in shown
    assert "worker" in shown


def test_server_detail_warns_of_a_refused_key(browser: Client, server: Server, admin: User) -> None:
    ApiKey.objects.update(health=ApiKey.Health.REFUSED)
    page = browser.get(url(server)).content
    assert "Leaseweb refuses the API key" in text_of(page)
    assert b"jobs/new" not in page


def test_server_detail_warns_of_a_key_that_seems_to_read_only(browser: Client, server: Server) -> None:
    ApiKey.objects.update(health=ApiKey.Health.READS_ONLY)
    page = browser.get(url(server)).content
    assert "seems to be for reading only" in text_of(page)
    assert b"jobs/new/reboot" in page


def test_server_detail_of_a_gone_server_keeps_its_history(
    browser: Client, server: Server, make_job: MakeJob
) -> None:
    make_job(server, "reboot", "succeeded")
    Server.objects.filter(pk=server.pk).update(gone_at=timezone.now())
    page = browser.get(url(server)).content
    shown = text_of(page)
    assert "Leaseweb has not listed this server since" in shown
    assert "Reboot" in shown
    assert b"jobs/new" not in page


def test_server_detail_explains_each_button_that_cannot_be_pressed(browser: Client, server: Server) -> None:
    shown = text_of(browser.get(url(server)).content)
    assert "Power on The server is running already." in shown


def test_server_detail_tells_the_newest_twenty_happenings(
    browser: Client, server: Server, make_job: MakeJob, make_external: MakeExternal
) -> None:
    make_external(server, before="RUNNING", after="STOPPED")
    jobs = [make_job(server, "reboot", "succeeded") for _ in range(22)]
    page = browser.get(url(server))
    assert [each.job.job.pk for each in page.context["happenings"]] == [job.pk for job in jobs[:1:-1]]
    for address in ("jobs", "external"):
        assert f"/t/north-ops/{address}/?server={server.pk}".encode() in page.content
    newest = make_external(server, "snapshot_gone", subject="=<b>", before="READY")
    page = browser.get(url(server))
    assert page.context["happenings"][0].external.event == newest
    known = "external snapshot “=<b>” is gone, not by a job of this panel"
    assert f"Changed elsewhere {known} nobody here" in text_of(page.content)


def test_server_detail_names_every_key_that_sees_it(
    browser: Client, server: Server, team: Team, make_api_key: MakeApiKey
) -> None:
    ServerKey.objects.create(server=server, api_key=make_api_key(team, name="Second"))
    assert "Second working" in text_of(browser.get(url(server)).content)


def test_server_detail_follows_a_reading(browser: Client, server: Server) -> None:
    Server.objects.filter(pk=server.pk).update(refresh_asked_at=timezone.now())
    page = browser.get(url(server)).content
    assert b"reading\xe2\x80\xa6" in page
    assert b'data-moving="yes"' in page
    assert b"/refresh/" not in page


def test_server_detail_stands_still_when_nothing_moves(browser: Client, server: Server) -> None:
    assert b'data-moving="no"' in browser.get(url(server)).content


def test_server_detail_tells_a_viewer_why_there_is_no_refresh(
    client_of: ClientOf, viewer: User, server: Server
) -> None:
    page = client_of(viewer).get(url(server)).content
    assert b"/refresh/" not in page
    assert "it does not include “Ask for a fresh reading”" in page.decode()


def test_server_detail_refuses_other_methods(browser: Client, server: Server) -> None:
    assert browser.post(url(server)).status_code == 405


def test_server_detail_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, server: Server
) -> None:
    assert client_of(outsider).get(url(server)).status_code == 404


@pytest.mark.parametrize("server_id", [0, 999_999, 2**63, 10**30])
def test_server_detail_of_no_server_is_404(browser: Client, server_id: int) -> None:
    assert browser.get(f"/t/north-ops/servers/{server_id}/").status_code == 404


def test_server_detail_of_another_team_is_404(browser: Client, foreign_server: Server) -> None:
    assert browser.get(url(foreign_server)).status_code == 404


def test_server_detail_takes_the_same_queries_for_any_number_of_jobs(
    browser: Client, server: Server, make_job: MakeJob
) -> None:
    make_job(server, "reboot", "succeeded")
    same_queries(browser, url(server), lambda: [make_job(server, "reboot", "failed") for _ in range(30)])


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_server_detail_escapes_what_leaseweb_says(
    browser: Client, team: Team, make_server: MakeServer, text: str
) -> None:
    fields = dict.fromkeys(("data_center", "sla", "customer_id", "contract_id", "iso_name"), text[:64])
    page = browser.get(url(make_server(team, shown_name=text[:200], reference=text, **fields))).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page
