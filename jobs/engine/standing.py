"""A team whose audit trail was broken stood still; this lets it go on."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from jobs.models import Job
from servers.clock import database_time
from teams.cursor import bump
from teams.models import Team


@transaction.atomic
def go_on(team: Team, stood_since: datetime) -> int:
    """Move every deadline of the team's live jobs on by the time that nothing could move; how many jobs there are.

    What was being sent when the trail broke has no lease any more: the next tick takes it for uncertain.
    """
    number = bump(team.pk)
    lost = database_time(team) - stood_since
    return (
        Job.objects.live()
        .filter(team=team)
        .update(expires_at=F("expires_at") + lost, deadline_at=F("deadline_at") + lost, changed_seq=number)
    )
