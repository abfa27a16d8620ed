"""What ends a start, as sentences a person can act on."""


class StartError(Exception):
    """The panel cannot start or cannot go on; the message says why and what to change."""


class Stopped(Exception):
    """A signal asked the panel to stop while it was still starting."""
