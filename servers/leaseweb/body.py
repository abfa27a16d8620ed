"""The body of an answer: bounded while it streams, then parsed into JSON that is safe to use (X13)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from servers.leaseweb.errors import BadAnswer
from servers.leaseweb.secret import Secret

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 400
REPLACEMENT = "\ufffd"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class TooLargeError(Exception):
    """The body went over its limit; nothing of it is kept."""


class TooDeepError(Exception):
    """The JSON is nested deeper than allowed."""


def collect(chunks: Iterable[bytes], limit: int = MAX_BYTES) -> bytes:
    """The chunks of a body, joined. Raises TooLargeError once more than `limit` bytes came; the rest is not read."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        parts.append(chunk)
    return b"".join(parts)


def parse(raw: bytes) -> tuple[Any, str]:
    """The JSON of a body with `""`, or None with what is wrong (`not_json`, `too_deep`).

    Numbers with a fraction become Decimal. Infinity, NaN and numbers of absurd length are refused; NUL and
    lone surrogates, which no database stores, become U+FFFD. The value of each `password` becomes a Secret
    before any other code sees it. Nothing is raised, since the exceptions of the parser carry the whole text.
    """
    try:
        found = json.loads(
            raw.decode("utf-8-sig", "replace"),
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_decimal,
            object_hook=_hide_passwords,
        )
        return _cleaned(found, MAX_DEPTH), ""
    except (TooDeepError, RecursionError):
        return None, "too_deep"
    except ValueError:
        return None, "not_json"


def unusable(problem: str, *, status: int | None = None, correlation_id: str = "") -> BadAnswer:
    """The error for a body with this problem, which is a code such as `not_json`."""
    return BadAnswer(code=problem, status=status, correlation_id=correlation_id)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number of absurd length")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    """Read a number with a fraction or exponent; 1e999 would be infinite as a float and is refused."""
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number of absurd length")
    try:
        found = Decimal(digits)
    except InvalidOperation:
        raise ValueError("a number of absurd size") from None
    if abs(found.adjusted()) > 308:
        raise ValueError("a number of absurd size")
    return found


def _hide_passwords(found: dict[str, Any]) -> dict[str, Any]:
    password = found.get("password")
    if isinstance(password, str):
        found["password"] = Secret(_storable(password))
    return found


def _storable(value: str) -> str:
    return _UNSTORABLE.sub(REPLACEMENT, value)


def _cleaned(value: Any, levels: int) -> Any:
    """The value with storable strings. Raises TooDeepError below `levels`."""
    if isinstance(value, str):
        return _storable(value)
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        raise TooDeepError
    if isinstance(value, list):
        return [_cleaned(each, levels - 1) for each in value]
    return {_storable(key): _cleaned(each, levels - 1) for key, each in value.items()}
