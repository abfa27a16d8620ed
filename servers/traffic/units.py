"""Amounts of traffic: from the unit that Leaseweb gives to whole bytes, and from bytes to what people read. Pure."""

from decimal import ROUND_HALF_UP, Decimal

from servers.leaseweb import BadAnswer
from teams.figures import BYTE_UNITS, NOTHING

# Decimal, as traffic is sold; the ones with an "i" are powers of two. A small "b" at the end would mean bits.
DECIMAL = {"B": 0, "BYTE": 0, "BYTES": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5}
BINARY = {"KIB": 1, "MIB": 2, "GIB": 3, "TIB": 4, "PIB": 5}
BITS = ("b", "bit", "bits")
MOST_BYTES = 2**63 - 1
# More than 25 Gbit/s move in a year; what two months of days hold can still be added up by a database.
MOST_OF_BUCKET = 10**17


class UnknownUnit(BadAnswer):
    """Leaseweb gave traffic in a unit that is not known here; the message is that unit."""

    sentence = (
        "Leaseweb gave the traffic in a unit that this panel does not know, so its figures are not used."
    )
    advice = "Figures that were read before are kept. Tell whoever looks after the panel."


class TooMuch(BadAnswer):
    """More bytes than can be kept, which no server ever moved."""

    sentence = "Leaseweb gave more traffic than any server can move, so its figures are not used."
    advice = "Figures that were read before are kept. If it lasts, tell Leaseweb's support."


def factor(unit: str) -> int:
    """How many bytes one `unit` is. Raises UnknownUnit."""
    word = unit.strip()
    plain = word.upper()
    if plain in BINARY and word.endswith("B"):
        return int(1024 ** BINARY[plain])
    if plain in DECIMAL and (word.endswith("B") or DECIMAL[plain] == 0) and word not in BITS:
        return int(1000 ** DECIMAL[plain])
    raise UnknownUnit(word or "no unit", code="unknown_unit")


def to_bytes(amount: Decimal | int, unit: str, *, most: int = MOST_BYTES) -> int:
    """An amount in whole bytes. Raises UnknownUnit, and TooMuch for more than `most`, at best what a column holds."""
    exact = Decimal(amount) * factor(unit)
    if exact > most:
        raise TooMuch(code="too_much_traffic")
    return int(exact.to_integral_value(ROUND_HALF_UP))


def volume(amount: float | None) -> str:
    """Bytes in the largest fitting decimal unit, to three digits: "12.3 GB"."""
    if amount is None:
        return NOTHING
    step = scale(amount)
    shown = amount / 1000**step
    digits = 0 if step == 0 or abs(shown) >= 99.95 else 1 if abs(shown) >= 9.995 else 2
    return f"{shown:,.{digits}f} {BYTE_UNITS[step]}"


def limit_text(amount: int | None) -> str:
    """A limit as somebody set it: "10 TB", "1.5 TB"; to a thousandth of its unit."""
    if amount is None:
        return NOTHING
    step = scale(amount)
    shown = f"{amount / 1000**step:,.3f}".rstrip("0").rstrip(".")
    return f"{shown} {BYTE_UNITS[step]}"


def scale(amount: float) -> int:
    """The power of a thousand in which three digits say `amount`."""
    step = 0
    while abs(amount) >= 999.5 and step < len(BYTE_UNITS) - 1:
        amount, step = amount / 1000, step + 1
    return step
