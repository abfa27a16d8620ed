"""Systems by family, and by search."""

import pytest

from jobs.os_templates import OTHER, OsTemplate, families, from_content


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Ubuntu 24.04 LTS (Noble Numbat)", "Ubuntu"),
        ("Debian 12 (64-bit)", "Debian"),
        ("AlmaLinux 9", "AlmaLinux"),
        ("Rocky Linux 9 (64-bit)", "Rocky Linux"),
        ("Windows Server 2022 Standard (64-bit)", "Windows Server"),
        ("CentOS 7 (64-bit) Plesk", "CentOS"),
        ("FreeBSD", "FreeBSD"),
        ("Plesk Obsidian on Ubuntu 22.04", "Plesk Obsidian"),
        ("", OTHER),
        ("7 of 9", OTHER),
        ("<script>", OTHER),
        ("x" * 10_000, "x" * 10_000),
    ],
)
def test_family_is_what_stands_before_the_version(name: str, family: str) -> None:
    assert OsTemplate("1", name).family == family


def test_content_comes_by_name() -> None:
    content = [{"id": "2", "name": "ubuntu 22"}, {"id": "1", "name": "Debian 12"}]
    assert [each.id for each in from_content(content)] == ["1", "2"]


def test_families_that_differ_in_case_are_one() -> None:
    found = families([OsTemplate("1", "Ubuntu 22"), OsTemplate("2", "UBUNTU 24")], "", None)
    assert [(family.name, len(family.choices)) for family in found] == [("Ubuntu", 2)]


@pytest.mark.parametrize(
    ("search", "chosen", "shown"),
    [("", None, ["1", "2"]), ("UBU 24", None, ["2"]), ("plan9", None, []), ("plan9", "1", ["1"])],
)
def test_search_hides_all_but_what_is_chosen(search: str, chosen: str | None, shown: list[str]) -> None:
    systems = [OsTemplate("1", "Debian 12"), OsTemplate("2", "Ubuntu 24.04")]
    found = families(systems, search, chosen)
    assert [each.system.id for family in found for each in family.choices if not each.hidden] == shown
    assert [family.hidden for family in found] == [
        all(each.hidden for each in family.choices) for family in found
    ]
