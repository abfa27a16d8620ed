from lswpanel.closed import ClosedCommand


class Command(ClosedCommand):
    instead = "Start with an empty database instead."
