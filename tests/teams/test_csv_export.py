"""CSV files: byte for byte what a spreadsheet gets, and nothing in them that it would calculate."""

import csv
import io
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.utils import timezone as django_timezone

from teams.csv_export import CUT, MOST_ROWS, csv_response

# Thirty texts as an attacker would choose them, and what the file holds of each.
PAYLOADS: dict[str, str] = {
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    '=HYPERLINK("https://evil.example","x")': '"\'=HYPERLINK(""https://evil.example"",""x"")"',
    "  =1": "'  =1",
    "\u00a0=1": "'\u00a0=1",
    "\u200b=1": "'\u200b=1",
    "\ufeff=1": "'\ufeff=1",
    "\u2060\u00ad=1": "'\u2060\u00ad=1",
    "\u202e=1": "'\u202e=1",
    "\u3000=1": "'\u3000=1",
    "\x00=1": "'\x00=1",
    "\x1b=1": "'\x1b=1",
    "\tx": "'\tx",
    "\t=1": "'\t'=1",
    "\r=1": "\"'\r'=1\"",
    "\rx": '"\'\rx"',
    "\n=1": '"\n\'=1"',
    "a\n=1": '"a\n\'=1"',
    "a\r\n+1": '"a\r\n\'+1"',
    "a\r\n \u200b-1": '"a\r\n\' \u200b-1"',
    "a\u2028@b": "a\u2028'@b",
    "a\x0b=1": "a\x0b'=1",
    "a;=1": "a;'=1",
    "a\t=1": "a\t'=1",
    "\uff1d1": "'\uff1d1",
    "\u22121": "'\u22121",
    '"=1': '"""=1"',
    'a","=1': '"a"",""=1"',
}
HARMLESS = ("web-01", "a=b", "1-2", "ubuntu @ home", "10.0.0.1", "", "a\nb", "🔥", "'=1", "Zürich")


def body(rows: list[list[object]], header: tuple[str, ...] = ("text",)) -> bytes:
    return b"".join(csv_response("list", header, rows))


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.req("X14")
def test_no_text_is_a_formula() -> None:
    assert len(PAYLOADS) >= 30
    expected = "\ufefftext\r\n" + "".join(f"{kept}\r\n" for kept in PAYLOADS.values())
    assert body([[text] for text in PAYLOADS]) == expected.encode()


@pytest.mark.req("X14")
def test_payloads_stay_in_their_cell() -> None:
    rows = read(body([[text, "next"] for text in PAYLOADS]))
    assert [row[1] for row in rows[1:]] == ["next"] * len(PAYLOADS)


def test_harmless_text_is_left_alone() -> None:
    assert read(body([[text, "."] for text in HARMLESS]))[1:] == [[text, "."] for text in HARMLESS]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (-5, "-5"),
        (1.5, "1.5"),
        (Decimal("-4.70"), "-4.70"),
        (Decimal("1E+3"), "1000"),
        (True, "yes"),
        (False, "no"),
        (None, ""),
        (datetime(2026, 3, 1, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T23:02:03+00:00"),
        (date(2026, 3, 1), "2026-03-01"),
    ],
)
def test_values_of_our_own_are_for_machines(value: object, kept: str) -> None:
    assert read(body([[value, "."]]))[1] == [kept, "."]


@pytest.mark.req("X14")
def test_a_long_run_of_invisible_characters_takes_no_time() -> None:
    text = "\v\u200b" * 50_000
    assert read(body([[text]]))[1] == [text]


@pytest.mark.req("X14")
@pytest.mark.usefixtures("daytime")
def test_answer_is_a_file_that_nobody_keeps() -> None:
    response = csv_response('jobs of "Ä"\r\nX: y', ("a",), [])
    today = django_timezone.localdate().isoformat()
    assert response["Content-Disposition"] == f'attachment; filename="jobs-of-x-y-{today}.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert response.streaming


@pytest.mark.req("X14")
def test_rows_end_at_the_cap_and_the_file_says_so() -> None:
    taken: list[int] = []

    def endless() -> object:
        number = 0
        while True:
            taken.append(number)
            yield (number,)
            number += 1

    lines = b"".join(csv_response("list", ("n",), endless())).splitlines()  # type: ignore[arg-type]
    assert len(lines) == MOST_ROWS + 2
    assert lines[-2:] == [str(MOST_ROWS - 1).encode(), f'"{CUT}"'.encode()]
    assert len(taken) == MOST_ROWS + 1


def test_exactly_the_cap_is_not_cut() -> None:
    content = body([[number] for number in range(MOST_ROWS)])
    assert CUT.encode() not in content


def test_rows_are_read_as_they_are_sent() -> None:
    taken: list[int] = []
    rows = ([taken.append(number) or number] for number in range(1000))
    chunks = iter(csv_response("list", ("n",), rows))
    next(chunks)
    assert 0 < len(taken) < 1000
