"""What the list of servers finds, and in which order."""

from typing import Any

import pytest
from django.utils import timezone

from servers import queries
from servers.models import Server, ServerKey
from servers.queries import Filters
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeApiKey, MakeJob, MakeServer
from tests.support.pages import access_of


@pytest.fixture
def access(team: Team, viewer: User) -> Access:
    return access_of(viewer, team)


def names(access: Access, **filters: Any) -> list[str]:
    return [server.shown_name for server in queries.server_page(access, Filters(**filters)).rows]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("web", ["web-1", "web-2"]),
        ("WEB-1", ["web-1"]),
        ("192.0.2.7", ["db-1"]),
        ("web alpha", ["web-1"]),
        ("alpha web", ["web-1"]),
        ("%", []),
        ("_", []),
        ("nothing like it", []),
        ("", ["db-1", "web-1", "web-2"]),
    ],
)
def test_search_looks_into_names_ids_and_addresses(
    access: Access, team: Team, make_server: MakeServer, typed: str, expected: list[str]
) -> None:
    make_server(team, shown_name="web-1", search_text="web-1 alpha 192.0.2.5")
    make_server(team, shown_name="web-2", search_text="web-2 b 192.0.2.6")
    make_server(team, shown_name="db-1", search_text="db-1 c 192.0.2.7")
    assert names(access, q=typed) == expected


def test_filters_narrow_by_what_leaseweb_says(access: Access, team: Team, make_server: MakeServer) -> None:
    make_server(team, shown_name="a", state="STOPPED", data_center="FRA-10", template="Debian 12")
    make_server(team, shown_name="b", state="STOPPED", data_center="AMS-01", template="Debian 12")
    make_server(team, shown_name="c", state="RUNNING", data_center="AMS-01", template="Ubuntu")
    assert names(access, state="STOPPED") == ["a", "b"]
    assert names(access, place="AMS-01") == ["b", "c"]
    assert names(access, template="Debian 12") == ["a", "b"]
    assert names(access, state="STOPPED", place="AMS-01") == ["b"]


def test_filter_by_key_takes_the_one_in_use(
    access: Access, team: Team, make_server: MakeServer, make_api_key: MakeApiKey
) -> None:
    one, two = make_api_key(team), make_api_key(team)
    make_server(team, shown_name="a", api_key=one)
    make_server(team, shown_name="b", api_key=two)
    assert names(access, key=two.pk) == ["b"]


def test_gone_servers_are_left_out_unless_asked_for(
    access: Access, team: Team, make_server: MakeServer
) -> None:
    make_server(team, shown_name="here")
    make_server(team, shown_name="gone", gone_at=timezone.now())
    assert names(access) == ["here"]
    assert names(access, gone="yes") == ["gone"]
    assert names(access, gone="all") == ["gone", "here"]


@pytest.mark.parametrize("status", ["queued", "sending", "observing", "unknown"])
def test_filter_by_live_job_finds_servers_that_are_held(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob, status: str
) -> None:
    make_job(make_server(team, shown_name="held"), status=status)
    make_job(make_server(team, shown_name="free"), status="succeeded")
    make_server(team, shown_name="idle")
    assert names(access, live=True) == ["held"]


def test_sorts_follow_their_columns(access: Access, team: Team, make_server: MakeServer) -> None:
    make_server(team, shown_name="b", state="STOPPED", data_center="A")
    make_server(team, shown_name="a", state="RUNNING", data_center="C")
    make_server(team, shown_name="c", state="RUNNING", data_center="B")
    assert names(access, sort="name") == ["a", "b", "c"]
    assert names(access, sort="-name") == ["c", "b", "a"]
    assert names(access, sort="state") == ["a", "c", "b"]
    assert names(access, sort="place") == ["b", "c", "a"]


@pytest.mark.parametrize("sort", queries.SORTS)
def test_readings_between_two_pages_move_no_row(
    access: Access, team: Team, make_server: MakeServer, sort: str
) -> None:
    """A reading moves when a server was seen, all the time; whoever turns the pages still sees each once."""
    for number in range(120):
        make_server(team, data_center=f"AMS-{number % 3}")
    shown, after = [], ""
    for _ in range(3):
        found = queries.server_page(access, Filters(sort=sort), after=after)
        shown += [server.pk for server in found.rows]
        Server.objects.filter(pk__in=shown).update(seen_at=timezone.now())
        after = found.after
    assert sorted(shown) == sorted(Server.objects.values_list("pk", flat=True))


def test_every_sort_ends_in_the_id_and_has_an_index() -> None:
    indexed = [index.fields for index in Server._meta.indexes]
    for columns in queries.SORTS.values():
        assert columns[-1] == "id"
        assert ["team", *columns] in indexed


def test_keys_and_choices_stand_as_people_expect(
    access: Access, team: Team, make_server: MakeServer, make_api_key: MakeApiKey
) -> None:
    for name in ("Zoe", "key 10", "Änne", "Key 2"):
        make_server(team, data_center=name, template=name, api_key=make_api_key(team, name=name))
    wanted, found = ["Änne", "Key 2", "key 10", "Zoe"], queries.facets(access, Filters())
    assert [key.name for key in queries.keys(access)] == wanted
    assert [key.name for key in queries.keys_in_use(access)] == wanted
    assert found.places == found.templates == wanted


def test_facets_count_all_and_matching(access: Access, team: Team, make_server: MakeServer) -> None:
    make_server(team, data_center="AMS-01", template="Debian")
    make_server(team, data_center="FRA-10", template="Debian", state="STOPPED")
    make_server(team, data_center="", template="", gone_at=timezone.now())
    found = queries.facets(access, Filters(state="STOPPED"))
    assert (found.places, found.templates) == (["AMS-01", "FRA-10"], ["Debian"])
    assert (found.total, found.matching) == (3, 1)


@pytest.mark.parametrize(("count", "shown"), [(0, "0"), (1000, "1,000"), (1001, "1,000+"), (9000, "1,000+")])
def test_facets_say_a_thousand_and_more(count: int, shown: str) -> None:
    assert queries.Facets(matching=count).shown_matching == shown


def test_nothing_of_another_team_is_found(access: Access, outsider: User, make_server: MakeServer) -> None:
    assert names(access, gone="all") == []
    assert queries.facets(access, Filters()).total == 0


def test_key_use_tells_who_moves_and_who_is_left(
    access: Access, team: Team, make_server: MakeServer, make_api_key: MakeApiKey, make_job: MakeJob
) -> None:
    doomed, other = make_api_key(team), make_api_key(team)
    moving = make_server(team, api_key=doomed)
    ServerKey.objects.create(server=moving, api_key=other)
    make_job(make_server(team, api_key=doomed))
    make_server(team, api_key=doomed, gone_at=timezone.now())
    assert queries.key_use(access, doomed) == {"servers": 2, "moving": 1, "left": 1, "live_jobs": 1}


def test_key_use_does_not_count_a_removed_key_as_a_refuge(
    access: Access, team: Team, make_server: MakeServer, make_api_key: MakeApiKey
) -> None:
    doomed, removed = make_api_key(team), make_api_key(team, removed_at=timezone.now())
    ServerKey.objects.create(server=make_server(team, api_key=doomed), api_key=removed)
    assert queries.key_use(access, doomed)["left"] == 1
