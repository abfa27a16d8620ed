from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from servers.leaseweb.body import MAX_BYTES, TooLargeError, collect, parse
from servers.leaseweb.secret import Secret


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.req("X13")
def test_collect_stops_reading_at_the_limit() -> None:
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"x" * 65536

    with pytest.raises(TooLargeError):
        collect(endless())
    assert len(taken) == MAX_BYTES // 65536 + 1


@pytest.mark.req("X13")
def test_collect_takes_a_body_of_exactly_the_limit() -> None:
    assert len(collect([b"x" * MAX_BYTES])) == MAX_BYTES


@pytest.mark.req("X13")
def test_parse_takes_32_levels_and_no_more() -> None:
    assert parse(nested(32))[1] == ""
    assert parse(nested(33)) == (None, "too_deep")
    assert parse(b'{"a":' * 33 + b"1" + b"}" * 33) == (None, "too_deep")


@pytest.mark.req("X13")
@pytest.mark.parametrize("levels", [5_000, 500_000])
def test_parse_survives_nesting_that_exhausts_the_parser(levels: int) -> None:
    assert parse(nested(levels)) == (None, "too_deep")


@pytest.mark.req("X13")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"<html>504</html>",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1e-999}',
        b'{"a": 0e999999999999}',
        b'{"a": 1e99999999999999999999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1.' + b"9" * 5000 + b"}",
        b'{"a": 1} trailing',
    ],
)
def test_parse_refuses_what_is_not_plain_json(raw: bytes) -> None:
    assert parse(raw) == (None, "not_json")


@pytest.mark.req("X13")
def test_parse_replaces_what_no_database_stores() -> None:
    found, problem = parse(b'{"a\\u0000": ["x\\u0000y", "\\ud800", "\\udc00\\ud800", "\\ud83d\\ude00"]}')
    assert problem == ""
    assert found == {"a\ufffd": ["x\ufffdy", "\ufffd", "\ufffd\ufffd", "\U0001f600"]}


def test_parse_takes_a_byte_order_mark_and_broken_utf8() -> None:
    assert parse(b'\xef\xbb\xbf{"a": "\xff"}') == ({"a": "\ufffd"}, "")


def test_parse_keeps_numbers_exact() -> None:
    found, _ = parse(b'{"price": 4.7, "big": 9223372036854775807, "exponent": 1.5e3}')
    assert found == {"price": Decimal("4.7"), "big": 2**63 - 1, "exponent": Decimal(1500)}


def test_parse_keeps_the_last_of_duplicate_keys() -> None:
    assert parse(b'{"a": 1, "a": 2}') == ({"a": 2}, "")


@pytest.mark.req("K4")
def test_parse_hides_passwords_wherever_they_stand() -> None:
    found, _ = parse(b'{"credentials": [{"password": "hunter2\\u0000"}, {"password": null}]}')
    assert "hunter2" not in repr(found)
    assert found["credentials"][0]["password"] == Secret("hunter2\ufffd")
    assert found["credentials"][1]["password"] is None
