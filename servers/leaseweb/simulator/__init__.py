"""A simulator of Leaseweb's Virtual Servers API v2: 17 operations, states over time, faults, a journal.

It is what the demo, the tests and the chaos runs talk to in place of Leaseweb, over a real socket. It needs
the standard library only, and shares no code with the client, so that one cannot hide the other's mistakes.
"""

from .faults import Fault
from .journal import Entry, Journal
from .model import Behaviour, Durations
from .service import Simulator

__all__ = ["Behaviour", "Durations", "Entry", "Fault", "Journal", "Simulator"]
