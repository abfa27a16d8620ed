from decimal import Decimal

import pytest

from servers.leaseweb import BadAnswer
from servers.traffic.units import TooMuch, UnknownUnit, limit_text, to_bytes, volume


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        ("0", "B", 0),
        ("2500", "B", 2500),
        ("1.5", "bytes", 2),
        ("1", "kB", 1000),
        ("1", "KB", 1000),
        ("2", "MB", 2_000_000),
        ("0.25", "GB", 250_000_000),
        ("4", " TB ", 4_000_000_000_000),
        ("1", "PB", 10**15),
        ("1", "KiB", 1024),
        ("1", "MiB", 1024**2),
        ("3", "GiB", 3 * 1024**3),
        ("1", "TIB", 1024**4),
    ],
)
def test_amount_becomes_bytes(amount: str, unit: str, expected: int) -> None:
    assert to_bytes(Decimal(amount), unit) == expected


@pytest.mark.parametrize("unit", ["", "XB", "Mb", "Gb", "b", "bit", "Kib", "GB/s", "G", "<b>"])
def test_unknown_unit_is_an_error_and_no_wrong_number(unit: str) -> None:
    with pytest.raises(UnknownUnit) as error:
        to_bytes(Decimal(1), unit)
    assert isinstance(error.value, BadAnswer)
    assert (unit.strip() or "no unit") in error.value.plain


def test_more_than_a_column_holds_is_refused() -> None:
    assert to_bytes(Decimal(2**63 - 1), "B") == 2**63 - 1
    with pytest.raises(TooMuch):
        to_bytes(Decimal(10_000), "PB")


@pytest.mark.parametrize(
    ("amount", "shown", "limit"),
    [
        (None, "—", "—"),
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1.00 kB", "1 kB"),
        (12_340, "12.3 kB", "12.34 kB"),
        (999_499, "999 kB", "999.499 kB"),
        (999_500, "1.00 MB", "1 MB"),
        (9_994_000_000, "9.99 GB", "9.994 GB"),
        (9_996_000_000, "10.0 GB", "9.996 GB"),
        (10**13, "10.0 TB", "10 TB"),
        (1_500_000_000_000, "1.50 TB", "1.5 TB"),
        (12_345 * 10**15, "12,345 PB", "12,345 PB"),
    ],
)
def test_bytes_are_shown_to_three_digits_and_limits_as_they_were_set(
    amount: int | None, shown: str, limit: str
) -> None:
    assert (volume(amount), limit_text(amount)) == (shown, limit)
