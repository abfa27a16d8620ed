"""The page of a server's traffic, its limit, and its file."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.actions import AuditAction
from audit.models import AuditEvent
from servers.models import Server, ServerReading, TrafficPoint, TrafficSpan
from servers.traffic import buckets
from servers.traffic.units import volume
from teams.edits import mark
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer
from tests.support.pages import HOSTILE, queries_of, text_of

DAY = timedelta(days=1)
GB = 10**9
G = buckets.Granularity
pytestmark = pytest.mark.usefixtures("daytime")


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team, shown_name="web-01", upstream_id="218000", traffic_limit=None, traffic_unit="")


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


@pytest.fixture
def boss(client_of: ClientOf, admin: User) -> Client:
    return client_of(admin)


def url(server: Server, more: str = "") -> str:
    return f"/t/north-ops/servers/{server.pk}/traffic/{more}"


def today() -> datetime:
    return buckets.begin(timezone.now(), G.DAY)


def keep(server: Server, days: int, up: int | None = 3 * GB, down: int | None = GB, **span: Any) -> None:
    """`days` days up to today with the same figures, read a moment ago."""
    points = [
        TrafficPoint(server=server, granularity="DAY", at=today() - number * DAY, up=up, down=down)
        for number in range(days)
    ]
    TrafficPoint.objects.bulk_create(points)
    fields = {"start": today() - 400 * DAY, "end": today() + DAY, "read_at": timezone.now(), **span}
    TrafficSpan.objects.create(server=server, granularity="DAY", **fields)


# --- The page ---------------------------------------------------------------------------------------------------


def test_traffic_of_thirty_days_is_drawn_summed_and_listed(browser: Client, server: Server) -> None:
    keep(server, 30)
    TrafficPoint.objects.filter(at=today() - 5 * DAY).update(up=30 * GB)
    TrafficPoint.objects.filter(at=today() - 9 * DAY).delete()
    page = browser.get(url(server))
    shown = text_of(page.content)
    assert "143 GB in all 114 GB up 29.0 GB down 4.93 GB mean of 29 days with figures" in shown
    peak = today() - 5 * DAY
    assert f"31.0 GB most in one day: {peak:%a} {peak.day} {peak:%b %Y}" in shown
    assert "no figures (1)" in shown
    assert "Days, months and years go from midnight to midnight UTC." in shown
    assert page.content.count(b"<title>") == 31, "one for each bar, and that of the page"
    assert page.content.count(b'<th scope="row">') == 30
    assert page.context["chart"].gaps.count("M") == 1


def test_traffic_shows_old_figures_at_once_and_has_newer_ones_read(browser: Client, server: Server) -> None:
    old = timezone.now() - timedelta(hours=3)
    keep(server, 30, read_at=old)
    page = browser.get(url(server))
    assert "as of 3 h ago ; Leaseweb updates traffic about once a day" in text_of(page.content)
    assert "Newer figures are on their way" in text_of(page.content)
    assert b'data-moving="yes"' in page.content
    assert ServerReading.objects.get(server=server, subject="traffic").asked_at is not None
    assert not AuditEvent.objects.exists()


def test_traffic_that_was_just_read_stands_still(browser: Client, server: Server) -> None:
    keep(server, 30)
    assert b'data-moving="no"' in browser.get(url(server)).content
    assert not ServerReading.objects.exists()


def test_traffic_that_was_never_read_says_so(browser: Client, server: Server) -> None:
    assert "being read for the first time" in text_of(browser.get(url(server)).content)
    ServerReading.objects.update(
        asked_at=None,
        error="The panel cannot reach Leaseweb.",
        error_at=timezone.now() - timedelta(minutes=1),
    )
    shown = text_of(browser.get(url(server)).content)
    assert re.search(r"of the traffic failed, [1-4] min ago The panel cannot reach Leaseweb\.", shown)
    assert "the reason stands above" in shown


def test_traffic_that_leaseweb_has_none_of_says_so(browser: Client, server: Server) -> None:
    keep(server, 0)
    assert "Leaseweb has no figures for this range." in text_of(browser.get(url(server)).content)


@pytest.mark.parametrize(
    ("query", "granularity", "bars"),
    [
        ("?range=24h", "HOUR", 25),
        ("?range=24h&granularity=5MIN", "5MIN", 289),
        ("?range=30d&granularity=5MIN", "DAY", 30),
        ("?range=30d&granularity=NONE", "DAY", 1),
        ("?range=12m&granularity=YEAR", "YEAR", 2),
        ("?range=no-such&granularity=rubbish", "DAY", 30),
        ("?first=2016-01-01&last=2016-01-31", "DAY", 31),
        ("?first=2016-01-01&last=2016-01-31&granularity=HOUR", "HOUR", 744),
        ("?first=2016-01-01&last=2025-12-31&granularity=MONTH", "MONTH", 120),
    ],
)
def test_traffic_of_any_range_has_fitting_bars(
    browser: Client, server: Server, query: str, granularity: str, bars: int
) -> None:
    page = browser.get(url(server, query))
    assert page.status_code == 200
    assert page.context["range"].granularity.value == granularity
    drawn = len(page.context["chart"].bars)
    assert drawn in (bars, bars - 1), "the one that goes on is left out as long as nothing is known of it"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?first=2026-11-20&last=2026-11-02", "This day is before the first one."),
        ("?first=2026-11-20", "Give both days, or neither."),
        ("?last=2026-11-20", "Give both days, or neither."),
        ("?first=9999-12-30&last=9999-12-31", "This day has not begun yet"),
        ("?first=1999-12-30&last=2026-01-01", "There was no traffic to count before 2000."),
        ("?first=rubbish&last=2026-11-02", "Enter a valid date."),
        ("?first=a%00b&last=%ff", "Enter a valid date."),
    ],
)
def test_traffic_says_what_is_wrong_with_dates_and_shows_the_usual_range(
    browser: Client, server: Server, query: str, message: str
) -> None:
    keep(server, 30)
    page = browser.get(url(server, query))
    assert page.status_code == 422
    assert message in text_of(page.content)
    assert page.context["range"].preset == "30d"


def test_traffic_by_hour_is_told_in_the_zone_of_the_reader(
    browser: Client, operator: User, server: Server
) -> None:
    User.objects.filter(pk=operator.pk).update(time_zone="Asia/Kolkata")
    at = buckets.begin(timezone.now(), G.HOUR) - timedelta(hours=3)
    TrafficPoint.objects.create(server=server, granularity="HOUR", at=at, up=5, down=None)
    shown = text_of(browser.get(url(server, "?range=24h")).content)
    local = at + timedelta(hours=5, minutes=30)
    assert f"{local:%H:%M} IST: 5 B up, — down, 5 B in all" in shown
    assert "Times in Asia/Kolkata" in shown


def test_traffic_takes_the_same_queries_for_any_number_of_points(browser: Client, server: Server) -> None:
    keep(server, 1)
    browser.get(url(server))
    few = queries_of(browser, url(server, "?range=12m"))
    TrafficPoint.objects.all().delete()
    TrafficSpan.objects.all().delete()
    keep(server, 366)
    assert queries_of(browser, url(server, "?range=12m")) == few


def test_traffic_refuses_other_methods_and_strangers(
    browser: Client, client_of: ClientOf, outsider: User, server: Server, foreign_server: Server
) -> None:
    for more in ("", "csv/"):
        assert browser.post(url(server, more)).status_code == 405
        assert client_of(outsider).get(url(server, more)).status_code == 404
        assert browser.get(url(foreign_server, more)).status_code == 404


def test_traffic_is_for_viewers_too(client_of: ClientOf, viewer: User, server: Server) -> None:
    keep(server, 30)
    page = client_of(viewer).get(url(server))
    assert page.status_code == 200
    assert b"/traffic/csv/" not in page.content
    assert "it does not include “Export lists”" in page.content.decode()
    assert b"/traffic/limit/" not in page.content


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_traffic_escapes_what_leaseweb_says(
    browser: Client, team: Team, make_server: MakeServer, text: str
) -> None:
    server = make_server(team, shown_name=text[:200], traffic_unit=text[:10])
    ServerReading.objects.create(
        server=server, subject="traffic", error=text[:500], error_at=timezone.now(), correlation_id=text[:100]
    )
    page = browser.get(url(server)).content + browser.get("/t/north-ops/traffic/").content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page


# --- The month --------------------------------------------------------------------------------------------------


def test_month_is_measured_against_the_contract(browser: Client, team: Team, make_server: MakeServer) -> None:
    server = make_server(team, traffic_limit=10, traffic_unit="TB")
    keep(server, 40, up=9 * GB)
    for page in (browser.get(url(server)), browser.get(f"/t/north-ops/servers/{server.pk}/")):
        shown = text_of(page.content)
        assert f"{volume(10 * GB * today().day)} of 10 TB" in shown
        assert "stays below its limit this month" in shown
    assert "(from the contract)" in text_of(browser.get(url(server)).content)


def test_month_without_figures_or_limit_promises_nothing(browser: Client, server: Server) -> None:
    shown = text_of(browser.get(url(server)).content)
    assert "no figures yet" in shown
    assert "not enough data yet; a forecast takes 3 full days with figures." in shown
    assert "No figures of this month yet." in text_of(
        browser.get(f"/t/north-ops/servers/{server.pk}/").content
    )


def test_month_says_when_the_unit_of_the_contract_is_unknown(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    server = make_server(team, traffic_limit=7, traffic_unit="XB", quota_bytes=2 * 10**12)
    keep(server, 3)
    shown = text_of(browser.get(url(server)).content)
    assert "The contract includes 7 “XB”, a unit that this panel does not know." in shown
    assert "of 2 TB" in shown


# --- The limit --------------------------------------------------------------------------------------------------


def entries() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    found = AuditEvent.objects.filter(action=AuditAction.QUOTA_SET).order_by("sequence")
    return [(each.before, each.after) for each in found]


def test_limit_is_set_changed_and_taken_away(boss: Client, server: Server) -> None:
    def quota() -> int | None:
        return Server.objects.values_list("quota_bytes", flat=True).get(pk=server.pk)

    answer = boss.post(url(server, "limit/"), {"amount": "1.5", "unit": "TB"})
    assert answer["Location"] == url(server)
    assert quota() == 1_500_000_000_000
    assert "1.5 TB" in text_of(boss.get(url(server, "limit/")).content)
    assert b'value="1.5"' in boss.get(url(server, "limit/")).content
    for _ in range(2):
        boss.post(url(server, "limit/"), {"amount": "800", "unit": "GB", "seen": mark(quota())})
    assert quota() == 800 * GB
    boss.post(url(server, "limit/"), {"clear": "yes", "seen": mark(quota())})
    assert quota() is None
    assert entries() == [
        ({"quota_bytes": None}, {"quota_bytes": 1500 * GB}),
        ({"quota_bytes": 1500 * GB}, {"quota_bytes": 800 * GB}),
        ({"quota_bytes": 800 * GB}, {"quota_bytes": None}),
    ]


@pytest.mark.parametrize("second", [{"amount": "2", "unit": "TB"}, {"clear": "yes"}], ids=["set", "clear"])
def test_second_of_two_limits_is_asked_about(boss: Client, server: Server, second: dict[str, str]) -> None:
    address = url(server, "limit/")
    opened = boss.get(address).context["form"]["seen"].value() or ""
    boss.post(address, {"amount": "1", "unit": "TB", "seen": opened})
    page = boss.post(address, {**second, "seen": opened})
    assert page.status_code == 409
    assert page.context["changed"].kept == 1000 * GB
    assert "It is 1 TB now." in text_of(page.content)
    assert len(entries()) == 1
    assert boss.post(address, {**second, "seen": page.context["form"]["seen"].value()}).status_code == 302
    assert len(entries()) == 2


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"amount": "", "unit": "TB"},
        {"amount": "0", "unit": "TB"},
        {"amount": "-1", "unit": "TB"},
        {"amount": "1", "unit": "XB"},
        {"amount": "1e9", "unit": "TB"},
        {"amount": "NaN", "unit": "TB"},
        {"amount": "9" * 40, "unit": "TB"},
        {"amount": "1\0", "unit": "GB"},
    ],
)
def test_limit_that_makes_no_sense_is_refused_in_place(
    boss: Client, server: Server, form: dict[str, str]
) -> None:
    answer = boss.post(url(server, "limit/"), form)
    assert answer.status_code == 422
    assert b'class="errors"' in answer.content
    assert entries() == []


def test_limit_of_the_contract_cannot_be_overruled(boss: Client, team: Team, make_server: MakeServer) -> None:
    server = make_server(team, traffic_limit=10, traffic_unit="TB")
    page = boss.get(url(server, "limit/"))
    assert "The contract tells the limit of this server" in text_of(page.content)
    assert boss.post(url(server, "limit/"), {"amount": "1", "unit": "TB"}).status_code == 409
    assert entries() == []


def test_limit_is_for_admins(browser: Client, client_of: ClientOf, outsider: User, server: Server) -> None:
    for method in ("get", "post"):
        assert getattr(browser, method)(url(server, "limit/")).status_code == 403
        assert getattr(client_of(outsider), method)(url(server, "limit/")).status_code == 404
    assert browser.put(url(server, "limit/")).status_code == 405
    assert (
        "it does not include “Set the traffic limit of a server”" in browser.get(url(server)).content.decode()
    )


# --- The file ---------------------------------------------------------------------------------------------------


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_file_has_the_bytes_of_the_range_and_leaves_gaps_empty(browser: Client, server: Server) -> None:
    first = datetime(2016, 1, 1, tzinfo=UTC)
    for number, up, down in ((0, 900, 90), (2, None, 250)):
        at = first + number * DAY
        TrafficPoint.objects.create(server=server, granularity="DAY", at=at, up=up, down=down)
    answer = browser.get(url(server, "csv/?first=2016-01-01&last=2016-01-03&granularity=DAY"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "traffic-218000-2016-01-01-2016-01-03-" in answer["Content-Disposition"]
    assert body(answer) == (
        b"\xef\xbb\xbffrom (UTC),to (UTC),up (bytes),down (bytes),total (bytes)\r\n"
        b"2016-01-01T00:00:00Z,2016-01-02T00:00:00Z,900,90,990\r\n"
        b"2016-01-02T00:00:00Z,2016-01-03T00:00:00Z,,,\r\n"
        b"2016-01-03T00:00:00Z,2016-01-04T00:00:00Z,,250,250\r\n"
    )
    total = browser.get(url(server, "csv/?first=2016-01-01&last=2016-01-03&granularity=NONE"))
    assert body(total).splitlines()[1:] == [b"2016-01-01T00:00:00Z,2016-01-04T00:00:00Z,900,340,1240"]
    first_entry, _ = AuditEvent.objects.filter(action=AuditAction.LIST_EXPORT).order_by("sequence")
    assert (first_entry.target_type, first_entry.target_id) == ("server", str(server.pk))
    span = {"from": "2016-01-01T00:00:00+00:00", "to": "2016-01-04T00:00:00+00:00", "granularity": "DAY"}
    assert first_entry.after == {"list": "traffic", **span, "most_rows": 50_000}


def test_link_to_the_file_keeps_the_range(browser: Client, server: Server) -> None:
    keep(server, 30)
    page = browser.get(url(server, "?range=12m&granularity=MONTH")).content.decode()
    (link,) = re.findall(r'href="([^"]+/csv/[^"]*)"', page)
    assert link.endswith("csv/?range=12m&amp;granularity=MONTH")


def test_file_is_for_those_who_may_export(client_of: ClientOf, viewer: User, server: Server) -> None:
    assert client_of(viewer).get(url(server, "csv/")).status_code == 403
    assert not AuditEvent.objects.filter(action=AuditAction.LIST_EXPORT).exists()


def test_file_of_no_range_does_not_exist(browser: Client, server: Server) -> None:
    assert browser.get(url(server, "csv/?first=2026-11-20&last=2026-11-02")).status_code == 404
    assert not AuditEvent.objects.exists()


def test_looking_at_the_address_of_a_file_is_no_export(browser: Client, server: Server) -> None:
    assert browser.head(url(server, "csv/")).status_code == 405
    assert not AuditEvent.objects.exists()
