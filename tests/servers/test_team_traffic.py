"""The traffic of a team: its months, and the servers that use most."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from servers.models import Server, ServerReading, TrafficPoint
from servers.traffic import buckets
from servers.traffic.months import months
from servers.traffic.units import MOST_OF_BUCKET
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer
from tests.support.pages import same_queries, text_of

URL = "/t/north-ops/traffic/"
DAY, GB = timedelta(days=1), 10**9
pytestmark = pytest.mark.usefixtures("daytime")


@pytest.fixture
def browser(client_of: ClientOf, viewer: User) -> Client:
    return client_of(viewer)


def use(server: Server, up: int, *, days: int = 1) -> Server:
    """The same on each of the last `days` days, today included."""
    today = buckets.begin(timezone.now(), buckets.Granularity.DAY)
    TrafficPoint.objects.bulk_create(
        TrafficPoint(server=server, granularity="DAY", at=today - number * DAY, up=up, down=None)
        for number in range(days)
    )
    return server


def names(browser: Client, query: str = "") -> list[str]:
    return [row.month.name for row in browser.get(f"{URL}{query}").context["rows"]]


def test_servers_are_listed_by_use_or_by_percent(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    use(make_server(team, shown_name="big", traffic_limit=100, traffic_unit="TB"), 50 * GB)
    use(make_server(team, shown_name="full", traffic_limit=10, traffic_unit="GB"), 9 * GB)
    use(make_server(team, shown_name="over", traffic_limit=None, quota_bytes=GB), 2 * GB)
    use(make_server(team, shown_name="free", traffic_limit=None), 20 * GB)
    make_server(team, shown_name="silent")
    assert names(browser) == ["big", "free", "full", "over"]
    assert names(browser, "?sort=percent") == ["over", "full", "big", "free"]
    assert names(browser, "?sort=rubbish") == ["big", "free", "full", "over"]
    shown = text_of(browser.get(URL).content)
    assert "81.0 GB by 4 servers, 1 without figures yet" in shown
    assert "1 over its limit" in shown
    assert "is over its limit by 1.00 GB" in shown


def test_absurd_figures_and_those_of_days_to_come_break_no_page(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    """The most that is believed of a day, for as many days as are added up, and no less for the days after them."""
    server = make_server(team, shown_name="absurd")
    today = buckets.begin(timezone.now(), buckets.Granularity.DAY)
    every = [today + number * DAY for number in range(-45, 45)]
    TrafficPoint.objects.bulk_create(
        TrafficPoint(server=server, granularity="DAY", at=at, up=MOST_OF_BUCKET, down=MOST_OF_BUCKET)
        for at in every
    )
    assert names(browser) == ["absurd"]
    assert browser.get(f"/t/north-ops/servers/{server.pk}/traffic/").status_code == 200
    (month,) = months(team.servers.all(), timezone.now())
    assert month.outlook.use.so_far == 2 * MOST_OF_BUCKET * today.day


def test_month_counts_its_own_days_and_full_days_before_today_only(
    team: Team, make_server: MakeServer
) -> None:
    """Points of other sizes are no days, and those of the days before the month count for the forecast alone."""
    server = make_server(team)
    use(server, GB, days=70)
    now = timezone.now()
    TrafficPoint.objects.create(server=server, granularity="MONTH", at=now.replace(day=1), up=10**15, down=0)
    (found,) = months(team.servers.all(), now)
    assert found.outlook.use.so_far == now.day * GB
    assert (found.outlook.use.lately, found.outlook.use.days) == (7 * GB, 7)


def test_team_without_figures_is_told_what_to_expect(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    shown = text_of(browser.get(URL).content)
    assert "No traffic of this month yet" in shown
    assert "every six hours" in shown


def test_age_is_that_of_the_oldest_reading(browser: Client, team: Team, make_server: MakeServer) -> None:
    for hours in (1, 3):
        reading = {"subject": "traffic", "read_at": timezone.now() - timedelta(hours=hours)}
        ServerReading.objects.create(server=use(make_server(team), GB), **reading)
    assert "The oldest figures were read 3 h ago" in text_of(browser.get(URL).content)


@pytest.mark.parametrize("sort", ["use", "percent"])
def test_servers_come_fifty_a_page(browser: Client, team: Team, make_server: MakeServer, sort: str) -> None:
    every = [f"s{number:02}" for number in range(60)]
    for number, name in enumerate(every):
        limit = {"traffic_limit": 10, "traffic_unit": "GB"} if number < 30 else {"traffic_limit": None}
        use(make_server(team, shown_name=name, **limit), 10**6 * (60 - number // 2))
    page = browser.get(f"{URL}?sort={sort}")
    assert "50 of 60 servers" in text_of(page.content)
    rest = page.context["next_url"]
    assert names(browser, f"?sort={sort}") + names(browser, rest) == every
    assert names(browser, browser.get(URL + rest).context["previous_url"]) == every[:50]
    assert names(browser, f"?sort={sort}&after=WyJ4Il0") == every[:50], (
        "a place that does not fit is the first page"
    )


def test_queries_do_not_grow_with_the_servers(browser: Client, team: Team, make_server: MakeServer) -> None:
    use(make_server(team), GB)
    same_queries(browser, URL, lambda: [use(make_server(team), GB, days=9) for _ in range(30)])


def test_team_traffic_is_closed_to_others(
    browser: Client, client_of: ClientOf, outsider: User, foreign_server: Server, team: Team
) -> None:
    use(foreign_server, GB)
    assert browser.post(URL).status_code == 405
    assert client_of(outsider).get(URL).status_code == 404
    assert "foreign" not in text_of(browser.get(URL).content)
