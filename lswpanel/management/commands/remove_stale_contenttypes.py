from lswpanel.closed import ClosedCommand


class Command(ClosedCommand):
    instead = "`manage.py prepare` brings the database up to date."
