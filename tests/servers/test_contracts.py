"""The ends of contracts as a page and as a calendar file."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from servers import contract_calendar, ical
from servers.contract_calendar import ending_soon
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer, QueriesOf
from tests.support.engine_room import access_of
from tests.support.exports import download, exports, nothing_leaves_without_an_entry
from tests.support.pages import text_of

PAGE, FILE = "/t/north-ops/contracts/", "/t/north-ops/contracts.ics"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("daytime")


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


def ends_in(days: int) -> date:
    return timezone.localdate() + timedelta(days=days)


# --- The page ---------------------------------------------------------------------------------------------------


def test_contracts_stand_under_their_month_with_what_they_cost(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    for name, days, currency in (
        ("ended", -3, "EUR"),
        ("soon", 9, "EUR"),
        ("later", 9, "USD"),
        ("far", 500, "EUR"),
    ):
        make_server(
            team,
            shown_name=name,
            contract_ends_on=ends_in(days),
            price=Decimal("4.7"),
            currency=currency,
            billing_frequency="MONTH",
        )
    make_server(team, shown_name="endless")
    make_server(team, shown_name="gone", contract_ends_on=ends_in(2), gone_at=timezone.now())
    shown = text_of(browser.get(PAGE).content)
    month = f"{ends_in(9):%B %Y}"
    assert "Ended · 1 contract · 4.70 EUR per month" in shown
    assert f"{month} · 2 contracts · 4.70 EUR per month · 4.70 USD per month" in shown
    assert "9 days left" in shown
    assert "has ended" in shown
    assert "Of 1 server Leaseweb tells no end." in shown
    assert not {"far", "endless", "gone"} & set(shown.split())


def test_contracts_of_a_day_stand_as_people_expect(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    for name in ("web10", "Ärger", "web2"):
        make_server(team, shown_name=name, contract_ends_on=ends_in(9))
    shown = text_of(browser.get(PAGE).content).split()
    assert [word for word in shown if word in ("web10", "Ärger", "web2")] == ["Ärger", "web2", "web10"]


def test_team_without_ends_is_told_so(browser: Client, team: Team, make_server: MakeServer) -> None:
    assert "Ends of contracts come with the servers" in text_of(browser.get(PAGE).content)
    make_server(team)
    assert "Leaseweb tells no end for the 1 server" in text_of(browser.get(PAGE).content)


def test_name_of_a_server_is_escaped(browser: Client, team: Team, make_server: MakeServer) -> None:
    make_server(team, shown_name="<script>alert(1)</script>", contract_ends_on=ends_in(1))
    assert b"<script>alert" not in browser.get(PAGE).content


def test_page_takes_the_same_queries_for_any_number_of_rows(
    browser: Client, team: Team, make_server: MakeServer, queries_of: QueriesOf
) -> None:
    make_server(team, contract_ends_on=ends_in(1))
    one = queries_of(browser, PAGE)
    for days in range(30):
        make_server(team, contract_ends_on=ends_in(days * 9))
    assert queries_of(browser, PAGE) == one


@pytest.mark.parametrize("address", [PAGE, FILE])
def test_contracts_can_only_be_read_and_only_by_the_team(
    address: str, browser: Client, client_of: ClientOf, outsider: User
) -> None:
    assert browser.post(address).status_code == 405
    assert client_of(outsider).get(address).status_code == 404


def test_ends_within_thirty_days_are_counted(operator: User, team: Team, make_server: MakeServer) -> None:
    for days in (-1, 0, 30, 31):
        make_server(team, contract_ends_on=ends_in(days))
    assert ending_soon(access_of(operator, team)) == 3


def test_contracts_come_page_by_page_and_sums_are_of_whole_months(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    for number in range(120):
        make_server(
            team,
            shown_name=f"web-{number:03}",
            contract_ends_on=ends_in(-1 if number < 60 else 300),
            price=Decimal(2),
            currency="EUR",
            billing_frequency="MONTH",
        )
    seen: list[str] = []
    address = PAGE
    for group in ("Ended · 60 contracts", f"{ends_in(300):%B %Y} · 60 contracts · 120.00 EUR per month"):
        page = browser.get(address)
        assert group in text_of(page.content)
        assert "50 of 120 contracts" in text_of(page.content)
        seen += [each.name for month in page.context["months"] for each in month.endings]
        address = PAGE + page.context["next_url"]
    assert "10 of them on this page" in text_of(page.content)
    last = browser.get(address)
    seen += [each.name for month in last.context["months"] for each in month.endings]
    assert seen == [f"web-{number:03}" for number in range(120)]
    back = browser.get(PAGE + last.context["previous_url"])
    assert back.context["months"][0].endings[0].name == "web-050"


@pytest.mark.parametrize(
    "token", ["x", "WzEsMl0", "WyJub3QgYSBkYXkiLCJ4IiwxXQ", "WyIyMDI2LTAyLTMxIiwieCIsMV0"]
)
def test_place_that_does_not_fit_is_the_first_page(
    browser: Client, team: Team, make_server: MakeServer, token: str
) -> None:
    make_server(team, contract_ends_on=ends_in(1))
    assert browser.get(f"{PAGE}?after={token}").context["shown"] == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["ended", "soon", "autumn"]),
        ("?within=30", ["ended", "soon"]),
        ("?within=90&q=AUT", ["autumn"]),
        ("?within=all", ["ended", "soon", "autumn", "far"]),
        ("?within=never&q=", ["ended", "soon", "autumn"]),
    ],
)
def test_contracts_are_narrowed_by_when_they_end_and_by_words(
    browser: Client, team: Team, make_server: MakeServer, query: str, names: list[str]
) -> None:
    for name, days in (("ended", -3), ("soon", 9), ("autumn", 80), ("far", 500)):
        make_server(team, shown_name=name, search_text=name, contract_ends_on=ends_in(days))
    page = browser.get(PAGE + query)
    assert [each.name for month in page.context["months"] for each in month.endings] == names
    file = download(browser, page.context["export_url"]).decode()
    assert file.count("BEGIN:VEVENT") == len([name for name in names if name != "ended"])


def test_contracts_without_a_match_can_be_cleared_and_those_later_be_seen(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    make_server(team, contract_ends_on=ends_in(500))
    assert b'href="?within=all"' in browser.get(PAGE).content
    assert "Clear the filters" in text_of(browser.get(f"{PAGE}?q=nothing").content)


# --- The file ---------------------------------------------------------------------------------------------------


def test_file_has_a_whole_day_for_each_end_to_come(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    server: Server = make_server(
        team, shown_name="web; 01, Büro", contract_ends_on=ends_in(3), contract_id="9001"
    )
    make_server(team, contract_ends_on=ends_in(-1))
    found = download(browser, FILE).decode()
    assert found.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert found.count("BEGIN:VEVENT") == 1
    unfolded = found.replace("\r\n ", "").split("\r\n")
    assert f"DTSTART;VALUE=DATE:{ends_in(3):%Y%m%d}" in unfolded
    assert f"DTEND;VALUE=DATE:{ends_in(4):%Y%m%d}" in unfolded
    assert "SUMMARY:Contract of web\\; 01\\, Büro ends" in unfolded
    assert any(line.startswith(f"UID:contract-of-server-{server.pk}@") for line in unfolded)
    assert any(line.endswith(f"/t/north-ops/servers/{server.pk}/") for line in unfolded)


def test_file_is_in_the_trail_before_it_leaves(browser: Client, team: Team, make_server: MakeServer) -> None:
    make_server(team, contract_ends_on=ends_in(3))
    download(browser, FILE)
    assert [entry.target_id for entry in exports(team)] == ["contracts"]


def test_file_is_bounded_and_says_so(
    browser: Client, team: Team, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_calendar, "MOST_EVENTS", 3)
    for days in range(5):
        make_server(team, contract_ends_on=ends_in(days))
    found = download(browser, FILE).decode()
    assert found.count("BEGIN:VEVENT") == 3
    assert "X-WR-CALDESC:" in found
    narrowed = download(browser, f"{FILE}?within=30&q=nothing").decode()
    assert (narrowed.count("BEGIN:VEVENT"), "X-WR-CALDESC:" in narrowed) == (0, False)
    assert [entry.after.get("within") for entry in exports(team)] == [None, "30"]


def test_file_stays_when_the_trail_fails(browser: Client, team: Team) -> None:
    nothing_leaves_without_an_entry(browser, team, FILE)


def test_file_is_not_for_viewers_and_the_page_says_why(
    client_of: ClientOf, viewer: User, team: Team, make_server: MakeServer
) -> None:
    make_server(team, contract_ends_on=ends_in(3))
    browser = client_of(viewer)
    assert browser.get(FILE).status_code == 403
    page = browser.get(PAGE)
    assert b"contracts.ics" not in page.content
    assert b"Your role here is viewer" in page.content


# --- The format -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("a,b;c\\d", "a\\,b\\;c\\\\d"),
        ("two\nlines\r\n", "two\\nlines\\n"),
        ("bell\x07 and nul\x00", "bell and nul"),
        ("BEGIN:VEVENT", "BEGIN:VEVENT"),
        ("Büro 🔥", "Büro 🔥"),
    ],
)
def test_text_is_escaped(given: str, written: str) -> None:
    assert ical.text(given) == written


@pytest.mark.parametrize("line", ["short", "x" * 75, "x" * 76, "ü" * 200, "🔥" * 100, "👩‍👩‍👧" * 40])
def test_lines_are_folded_at_75_octets_and_never_inside_a_character(line: str) -> None:
    pieces = list(ical.fold(line))
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == line
    assert all(piece.startswith(" ") for piece in pieces[1:])


def test_text_of_others_begins_no_line_of_its_own() -> None:
    event = ical.Event(
        "1", date(2026, 1, 31), "x\r\nEND:VCALENDAR", "y\nBEGIN:VALARM", "https://example.com/"
    )
    lines = ical.calendar("z\r\nEVIL:1", [event], now=NOW).split("\r\n")
    assert lines.count("END:VCALENDAR") == 1
    assert not [line for line in lines if line.startswith(("EVIL", "BEGIN:VALARM"))]
    assert "DTEND;VALUE=DATE:20260201" in lines
    assert "DTSTAMP:20261125T120000Z" in lines
