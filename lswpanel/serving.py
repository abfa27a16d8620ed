"""What the web server, the worker and beat ask before they begin; commands ask the same through Django."""

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from lswpanel import keychecks, starting
from lswpanel.checks import TAG


def refuse_unsafe() -> None:
    """Raises ImproperlyConfigured when something is missing, unsafe, or not the database's. Needs loaded apps."""
    starting.refuse_what_is_missing()
    if problems := [str(message) for message in run_checks(tags=[TAG]) if message.level >= ERROR]:
        raise ImproperlyConfigured("\n".join(problems))
    keychecks.refuse_unprepared()
    keychecks.refuse_others()
    # gunicorn forks after this, and children must not share a connection.
    connections.close_all()
