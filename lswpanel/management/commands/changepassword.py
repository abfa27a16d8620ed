from lswpanel.closed import ClosedCommand


class Command(ClosedCommand):
    instead = "Use `manage.py reset_password --email …`."
