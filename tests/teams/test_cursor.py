"""The number that every visible change of a team takes."""

import pytest
from django.db import transaction

from teams.cursor import bump
from teams.models import Team

pytestmark = pytest.mark.django_db


def test_every_number_is_the_next_one_of_its_own_team(team: Team, other_team: Team) -> None:
    before = team.cursor
    assert [bump(team.pk), bump(team.pk)] == [before + 1, before + 2]
    team.refresh_from_db()
    other_team.refresh_from_db()
    assert (team.cursor, other_team.cursor) == (before + 2, 0)


def test_number_of_a_change_that_was_taken_back_is_free_again(team: Team) -> None:
    with transaction.atomic():
        lost = bump(team.pk)
        transaction.set_rollback(True)
    assert bump(team.pk) == lost


def test_team_that_does_not_exist_has_no_next_number(db: None) -> None:
    with pytest.raises(Team.DoesNotExist):
        bump(4711)
