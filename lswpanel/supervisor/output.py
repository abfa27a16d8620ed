"""What the terminal shows: the lines of every child behind its name, and the few lines of the supervisor."""

import contextlib
from datetime import datetime
from typing import TextIO

LONGEST_LINE = 64 * 1024
NAME_WIDTH = 9


class Terminal:
    """Writes whole lines. `out` may vanish at any time (a closed window); stopping cleanly matters more."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def line(self, name: str, text: str) -> None:
        """One line of the child called `name`, with the local time."""
        now = datetime.now().astimezone()
        self.say(f"{now:%H:%M:%S} {name:<{NAME_WIDTH}} | {text}")

    def say(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._out.write(f"{text}\n")
            self._out.flush()


class Lines:
    """Cuts a stream of bytes into lines of text; a line longer than 64 KiB is cut there."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completed."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            complete.append(self._rest)
            self._rest = b""
        return [_text(line) for line in complete]

    def close(self) -> list[str]:
        """What came after the last line end, when the stream is over."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
