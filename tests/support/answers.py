"""The answers that a call which changes something can get, for tables that try every kind of call with each."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator

NOT_FOUND = {
    "errorCode": 404,
    "errorMessage": "Resource '218030' was not found",
    "reference": "https://www.leaseweb.com/contact",
    "userMessage": "Resource with id '218030' not found.",
}
INVALID = {
    "errorCode": "400",
    "errorMessage": "Validation Failed",
    "correlationId": "c0ffee00-1111-4222-8333-444455556666",
    "errorDetails": {"reference": ["This value is not valid."]},
}
CONFLICT = {"errorCode": "409", "errorMessage": "The server has another task; try again later."}
# Longer than any call of a test waits.
FOR_EVER = 30

# Each answer as a rule of the simulator, without the operation that it strikes. Two are no rules: `accepted` is what
# comes without a fault, and before anything is sent there is nothing for the simulator to spoil (see `silence`).
ANSWERS: dict[str, dict[str, Any]] = {
    "accepted": {},
    "400": {"fault": Fault.REFUSE, "status": 400, "body": INVALID},
    "401 empty": {"fault": Fault.EMPTY_401},
    "403": {"fault": Fault.REFUSE, "status": 403},
    "404 with a number": {"fault": Fault.REFUSE, "status": 404, "body": NOT_FOUND},
    "409": {"fault": Fault.REFUSE, "status": 409, "body": CONFLICT},
    "429 with Retry-After": {"fault": Fault.RATE_LIMIT, "seconds": 7},
    "503 documented": {"fault": Fault.UNAVAILABLE},
    "503 undocumented": {"fault": Fault.UNAVAILABLE_UNDOCUMENTED},
    "200 with a page": {"fault": Fault.REFUSE, "status": 200, "body": "<html>Back soon.</html>"},
    "202 without its body": {"fault": Fault.REFUSE, "status": 202, "body": None, "execute": True},
    "timeout before sending": {},
    "timeout after sending": {"fault": Fault.DELAY, "seconds": FOR_EVER},
    "cut after sending": {"fault": Fault.RESET_AFTER_EXECUTE},
}
BEFORE_SENDING = "timeout before sending"


def arrange(sim: Simulator, name: str, operation: str) -> None:
    """Let the simulator give this answer to every call of `operation` from now on."""
    if rule := ANSWERS[name]:
        sim.faults.add(**rule, operation=operation)


@contextmanager
def silence() -> Iterator[str]:
    """The address of an API that takes a connection and never says a word, so that nothing of a request is sent.

    The wait ends in the handshake of TLS, which is before the first byte of the request, after the connect timeout.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}/cloud/v2"
