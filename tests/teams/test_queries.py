"""What the pages about people and proof find."""

import pytest

from audit import persons
from teams import queries
from teams.models import Team, User
from tests.cast import MakeEntries
from tests.support.pages import access_of


@pytest.mark.req("A10")
def test_newest_entries_name_people_and_the_panel(
    team: Team, auditor: User, operator: User, make_entries: MakeEntries
) -> None:
    for person in (operator, auditor, None):
        make_entries(team, person)
    persons.forget(operator.pk)
    rows = queries.newest_entries(access_of(auditor, team), 3)
    assert [row.person.name for row in rows] == ["the panel", str(auditor), f"person {operator.pk}"]
    assert [row.event.sequence for row in queries.newest_entries(access_of(auditor, team), 1)] == [3]
