"""A gate between programs: whoever waits there may load its code already, but must not serve yet.

It is a pipe that nobody writes to. Closing the writing end opens the gate for good, for programs that start again
later, too; and it opens when the supervisor is gone, so nobody waits for a dead one.
"""

import os

VARIABLE = "GATE_FD"


class Gate:
    """The supervisor's side. `fd` goes to the programs that wait, its number in the variable GATE_FD."""

    def __init__(self) -> None:
        self.fd, self._writing = os.pipe()

    def open(self) -> None:
        """Let everybody through; once is enough."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def close(self) -> None:
        """Give both ends back."""
        self.open()
        os.close(self.fd)


def wait() -> None:
    """Return when the gate is open; at once in a program that was given none."""
    number = os.environ.get(VARIABLE, "")
    if number:
        os.read(int(number), 1)
