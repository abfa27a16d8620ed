"""What a search finds: names in any spelling, addresses in any form, networks."""

import dataclasses
import unicodedata

import pytest

from servers import mapping, queries
from servers.leaseweb import IpAddress, VirtualServer
from servers.queries import Filters
from servers.search import needles
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeServer
from tests.support.pages import access_of

FLEET = {
    "Zürich 1": ["10.0.0.5", "2001:DB8:0:0::1"],
    "web-2": ["10.0.1.5", "2001:db8::1:0:0:1f"],
    "db-3": ["110.0.0.5", "fe80::1"],
}


@pytest.fixture
def access(team: Team, viewer: User, make_server: MakeServer) -> Access:
    """The servers as a reading writes them down."""
    for number, (name, addresses) in enumerate(FLEET.items()):
        ips = tuple(IpAddress(ip, 6 if ":" in ip else 4, "PUBLIC") for ip in addresses)
        upstream = dataclasses.replace(VirtualServer(f"700{number}"), reference=name, ips=ips)
        columns = mapping.columns(upstream)
        make_server(team, **{key: columns[key] for key in ("shown_name", "reference", "search_text", "ips")})
    return access_of(viewer, team)


def found(access: Access, typed: str) -> list[str]:
    return [server.shown_name for server in queries.server_page(access, Filters(q=typed)).rows]


@pytest.mark.parametrize(
    "typed",
    [
        "2001:db8::1",
        "2001:DB8:0:0:0:0:0:1",
        "2001:0db8:0000:0000:0000:0000:0000:0001",
        "[2001:db8::1]",
        "[2001:db8:0::1]:443",
        "2001:db8:0:0:0:",
        "10.0.0.5 zürich",
        "::ffff:10.0.0.5",
        "10.0.0.0/24",
        "10.0.0.77/24",
        "10.0.0.5/32",
        "10.0.0.4/31",
        "2001:db8::/80",
        "2001:db8::1/128",
        "zurich",
        unicodedata.normalize("NFC", "ZÜRICH"),
        unicodedata.normalize("NFD", "Zürich"),
    ],
)
def test_search_finds_the_one_that_is_meant(access: Access, typed: str) -> None:
    assert "Zürich 1" in found(access, typed)
    assert "db-3" not in found(access, typed) or typed == "::ffff:10.0.0.5"


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("10.0.0.0/16", ["web-2", "Zürich 1"]),
        ("10.0.0.0/23", ["web-2", "Zürich 1"]),
        ("10.0.0.0/8", ["web-2", "Zürich 1"]),
        ("0.0.0.0/0", ["db-3", "web-2", "Zürich 1"]),
        ("2001:db8::/32", ["web-2", "Zürich 1"]),
        ("2001:db8::/31", ["web-2", "Zürich 1"]),
        ("10.0.2.0/24", []),
        ("2001:db9::/32", []),
        ("2001:db8:0:0:1", ["web-2"]),
        ("10.0.0.0/33", []),
        ("[", []),
        ("a/24", []),
    ],
)
def test_search_finds_all_that_are_meant(access: Access, typed: str, names: list[str]) -> None:
    assert found(access, typed) == names


def test_no_network_makes_a_search_that_is_too_large() -> None:
    for length in range(33):
        assert len(needles(f"10.0.0.0/{length}")) <= 128
    for length in range(129):
        assert len(needles(f"2001:db8::/{length}")) <= 8
