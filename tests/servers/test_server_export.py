"""The list of servers as a file."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client

from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey, MakeServer
from tests.support.exports import (
    download,
    exports,
    lines,
    nothing_leaves_without_an_entry,
    same_queries_of_download,
)
from tests.support.pages import text_of

URL = "/t/north-ops/servers.csv"
LIST = "/t/north-ops/servers/"


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


FILLED = {
    "shown_name": "web-01",
    "reference": "web-01",
    "upstream_id": "222903",
    "memory_amount": 2048,
    "memory_unit": "MB",
    "storage_amount": 1,
    "storage_unit": "TB",
    "contract_id": "9001",
    "contract_starts_on": date(2025, 3, 1),
    "contract_ends_on": date(2026, 3, 31),
    "billing_cycle": 12,
    "billing_frequency": "MONTH",
    "price": Decimal("4.7"),
    "currency": "EUR",
    "iso_id": "9e",
    "iso_name": "rescue-1",
    "iso_display_name": "Rescue CD",
    "customer_id": "10085996",
    "seen_at": datetime(2026, 3, 1, 10, 30, tzinfo=UTC),
    "ips": [{"ip": "10.0.0.1", "version": 4}, {"ip": "2001:db8::1", "version": 6}],
    "note": "pager: Tom",
}
COLUMNS = {
    "who it is": {
        "name": "web-01",
        "reference": "web-01",
        "leaseweb_id": "222903",
        "customer_id": "10085996",
        "cloud_server_id": "",
        "note": "pager: Tom",
    },
    "how it is and when that was": {
        "state": "RUNNING",
        "as_of": "2026-03-01T10:30:00+00:00",
        "gone_since": "",
        "firewall": "ENABLED",
        "api_key": "Main account",
    },
    "where it is": {"data_centre": "AMS-01", "main_ip": "10.0.0.1", "ips": "10.0.0.1 2001:db8::1"},
    "its machine in fixed units": {
        "cpu_cores": "4",
        "memory_mib": "2048",
        "storage_gb": "1000",
        "system": "Ubuntu 24.04 LTS (Noble Numbat)",
        "iso": "Rescue CD",
        "iso_id": "9e",
    },
    "its contract": {
        "offering": "M",
        "service_level": "BRONZE",
        "contract_id": "9001",
        "contract_starts_on": "2025-03-01",
        "contract_ends_on": "2026-03-31",
        "billing_cycle": "12",
        "billing_frequency": "MONTH",
        "price": "4.7000",
        "currency": "EUR",
    },
    "its traffic": {"traffic_limit": "10", "traffic_unit": "TB", "traffic_plan": ""},
}


@pytest.fixture
def filled(team: Team, make_api_key: MakeApiKey, make_server: MakeServer) -> Server:
    return make_server(team, api_key=make_api_key(team, name="Main account"), **FILLED)


@pytest.mark.parametrize("told", COLUMNS.values(), ids=COLUMNS)
def test_server_export_tells_machines(browser: Client, filled: Server, told: dict[str, str]) -> None:
    (line,) = lines(browser, URL)
    assert {name: line[name] for name in told} == told


def test_server_export_tells_what_the_panel_knows_of_a_server(browser: Client, filled: Server) -> None:
    (line,) = lines(browser, URL)
    assert line["panel_id"] == str(filled.pk)
    assert datetime.fromisoformat(line["first_seen"]).tzinfo == UTC


def test_server_export_has_no_other_columns(browser: Client, filled: Server) -> None:
    (line,) = lines(browser, URL)
    assert set(line) == {"panel_id", "first_seen"}.union(*COLUMNS.values())


def test_server_export_is_the_list_with_the_same_query(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    for number, state in enumerate(["RUNNING", "STOPPED", "STOPPED"]):
        make_server(team, shown_name=f"web-{number}", state=state)
    for query in ("?state=STOPPED&sort=-name", "?q=WEB-1", "?state=nonsense", "?after=x&sort=place"):
        page = browser.get(LIST + query)
        shown = [row.server.shown_name for row in page.context["rows"]]
        assert [line["name"] for line in lines(browser, page.context["export_url"])] == shown


def test_server_export_is_not_cut_to_a_page(browser: Client, team: Team, make_server: MakeServer) -> None:
    for _ in range(55):
        make_server(team)
    assert len(lines(browser, URL)) == 55


@pytest.mark.req("X14")
def test_server_export_is_in_the_trail_with_its_filters(
    browser: Client, team: Team, operator: User, make_server: MakeServer
) -> None:
    make_server(team)
    download(browser, f"{URL}?state=RUNNING&live=on&q=web")
    (entry,) = exports(team)
    assert (entry.actor_id, entry.target_type, entry.target_id) == (operator.pk, "list", "servers")
    assert entry.after == {"q": "web", "state": "RUNNING", "live": True, "sort": "name", "most_rows": 50_000}


@pytest.mark.req("A2")
def test_server_export_keeps_everything_back_when_the_trail_fails(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    nothing_leaves_without_an_entry(browser, team, URL)


@pytest.mark.req("X14")
def test_server_export_runs_no_formula_of_leaseweb(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    bad = '=HYPERLINK("x")'
    make_server(
        team, shown_name=bad, reference=f"x\n{bad}", template=bad, data_center=bad, note=f" {bad}", ips=[]
    )
    (line,) = lines(browser, URL)
    assert (line["name"], line["system"], line["data_centre"]) == (f"'{bad}",) * 3
    assert (line["reference"], line["note"]) == (f"x\n'{bad}", f"' {bad}")


def test_server_export_takes_the_same_queries_for_any_number_of_rows(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    same_queries_of_download(browser, URL, lambda: [make_server(team) for _ in range(30)])


def test_server_list_offers_the_file_only_where_there_is_something_to_have(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    assert "Export CSV" not in text_of(browser.get(LIST).content)
    make_server(team)
    assert f'href="{URL}?state=RUNNING"'.encode() in browser.get(f"{LIST}?state=RUNNING&after=x").content


def test_server_list_says_why_somebody_may_not_have_the_file(
    client_of: ClientOf, viewer: User, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    page = client_of(viewer).get(LIST).content
    assert b"servers.csv" not in page
    assert "it does not include “Export lists”" in page.decode()


def test_server_export_is_refused_to_a_viewer(client_of: ClientOf, viewer: User, team: Team) -> None:
    assert client_of(viewer).get(URL).status_code == 403
    assert exports(team) == []


@pytest.mark.parametrize("method", ["post", "head", "put", "delete"])
def test_server_export_refuses_other_methods(browser: Client, team: Team, method: str) -> None:
    assert getattr(browser, method)(URL).status_code == 405
    assert exports(team) == []


def test_server_export_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, team: Team
) -> None:
    assert client_of(outsider).get(URL).status_code == 404


def test_server_export_holds_nothing_of_another_team(browser: Client, foreign_server: Server) -> None:
    assert lines(browser, f"{URL}?gone=all&key={foreign_server.api_key_id}") == []
    assert lines(browser, URL) == []
