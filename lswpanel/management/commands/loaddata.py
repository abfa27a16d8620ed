from lswpanel.closed import ClosedCommand


class Command(ClosedCommand):
    instead = "Restore a copy of the whole database instead."
