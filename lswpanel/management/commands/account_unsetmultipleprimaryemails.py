from lswpanel.closed import ClosedCommand


class Command(ClosedCommand):
    instead = "A person has one address here."
