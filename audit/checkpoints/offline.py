"""`manage.py verify_audit --offline`: checks a file of checkpoints where there is no panel, database or secret."""

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from audit.checkpoints.signed import BadCheckpointError, Signed, following, public

INTACT, BROKEN, UNUSABLE = 0, 1, 2


class UnusableError(ValueError):
    """Nothing could be checked: a file that cannot be read, or a text that is no public key."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoints", type=Path, metavar="FILE", help="a file of signed checkpoints")
    parser.add_argument(
        "--public-key",
        action="append",
        metavar="KEY",
        help="what `manage.py checkpoint_key` prints; give it again for an earlier key",
    )
    parser.add_argument("--offline", action="store_true", help="check the file alone, without any database")


def checked(file: Path, keys: Collection[str]) -> list[Signed]:
    """The checkpoints of a file, each signed by one of `keys` and following the one before.

    Raises BadCheckpointError for the first bad one, and UnusableError where nothing can be checked.
    """
    try:
        for key in keys:
            public(key)
        lines = file.read_text().splitlines()
    except OSError as error:
        raise UnusableError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadCheckpointError("the file is no text") from error
    except ValueError as error:
        raise UnusableError("that is no public key as `manage.py checkpoint_key` prints it") from error
    return list(following(lines, keys=keys))


def summary(checkpoints: Sequence[Signed]) -> str:
    """One line that says what was found intact."""
    if not checkpoints:
        return "checkpoints: none in the file"
    first, last = checkpoints[0], checkpoints[-1]
    numbers = f"{first.number} to {last.number}" if first is not last else f"{last.number}"
    return (
        f"checkpoints: {numbers}, signed and in order; the last one of {last.at} over {last.entries} entries"
    )


def main(argv: Sequence[str]) -> int:
    """0: intact. 1: the first bad checkpoint is named. 2: nothing could be checked."""
    parser = argparse.ArgumentParser(prog="manage.py verify_audit", description=__doc__)
    add_arguments(parser)
    options = parser.parse_args(argv)
    if options.checkpoints is None or not options.public_key:
        parser.error("--offline needs --checkpoints FILE and --public-key KEY")
    try:
        print(summary(checked(options.checkpoints, options.public_key)))  # noqa: T201  (a command)
    except BadCheckpointError as error:
        print(f"checkpoints: BROKEN: {error}", file=sys.stderr)  # noqa: T201
        return BROKEN
    except UnusableError as error:
        print(f"lswpanel: {error}.", file=sys.stderr)  # noqa: T201
        return UNUSABLE
    return INTACT
