"""What a measurement tells, and the table that shows it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

TITLES = ("figure", "value", "bar", "unit", "how measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. `bar` is what it should not exceed; None where nobody promised anything."""

    name: str
    value: float
    unit: str
    how: str
    bar: float | None = None
    digits: int = 2

    @property
    def missed(self) -> bool:
        """Judged as shown, so that no line says "6.00, bar 6, missed"."""
        return self.bar is not None and round(self.value, self.digits) > self.bar

    @property
    def cells(self) -> tuple[str, ...]:
        bar = "" if self.bar is None else f"{self.bar:g}" + (" MISSED" if self.missed else "")
        return (self.name, f"{self.value:,.{self.digits}f}", bar, self.unit, self.how)


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned text; numbers stand flush right."""
    rows = [TITLES, *(figure.cells for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, value, *rest = row
    cells = [name.ljust(widths[0]), value.rjust(widths[1])]
    cells += [text.ljust(width) for text, width in zip(rest, widths[2:], strict=True)]
    return "  ".join(cells).rstrip()


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed; with few values, the largest one."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def spread(values: Sequence[float], *, digits: int = 2) -> str:
    """Median, range and number, such as "median of 3 (2.10 to 2.44)"."""
    if len(values) == 1:
        return "measured once"
    return f"median of {len(values)} ({min(values):.{digits}f} to {max(values):.{digits}f})"
