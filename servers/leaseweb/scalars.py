"""Single values out of JSON, read tolerantly: never an exception, at worst an empty value."""

from __future__ import annotations

import enum
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from dateutil.parser import isoparse

MAX_TEXT = 16_384
MAX_ID = 64
INT64_MAX = 2**63 - 1
# So near to the ends of the calendar not every zone can say what time it is, nor name the day after.
EDGE = timedelta(days=2)
FIRST, LAST = datetime.min.replace(tzinfo=UTC) + EDGE, datetime.max.replace(tzinfo=UTC) - EDGE

E = TypeVar("E", bound=enum.Enum)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBER = re.compile(r"[+-]?\d{1,19}(\.\d{1,18})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}.{0,40}", re.ASCII)
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def text(value: object, limit: int = MAX_TEXT) -> str:
    """A string of at most `limit` characters; numbers become their digits, anything else `""`."""
    if isinstance(value, str):
        return value[:limit]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(value, "f" if isinstance(value, Decimal) else "d")[:limit]
    return ""


def line(value: object, limit: int) -> str:
    """`text` on one line, without control characters and without signs that reverse the reading."""
    return _UNSEEN.sub(" ", text(value)).strip()[:limit]


def is_id(value: str) -> bool:
    """Whether this can stand in a path of the API (X10): letters, digits, `._-`; not a dot segment."""
    return _ID.fullmatch(value) is not None and value not in {".", ".."}


def path_id(value: object) -> str:
    """An id that calls can be made with, else `""`; an over-long one is no id, never a cut one."""
    found = text(value, MAX_ID + 1)
    return found if is_id(found) else ""


def number(value: object) -> Decimal | None:
    """A number, also when it is written as a string; None outside of signed 64 bits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = Decimal(value.strip()) if _NUMBER.fullmatch(value.strip()) else None
    found = Decimal(value) if isinstance(value, int | Decimal) else None
    return found if found is not None and abs(found) <= INT64_MAX else None


def whole(value: object) -> int | None:
    """A number without a fraction (`4` and `4.0`, not `4.5`), else None."""
    found = number(value)
    return int(found) if found is not None and found == found.to_integral_value() else None


def count(value: object) -> int | None:
    """A whole number that is not negative, else None."""
    found = whole(value)
    return found if found is not None and found >= 0 else None


def moment(value: object) -> datetime | None:
    """A time in UTC from any of the spellings Leaseweb uses; one without a zone is taken as UTC.

    Seen are `+0200`, `+00:00`, `+0000` and `Z`. Anything else is None, and so is a time outside the
    calendar or at its very ends, which stands for none or for ever.
    """
    if not isinstance(value, str) or not _DATE.fullmatch(value.strip()):
        return None
    try:
        found = isoparse(value.strip())
        at = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if FIRST <= at <= LAST else None


def day(value: object) -> date | None:
    """The date of a time as it is written: midnight in one zone is the day before in another."""
    return isoparse(str(value).strip()).date() if moment(value) else None


def member(kind: type[E], value: object, default: E) -> E:
    """The enum member whose value this is, whatever its case, else `default`."""
    wanted = text(value, 64).strip().upper()
    return next((each for each in kind if each.value == wanted), default)


def mapping(value: object) -> dict[str, Any]:
    """A JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}
