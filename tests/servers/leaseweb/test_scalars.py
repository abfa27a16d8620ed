from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from servers.leaseweb.scalars import count, line, member, moment, number, path_id, text, whole
from servers.leaseweb.types import ServerState


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2016-02-01T12:00:00+0200", 10),
        ("2016-02-01T12:00:00+00:00", 12),
        ("2016-02-01T12:00:00Z", 12),
        ("2016-02-01T12:00:00+0000", 12),
        ("2016-02-01T12:00:00-05:00", 17),
        ("2016-02-01T12:00:00", 12),
        ("2016-02-01 12:00:00", 12),
        ("2016-02-01", 0),
    ],
)
def test_moment_reads_every_spelling_as_utc(written: str, hour: int) -> None:
    found = moment(written)
    assert found == datetime(2016, 2, 1, hour, tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        "",
        "now",
        "2016",
        "2016-13-01",
        "2016-02-30T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T23:00:00Z",
        "9999-12-31",
        "9999-12-31T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "2016-02-01T12:00:00Z" + "0" * 100,
        "\u0662\u0660\u0661\u0666-02-01",
        1454284800,
        None,
        [],
        True,
    ],
)
def test_moment_gives_none_for_anything_else(written: object) -> None:
    assert moment(written) is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (4, 4),
        ("4", 4),
        (" 4 ", 4),
        (Decimal("4.0"), 4),
        ("4.0", 4),
        (2**63 - 1, 2**63 - 1),
        (-1, -1),
        ("+7", 7),
    ],
)
def test_whole_reads_numbers_and_numeric_strings(given: object, found: int) -> None:
    assert whole(given) == found


@pytest.mark.parametrize(
    "given",
    [None, True, "", "4 TB", "1e5", "0x10", "٤", Decimal("4.5"), "4.5", 2**63, 10**300, [], {}, "9" * 20],
)
def test_whole_gives_none_for_anything_else(given: object) -> None:
    assert whole(given) is None


def test_count_refuses_negative_numbers() -> None:
    assert count(0) == 0
    assert count(-1) is None


def test_number_keeps_fractions() -> None:
    assert number("4.70") == Decimal("4.70")
    assert number(Decimal("4.7")) == Decimal("4.7")
    assert number("NaN") is None
    assert number(False) is None


def test_text_takes_strings_and_numbers_and_cuts_them() -> None:
    assert text("x" * 20_000) == "x" * 16_384
    assert text("x" * 10_000) == "x" * 10_000
    assert text(222903) == "222903"
    assert text(Decimal("4.70")) == "4.70"
    others: list[object] = [None, True, [], {}, ["a"]]
    assert [text(value) for value in others] == [""] * 5


def test_line_is_one_line_without_hidden_signs() -> None:
    assert line("a\r\n\tb\x00\x1b[31m\u202ec\u2028d ", 100) == "a b [31m c d"
    assert line("x" * 600, 500) == "x" * 500


@pytest.mark.req("X10")
def test_path_id_never_cuts_an_id() -> None:
    assert path_id(222903) == "222903"
    assert path_id("9" * 64) == "9" * 64
    assert [path_id(value) for value in ("9" * 65, "a/b", "..", "", None, "<b>")] == [""] * 6


def test_member_ignores_case_and_falls_back() -> None:
    assert member(ServerState, "running", ServerState.UNKNOWN) is ServerState.RUNNING
    assert member(ServerState, "MIGRATING", ServerState.UNKNOWN) is ServerState.UNKNOWN
    assert member(ServerState, None, ServerState.UNKNOWN) is ServerState.UNKNOWN
