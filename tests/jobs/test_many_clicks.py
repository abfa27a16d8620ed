"""Many clicks at once on one key: all are sent, soon, and within its call budget. Time passes by hand, in ticks."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import DateTimeField, ExpressionWrapper, F, Value

from jobs import engine, services, words
from jobs.engine import reading
from jobs.models import Job
from jobs.states import FOR_ITS_TURN, JobStatus
from servers import budget
from servers.clock import after, before, scaled
from servers.leaseweb import Secret
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server, ServerReading
from teams.models import Team, User
from tests.support.engine_room import MOMENTS, SNAPSHOT_NAME, Clock, EngineRoom, access_of

pytestmark = pytest.mark.django_db
TICK = timedelta(seconds=2)
# A hundred times as slow as the machine's clock: what a test takes itself counts for nothing.
UNHURRIED = 0.01
HOUR = timedelta(hours=1)
OF_KEYS = (
    "budget_at",
    "clicks_until",
    "next_sync_at",
    "paused_until",
    "polls_after",
    "retry_after_until",
    "slowed_until",
    "synced_at",
)


@pytest.fixture
def night(settings: Any, team: Team, admin: User) -> Iterator["Night"]:
    clock, settings.TIME_SCALE = Clock(), UNHURRIED
    with Simulator(servers=120, clock=clock) as sim:
        settings.LEASEWEB_API_URL = sim.base_url
        api_key = ApiKey(team=team, name="Simulated account")
        api_key.seal(Secret(sim.key))
        api_key.save()
        assert reading.read_key(api_key.pk)
        yield Night(EngineRoom(sim, clock, ApiKey.objects.get(), access_of(admin, team)))


class Night:
    """A key with 120 servers on three pages, a full budget, and details of one server that are due by their turn."""

    def __init__(self, room: EngineRoom) -> None:
        self.room = room
        for server in room.sim.world.servers:
            room.sim.world.set_state(server, "RUNNING")
        Server.objects.update(state="RUNNING")
        ServerReading.objects.update(due_at=after(HOUR))
        ServerReading.objects.filter(server=Server.objects.earliest("pk")).update(due_at=before(HOUR))
        ApiKey.objects.update(budget_tokens=60, budget_at=after(timedelta(0)))
        self.began = room.sim.journal.last

    def click(self, count: int, kind: str = "power_off") -> None:
        """So many clicks, each of which rings a worker at once."""
        about = services.About({"name": SNAPSHOT_NAME} if kind == "snapshot_create" else {})
        for server in Server.objects.filter(jobs=None).order_by("pk")[:count]:
            self.submit(self.room.request(server, kind, about).pk)

    def submit(self, job_id: int) -> None:
        rung = [job_id]
        while rung:
            engine.submit(rung.pop(0), rung.append)

    def tick(self, passed: timedelta = TICK) -> None:
        """Two seconds pass, or more, and the engine does what is due."""
        self.room.clock.now += passed.total_seconds()
        _age(Job, MOMENTS, passed)
        _age(ApiKey, OF_KEYS, passed)
        _age(Server, ("seen_at",), passed)
        engine.run_once()

    def ticks_until_all_are_sent(self, *, most: int, each: timedelta = TICK) -> int:
        for ticks in range(most):
            if not Job.objects.filter(status=JobStatus.QUEUED).exists():
                return ticks
            self.tick(each)
        return most

    def left(self) -> int:
        return Job.objects.filter(status=JobStatus.QUEUED).count()

    def calls(self) -> Counter[str]:
        return Counter(entry.operation for entry in self.room.sim.journal.entries(since=self.began))

    def statuses(self) -> Counter[str]:
        return Counter(Job.objects.order_by().values_list("status", flat=True))


def _age(model: Any, moments: tuple[str, ...], passed: timedelta) -> None:
    older = {
        name: ExpressionWrapper(F(name) - Value(scaled(passed)), output_field=DateTimeField())
        for name in moments
    }
    model.objects.update(**older)


@pytest.mark.req("G2")
@pytest.mark.req("G7")
def test_a_hundred_and_ten_clicks_within_four_seconds(night: Night) -> None:
    """All are sent within a minute (thirty ticks) and with few calls beside; nothing else is read meanwhile."""
    for _ in range(2):
        night.click(55)
        night.tick()
    assert night.ticks_until_all_are_sent(most=28) < 28
    calls = night.calls()
    assert calls["powerOff"] == 110
    assert set(calls) == {"powerOff", "getServer", "listServers"}
    assert calls.total() <= 150
    assert not Job.objects.filter(status=JobStatus.EXPIRED).exists()
    assert not Job.objects.exclude(attempts=1).exists()


def test_sixty_clicks_are_half_sent_within_two_ticks_and_all_within_fifteen(night: Night) -> None:
    night.click(60)
    assert night.ticks_until_all_are_sent(most=2) <= 2
    assert night.left() <= 30
    assert night.ticks_until_all_are_sent(most=15) < 15
    assert night.calls()["powerOff"] == 60
    for _ in range(4):
        night.tick()
    assert night.calls()["listSnapshots"], "what had to wait for the clicks goes on"


def test_one_walk_through_the_list_answers_for_all_that_wait(night: Night) -> None:
    """Without a tick: five read their own server, three wait, and with the ninth three pages are the cheaper way."""
    ApiKey.objects.update(synced_at=before(HOUR))
    night.click(9)
    assert night.calls() == {"getServer": 5, "listServers": 3, "powerOff": 9}


@pytest.mark.parametrize(("age", "read_again"), [(20, False), (40, True)])
def test_send_is_decided_on_no_reading_older_than_thirty_seconds(
    night: Night, age: int, read_again: bool
) -> None:
    job = night.room.request(Server.objects.earliest("pk"), "power_off")
    _age(Job, MOMENTS, timedelta(minutes=1))
    Server.objects.update(seen_at=before(timedelta(seconds=age)))
    night.submit(job.pk)
    assert night.calls() == {"powerOff": 1} | ({"getServer": 1} if read_again else {})


def test_single_click_reads_its_own_server_and_is_sent_at_once(night: Night) -> None:
    night.click(1)
    assert night.calls() == {"getServer": 1, "powerOff": 1}


@pytest.mark.req("G7")
def test_job_that_waits_for_our_own_budget_says_when_it_is_sent_and_does_not_expire(
    night: Night, settings: Any
) -> None:
    settings.CALL_BUDGET_PER_MINUTE, settings.TIME_SCALE = 2, 1
    ApiKey.objects.update(budget_tokens=0, budget_at=after(timedelta(0)))
    night.click(12)
    last = Job.objects.latest("pk")
    assert last.waiting_for.startswith(FOR_ITS_TURN)
    assert "Sent in about 8 min." in words.of_job(last).sentence, "13 calls at 1.7 a minute"
    most = {"most": 20, "each": timedelta(seconds=20)}
    assert night.ticks_until_all_are_sent(**most) == 20, "more than the five minutes in which it must be sent"
    while night.left():
        night.ticks_until_all_are_sent(**most)
    assert Job.objects.filter(attempts=1).count() == 12
    assert not Job.objects.filter(status=JobStatus.EXPIRED).exists()


def test_when_the_last_that_waits_is_cancelled_others_may_read_again(night: Night) -> None:
    ApiKey.objects.update(budget_tokens=0, budget_at=after(timedelta(0)))
    night.click(2)
    for left in (True, False):
        job = Job.objects.filter(status=JobStatus.QUEUED).earliest("pk")
        services.job_cancel(night.room.access, job)
        assert budget.clicks_wait(night.room.api_key.pk) is left


@pytest.mark.req("G7")
def test_job_that_waits_for_leaseweb_expires_as_ever(night: Night) -> None:
    ApiKey.objects.update(paused_until=after(HOUR), retry_after_until=after(HOUR))
    night.click(1)
    job = Job.objects.get()
    assert "asked" in job.waiting_for
    assert Job.objects.filter(pk=job.pk, expires_at__lte=after(timedelta(minutes=5))).exists()


def test_turns_are_counted_by_what_each_job_takes(night: Night, settings: Any) -> None:
    """Ten snapshots of three calls each come before the power job that reads and sends with two."""
    settings.CALL_BUDGET_PER_MINUTE = 60
    ApiKey.objects.update(budget_tokens=0, budget_at=after(timedelta(0)))
    night.click(10, "snapshot_create")
    night.click(1)
    wait = budget.time_until(night.room.api_key.pk, calls=32)
    last = Job.objects.latest("pk")
    assert Job.objects.filter(pk=last.pk, not_before__gt=after(wait - 2 * TICK)).exists()
    assert Job.objects.filter(pk=last.pk, not_before__lte=after(wait + 2 * TICK)).exists()
