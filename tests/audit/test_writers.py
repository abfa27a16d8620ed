"""Many at once: acts in several chains, new names, new teams and deleted ones make no fork, no gap and no deadlock."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from audit.actions import AuditAction
from audit.census import verify_all
from audit.heads import ChainClosed
from audit.log import Change, Target, record, record_in, seal_chain
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.origin import Actor
from teams import services
from teams.models import Membership, Team, User
from teams.permissions import Role
from tests.cast import MakePerson

WRITERS, ENTRIES = {"postgresql": (50, 200), "sqlite": (8, 100)}[connection.vendor]
AT_ONCE = 20


class Writer:
    """One person who acts in two teams, is renamed, and begins and ends a team of their own."""

    def __init__(self, user: User, teams: list[int]) -> None:
        self.user, self.actor, self.teams = user, Actor(user.pk, "owner"), teams
        self.written, self.failures = 0, list[Exception]()

    def run(self) -> None:
        try:
            self.rename()
            team = self.begin()
            while self.written < ENTRIES - AT_ONCE:
                self.act()
            self.end(team)
        except Exception as error:  # noqa: BLE001  (the test tells of it)
            self.failures.append(error)
        finally:
            connection.close()

    @transaction.atomic
    def act(self) -> None:
        """Half of the writers name the teams the other way round."""
        chains = [*self.teams, INSTALLATION] if self.user.pk % 2 else [INSTALLATION, *reversed(self.teams)]
        self.written += len(record_in(chains, AuditAction.SERVER_NOTE, actor=self.actor))
        for _ in range(AT_ONCE - len(chains)):
            record(AuditAction.SERVER_NOTE, chain=self.teams[self.user.pk % 2], actor=self.actor)
            self.written += 1

    def rename(self) -> None:
        user = User.objects.get(pk=self.user.pk)
        services.profile_change(
            user=user, name=f"{user.name} II", time_zone="UTC", theme="dark", actor=self.actor
        )
        self.written += 3

    def begin(self) -> Team:
        team = services.team_create(name=f"Team of {self.user.pk}", owner=self.user, actor=self.actor)
        self.written += 3
        return team

    @transaction.atomic
    def end(self, team: Team) -> None:
        Membership.objects.filter(team=team).delete()
        seal_chain(team.pk, actor=self.actor, label=team.name)
        Team.objects.filter(pk=team.pk).delete()
        self.written += 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("A1")
@pytest.mark.req("A3")
def test_writers_at_once_make_no_fork_no_gap_and_no_deadlock(
    team: Team, other_team: Team, make_person: MakePerson
) -> None:
    teams = [team.pk, other_team.pk]
    for chain, each in ((team.pk, team), (other_team.pk, other_team)):
        register(chain, each.name)
    writers = [Writer(member(make_person, number, teams), teams) for number in range(WRITERS)]
    before = AuditEvent.objects.count()
    together([writer.run for writer in writers])
    assert [failure for writer in writers for failure in writer.failures] == []
    verdicts = verify_all(set(teams))
    assert [verdict for verdict in verdicts if not verdict.intact] == []
    assert sum(verdict.entries for verdict in verdicts) == before + sum(writer.written for writer in writers)
    assert AuditHead.objects.filter(closed=True).count() == WRITERS
    with pytest.raises(ChainClosed), transaction.atomic():
        record(AuditAction.SERVER_NOTE, chain=verdicts[-1].chain, actor=Actor())


def register(chain: int, name: str) -> None:
    """What `team_create` does for teams that did not come out of a fixture."""
    birth = AuditHead.objects.get(pk=chain).birth
    with transaction.atomic():
        record(
            AuditAction.TEAM_CREATE,
            chain=INSTALLATION,
            actor=Actor(),
            target=Target("team", str(chain), name),
            change=Change(after={"birth": birth}),
        )


def member(make_person: MakePerson, number: int, teams: list[int]) -> User:
    person = make_person(f"Writer {number}")
    for team in teams:
        Membership.objects.create(team_id=team, user=person, role=Role.OWNER.value)
    return person


def together(runs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
