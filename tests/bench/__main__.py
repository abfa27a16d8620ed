"""`python -m tests.bench`, or `make bench`: what the panel costs on this machine, as a table.

It only prints. Nothing here fails because a figure is bad: a figure that misses its bar is marked.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.bench import idling, starting
from tests.bench.figures import Figure, table
from tests.bench.ground import Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything. `idle` is in seconds: a whole minute holds one regular reading of the account."""

    rounds: int = 3
    idle: float = 60.0
    servers: int = 10_000
    entries: int = 20_000
    pairs: int = 200
    clicks: int = 15


QUICK = Size(rounds=1, idle=10.0, servers=1_000, entries=2_000, pairs=40, clicks=5)
LARGE = Size(entries=1_000_000)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    size = QUICK if options.quick else LARGE if options.large else Size()
    print(_machine(options.database), flush=True)
    figures: list[Figure] = []
    try:
        _measure(options.only, size, options.database, figures)
    finally:
        # What was measured is worth having, too, when a later part could not be.
        print(table(figures))
        print(_load("after"))
    return 0


def _measure(only: Sequence[str] | None, size: Size, database: str, figures: list[Figure]) -> None:
    """Add the figures of the parts called `only` (all of them when it is empty), one after the other."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="lsw-bench-")))
        ground = Ground(folder / "inside", database=database)
        parts = _parts(folder, size, cache(lambda: cleanup.enter_context(ground)))
        for name in only or parts:
            print(f"measuring: {name} ...", file=sys.stderr, flush=True)
            figures += parts[name]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    add = parser.add_argument
    add(
        "--only",
        action="append",
        choices=("start", "memory", "pages", "click", "burst"),
        help="may be repeated",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small counts, to see that it runs")
    size.add_argument("--large", action="store_true", help="an audit trail of 1,000,000 entries")
    add(
        "--database",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="under pages, click and burst (start and memory are `make run`, which is SQLite)",
    )
    return parser


def _parts(folder: Path, size: Size, inside: Callable[[], Ground]) -> dict[str, Callable[[], list[Figure]]]:
    return {
        "start": lambda: starting.measure(folder, rounds=size.rounds),
        "memory": lambda: idling.measure(folder / "idle", seconds=size.idle),
        "pages": lambda: _pages(inside(), size),
        "click": lambda: _click(inside(), size),
        "burst": lambda: _burst(inside()),
    }


# The modules of these import models, which takes the settings that the ground has made by then.


def _pages(ground: Ground, size: Size) -> list[Figure]:
    from tests.bench import pages

    return pages.measure(ground, servers=size.servers, entries=size.entries, pairs=size.pairs)


def _click(ground: Ground, size: Size) -> list[Figure]:
    from tests.bench import click

    return click.measure(ground, times=size.clicks)


def _burst(ground: Ground) -> list[Figure]:
    from tests.bench import burst

    return burst.measure(ground)


def _machine(database: str) -> str:
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {_load('before')}; "
        f"pages, click and burst on {database}"
    )


def _load(when: str) -> str:
    """On a machine with other work, times say little and only ratios count; so the reader is told."""
    return f"load average {when}: " + ", ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
