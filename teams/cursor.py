"""The per-team counter of visible changes."""

from django.db.models import F

from teams.models import Team


def bump(team_id: int) -> int:
    """Take the next number of a team; inside a transaction, whose commit makes it and the change visible together.

    The row stays locked to the commit, so numbers become visible in their order.
    """
    Team.objects.filter(pk=team_id).update(cursor=F("cursor") + 1)
    return Team.objects.values_list("cursor", flat=True).get(pk=team_id)
