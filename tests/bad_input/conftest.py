"""A team with a simulated Leaseweb behind it, and what must still be true after the worst of requests."""

from collections.abc import Iterator
from typing import Any

import pytest

from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator

# Each way an upstream can fail to answer a reading, with words of the sentence that a person gets to read.
TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "bare 401": ({"fault": Fault.EMPTY_401}, "Leaseweb does not accept this API key."),
    "403": ({"fault": Fault.REFUSE, "status": 403}, "Leaseweb does not allow this with this API key"),
    "429": ({"fault": Fault.RATE_LIMIT}, "Leaseweb asks us to slow down."),
    "503": ({"fault": Fault.UNAVAILABLE}, "Leaseweb has trouble answering at the moment."),
    "503 of a proxy": ({"fault": Fault.UNAVAILABLE_UNDOCUMENTED}, "Leaseweb has trouble answering"),
    "504 in HTML": ({"fault": Fault.HTML_504}, "Leaseweb has trouble answering at the moment."),
    "200 in HTML": (
        {"fault": Fault.REFUSE, "status": 200, "body": "<html>Welcome</html>", "content_type": "text/html"},
        "cannot be used",
    ),
    "no JSON": ({"fault": Fault.NOT_JSON}, "cannot be used"),
    "a list": ({"fault": Fault.REFUSE, "status": 200, "body": [1, 2]}, "cannot be used"),
    "half a document": ({"fault": Fault.HALF_BODY}, "Leaseweb did not answer, or not to the end."),
    "64 MB": ({"fault": Fault.HUGE_BODY}, "larger than the panel accepts"),
    "a redirect": (
        {"fault": Fault.REFUSE, "status": 302, "headers": {"Location": "http://127.0.0.1:9/"}},
        "sent the panel to another address",
    ),
    "a reset": ({"fault": Fault.RESET_AFTER_EXECUTE}, "Leaseweb did not answer, or not to the end."),
    "silence": ({"fault": Fault.DELAY, "seconds": 30}, "Leaseweb did not answer, or not to the end."),
    "a byte a second": ({"fault": Fault.SLOW_DRIP, "seconds": 1}, "Leaseweb did not answer"),
}


# Those that only a timeout ends; nothing else may be in a hurry, however slow the machine.
ENDLESS = {"silence", "a byte a second"}


@pytest.fixture
def sim(settings: Any) -> Iterator[Simulator]:
    """A simulated Leaseweb that takes keys which begin with `demo-`."""
    with Simulator(servers=8) as sim:
        settings.LEASEWEB_API_URL = sim.base_url
        yield sim
