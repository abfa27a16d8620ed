"""Tables as CSV files: streamed, bounded, and without anything that a spreadsheet would take for a formula (X14)."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from django.http import StreamingHttpResponse
from django.utils import timezone

MOST_ROWS = 50_000
CUT = f"Cut off after {MOST_ROWS:,} rows. Narrow the filters to get the rest."
ROWS_PER_CHUNK = 200
BYTE_ORDER_MARK = "\ufeff"

# What a spreadsheet takes for the start of a cell: the start of the text, a new line, a separator that it was told of.
_CELL_STARTS = r"(?:^|(?<=[\n\r\v\f\x1c-\x1e\x85\u2028\u2029;\t]))"
# What it skips, or shows as nothing, before it looks for a formula: spaces, control and formatting characters.
_INVISIBLE = (
    r"[ \x00-\x08\x0e-\x1b\x1f\x7f\x80-\x84\x86-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e"
    r"\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]*"
)
# The signs that begin one, in their wide forms, too, which some locales read alike.
_FORMULA = re.compile(rf"{_CELL_STARTS}(?={_INVISIBLE}[=+\-@\t\r\uff1d\uff0b\uff0d\uff20\u2212])")


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """A download of at most 50,000 rows; when there are more, the last line says so.

    `name` is what the file is called, such as "servers-acme"; the day is added. `rows` is read as it is sent, so hand
    over an iterator; record the export before, since nothing can be taken back then. Text is made harmless; numbers
    stay numbers, moments become ISO 8601 in UTC, True and False yes and no, and None an empty cell.
    """
    response = StreamingHttpResponse(_chunks(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = attachment(name, "csv")
    response["Cache-Control"] = "no-store"
    return response


def attachment(name: str, ending: str) -> str:
    """The header that makes a browser keep an answer as a file: plain ASCII, with the day in the reader's zone."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "list"
    return f'attachment; filename="{plain[:80]}-{timezone.localdate():%Y-%m-%d}.{ending}"'


def cell(value: object) -> str:
    """The text of a cell. Only numbers of our own may begin with a sign."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return _FORMULA.sub("'", str(value))


def _chunks(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file in pieces; a piece holds many rows, since each piece is a write to the network.

    It begins with a mark without which spreadsheets take UTF-8 for the code page of their machine.
    """
    buffer = io.StringIO(newline="")
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer)
    for number, row in enumerate(_lines(header, rows), start=1):
        writer.writerow([cell(value) for value in row])
        if number % ROWS_PER_CHUNK == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
    yield header
    for number, row in enumerate(rows):
        if number == MOST_ROWS:
            yield (CUT,)
            return
        yield row


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
