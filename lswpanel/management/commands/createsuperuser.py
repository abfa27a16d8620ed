from lswpanel.closed import ClosedCommand


class Command(ClosedCommand):
    instead = "There are no superusers. Use `manage.py create_owner`, or `add_member --role owner`."
