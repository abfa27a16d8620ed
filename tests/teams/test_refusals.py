"""How refusals are counted, told and summed up: one kind never hides another, and nobody fills the trail."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from audit import heads
from audit.log import Target
from audit.models import AuditEvent
from audit.origin import Actor
from audit.verify import verify
from jobs import engine
from teams import refusals
from teams.models import Refusal, Team, User
from teams.permissions import Permission

pytestmark = [pytest.mark.django_db, pytest.mark.req("A8")]
POWER, REVEAL = Permission.SERVERS_POWER, Permission.CREDENTIALS_REVEAL
WEB, DB = Target("server", "1", "web-01"), Target("server", "2", "db-01")


def refuse(team: Team, person: User, permission: Permission, target: Target, times: int = 1) -> None:
    for _ in range(times):
        refusals.note(
            team_id=team.pk,
            actor=Actor(person.pk, "viewer"),
            permission=permission,
            target=target,
            reason="No.",
        )


def told(team: Team, person: User, target: Target | None = None) -> list[AuditEvent]:
    theirs = Q(actor_id=person.pk) | Q(actor_id=None, on_behalf_of=person.pk)
    entries = AuditEvent.objects.filter(theirs, chain=team.pk, action="permission.deny")
    found = entries.filter(target_id=target.id) if target else entries
    return list(found.order_by("sequence"))


def minute_is_over() -> None:
    Refusal.objects.update(since=timezone.now() - timedelta(minutes=2))


def test_twenty_of_a_kind_are_told_and_the_rest_is_summed_up_by_a_tick(team: Team, viewer: User) -> None:
    refuse(team, viewer, POWER, WEB, 57)
    assert len(told(team, viewer)) == 20
    engine.tick()
    assert len(told(team, viewer)) == 20, "the minute is not over"
    minute_is_over()
    engine.tick()
    *_, last = told(team, viewer)
    assert (last.after, last.target_label, last.actor_role) == (
        {"more": 37, "permission": "servers:power"},
        "web-01",
        "viewer",
    )
    assert "+37 more" in last.reason
    assert (last.actor_id, last.on_behalf_of) == (None, viewer.pk), (
        "what was counted is not sealed as their act"
    )
    assert not Refusal.objects.exists()
    assert verify(team.pk).intact


@pytest.mark.parametrize("again", [0, 1])
def test_one_kind_hides_no_other(team: Team, viewer: User, operator: User, again: int) -> None:
    """The same right on another server, another right on the same one, and the same of another person."""
    refuse(team, viewer, POWER, WEB, 30)
    refuse(team, viewer, POWER, DB)
    refuse(team, viewer, REVEAL, WEB)
    refuse(team, operator, POWER, WEB)
    assert [len(told(team, viewer, WEB)), len(told(team, viewer, DB)), len(told(team, operator))] == [
        21,
        1,
        1,
    ]
    minute_is_over()
    refusals.summarise()
    refuse(team, viewer, POWER, WEB, again)
    assert len(told(team, viewer, WEB)) == 22 + again


def test_two_hundred_of_a_person_are_told_and_the_others_are_still_counted(
    team: Team, viewer: User, operator: User
) -> None:
    for number in range(210):
        refuse(team, viewer, POWER, Target("server", str(number), f"web-{number}"))
    refuse(team, operator, POWER, WEB)
    assert (len(told(team, viewer)), len(told(team, operator))) == (200, 1)
    minute_is_over()
    assert refusals.summarise() == 10
    assert {entry.after["more"] for entry in told(team, viewer)[200:]} == {1}


def test_summary_is_written_once(team: Team, viewer: User) -> None:
    refuse(team, viewer, POWER, WEB, 21)
    minute_is_over()
    assert (refusals.summarise(), refusals.summarise()) == (1, 0)


def test_nothing_left_out_needs_no_line(team: Team, viewer: User) -> None:
    refuse(team, viewer, POWER, WEB, 2)
    minute_is_over()
    assert refusals.summarise() == 0
    assert (len(told(team, viewer)), Refusal.objects.count()) == (2, 0)


def test_broken_trail_refuses_as_ever_and_stops_no_tick(team: Team, viewer: User) -> None:
    refuse(team, viewer, POWER, WEB, 21)
    heads.mark_broken(team.pk, "entry 1 was changed")
    refuse(team, viewer, POWER, DB)
    minute_is_over()
    assert refusals.summarise() == 0
    assert (len(told(team, viewer)), Refusal.objects.count()) == (20, 0)
