"""How names sort: as people do, and in the same order on every database."""

import unicodedata

import pytest
from django.db import connection

from servers.models import Server, Snapshot
from servers.queries import SORTS
from teams.collation import LONGEST_KEY, sort_key
from teams.keyset import Order, page
from teams.models import Team
from tests.cast import MakeServer

IN_ORDER = [
    "10 servers",
    "app_2",
    "Ärger",
    "Arnold",
    "DB 12",
    "db1",
    "éclair",
    "proxy",
    "strasse 1",
    "Straße 2",
    "web",
    "web-2",
    "web2",
    "Web10",
    "web10a",
    "web0100",
    "zebra",
    "Ωmega",
    "日本",
    "🔥fire",
]


def spelled_both_ways(name: str) -> set[str]:
    return {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web2", "web10"),
        ("web002", "web10"),
        ("Ä2", "b"),
        ("a" * 3, "B"),
        ("v1.9", "v1.10"),
        ("x9", "x12345678901"),
    ],
)
def test_name_stands_before_the_other(one: str, other: str) -> None:
    assert sort_key(one) < sort_key(other)


@pytest.mark.parametrize("name", ["Zürich", "ÉCLAIR", "İzmir", "ﬁle", "Straße"])
def test_every_spelling_of_a_name_has_the_same_key(name: str) -> None:
    spellings = spelled_both_ways(name) | {name.casefold()}
    assert len({sort_key(each) for each in spellings}) == 1


@pytest.mark.parametrize("name", ["9" * 255, "1a" * 127, "\ufdfa" * 255, "🔥" * 255, ""])
def test_key_of_any_name_fits_its_column(name: str) -> None:
    assert len(sort_key(name)) <= LONGEST_KEY


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_names_sort_as_their_keys_and_pages_follow(
    sort: str, descending: bool, team: Team, make_server: MakeServer
) -> None:
    """What Python calls the order of the keys is the order of the database, whatever language it was made with."""
    places = ["AMS-01", "ams-2", "Öresund", "a b", "a-b", "ab", "🔥" * 64]
    names = [*IN_ORDER, *(name.upper() for name in IN_ORDER[:9]), "🔥" * 199 + "1", "🔥" * 199 + "2"]
    for number, name in enumerate(sorted(names, key=lambda name: name[::-1])):
        state = "RUNNING" if number % 3 else "STOPPED"
        make_server(team, shown_name=name, state=state, data_center=places[number % len(places)])
    order = Order(SORTS[sort], descending=descending)
    wanted = sorted(Server.objects.all(), key=lambda server: [getattr(server, name) for name in order.fields])
    shown, after = [], ""
    for _ in range(len(names)):
        found = page(Server.objects.all(), order, after=after, size=4)
        shown += [server.pk for server in found.rows]
        if not (after := found.after):
            break
    assert shown == [server.pk for server in (wanted[::-1] if descending else wanted)]


def test_names_stand_as_people_expect(team: Team, make_server: MakeServer) -> None:
    for name in reversed(IN_ORDER):
        make_server(team, shown_name=name)
    found = page(Server.objects.all(), Order(SORTS["name"])).rows
    assert [server.shown_name for server in found] == IN_ORDER


@pytest.mark.parametrize(
    ("model", "columns"),
    [(Server, {"name_key", "data_center"}), (Snapshot, {"name_key", "search_text"})],
    ids=["servers", "snapshots"],
)
def test_columns_of_names_compare_by_code_points(
    db: None, model: type[Server | Snapshot], columns: set[str]
) -> None:
    """Whatever language the database was made with; the PostgreSQL of the tests was made with none."""
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, model._meta.db_table)
    bytewise = {"postgresql": "C", "sqlite": None}[connection.vendor]
    assert {each.name: each.collation for each in described if each.name in columns} == dict.fromkeys(
        columns, bytewise
    )
