"""The per-team counter of visible changes."""

from django.db import connection

from teams.models import Team

# Every change of the panel comes by here. The ORM would need two statements and take longer to write than to run them.
_NEXT = 'UPDATE "teams_team" SET "cursor" = "cursor" + 1 WHERE "id" = %s RETURNING "cursor"'


def bump(team_id: int) -> int:
    """Take the next number of a team; inside a transaction, whose commit makes it and the change visible together.

    The row stays locked to the commit, so numbers become visible in their order. Raises Team.DoesNotExist.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [team_id])
        rows = cursor.fetchall()
    if not rows:
        raise Team.DoesNotExist(f"There is no team {team_id}.")
    number: int = rows[0][0]
    return number
