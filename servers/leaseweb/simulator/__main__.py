"""`python -m servers.leaseweb.simulator`: the simulator as a process of its own."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from .model import Behaviour
from .service import Simulator

_LAST_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT. Exit code 2 means that it could not start."""
    options = _parser().parse_args(arguments)
    # Blocked before any thread exists, so that the signal waits for sigwait and no thread takes it away.
    signal.pthread_sigmask(signal.SIG_BLOCK, _LAST_SIGNALS)
    try:
        with _simulator(options) as simulator:
            if options.port_file:
                _write_port(options.port_file, simulator.port)
            sys.stdout.write(f"listening on {simulator.base_url}\n")
            sys.stdout.flush()
            signal.sigwait(_LAST_SIGNALS)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The simulator cannot run: {error}\n")
        return 2
    return 0


def _simulator(options: argparse.Namespace) -> Simulator:
    return Simulator(
        servers=options.servers,
        seed=options.seed,
        time_scale=options.time_scale,
        behaviour=Behaviour(quick_reboot=options.quick_reboot),
        lively=options.lively,
        journal_path=options.journal,
        port=options.port,
        listener=None if options.fd is None else socket.socket(fileno=options.fd),
        keys=tuple(options.key),
        read_only_keys=tuple(options.read_only_key),
        accounts={key: int(count) for key, count in map(_pair, options.account)},
        aliases=dict(map(_pair, options.alias)),
    )


def _pair(text: str) -> tuple[str, str]:
    """`A=B`. Raises ValueError for anything else."""
    left, found, right = text.rpartition("=")
    if not (left and found and right):
        raise ValueError(f"{text!r} should have the form A=B.")
    return left, right


def _write_port(path: Path, port: int) -> None:
    """Whoever waits for the file must never see an empty one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="ascii")
    draft.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m servers.leaseweb.simulator", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=0, help="0, the default, takes a free one")
    add("--fd", type=int, help="take over this inherited, bound loopback socket")
    add("--port-file", type=Path, metavar="FILE", help="write the port here once it listens")
    add("--servers", type=int, default=60, help="size of the main fleet")
    add("--seed", type=int, default=7, help="another seed, another fleet")
    add("--time-scale", type=float, default=1.0, help="10 makes every task ten times as fast")
    add("--journal", type=Path, metavar="FILE", help="append each request to this file, a JSON object a line")
    add("--lively", action="store_true", help="somebody else switches the playground servers now and then")
    add("--quick-reboot", action="store_true", help="a reboot is never seen to leave RUNNING")
    add(
        "--key",
        action="append",
        default=[],
        help="accept this key (and no longer every key that begins with demo-)",
    )
    add("--read-only-key", action="append", default=[], metavar="KEY", help="accept this key for GET only")
    add("--account", action="append", default=[], metavar="KEY=N", help="a key with N servers of its own")
    add("--alias", action="append", default=[], metavar="KEY2=KEY1", help="KEY2 sees what KEY1 sees")
    return parser


if __name__ == "__main__":
    sys.exit(main())
