"""Everything that changes something, tried with every answer that Leaseweb may give: what is claimed, what is sent.

One table for the seven kinds of jobs, one for the two calls that a person waits for. How often something was sent is
what the simulator's journal says, not the panel.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from audit.verify import verify
from jobs import checkpoints
from jobs.kinds import KINDS
from jobs.models import Job
from servers import credentials, naming, queries
from servers.leaseweb import CredentialType, Secret
from servers.models import ApiKey, Server
from servers.witness import Result
from tests.support.answers import ANSWERS, BEFORE_SENDING, arrange, silence
from tests.support.engine_room import OPERATIONS, EngineRoom

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
# So that a timeout takes a moment: that of a worker, and that of a request.
HURRY, HASTE = 30, 5
REFUSED, AMBIGUOUS, UNSENT = ("failed", "refused"), ("observing", "uncertain"), ("queued", "")


@dataclass(frozen=True)
class Proof:
    """What an answer proves of a job: its status and code or receipt then, and words of the message or of what it
    waits for; the status in the end; how often it was sent by then, and how often carried out."""

    at_once: tuple[str, str]
    says: str
    end: str
    sends: int
    executed: int


PROOFS = {
    "accepted": Proof(("observing", "accepted"), "Leaseweb accepted the request", "succeeded", 1, 1),
    "400": Proof(REFUSED, "“Validation Failed.” (reference: This value is not valid.)", "failed", 1, 0),
    "401 empty": Proof(REFUSED, "Leaseweb does not accept this API key.", "failed", 1, 0),
    "403": Proof(REFUSED, "Leaseweb does not allow this with this API key", "failed", 1, 0),
    "404 with a number": Proof(REFUSED, "“Resource with id '218030' not found.”", "failed", 1, 0),
    "409": Proof(REFUSED, "“The server has another task; try again later.”", "failed", 1, 0),
    "429 with Retry-After": Proof(UNSENT, "Leaseweb asks us to slow down.", "succeeded", 2, 1),
    "503 documented": Proof(UNSENT, "Leaseweb has trouble answering", "succeeded", 2, 1),
    "503 undocumented": Proof(AMBIGUOUS, "no answer says whether Leaseweb received it", "unknown", 1, 0),
    "200 with a page": Proof(AMBIGUOUS, "answered HTTP 200, but not as the API promises", "unknown", 1, 0),
    "202 without its body": Proof(
        AMBIGUOUS, "answered HTTP 202, but not as the API promises", "succeeded", 1, 1
    ),
    "timeout before sending": Proof(UNSENT, "The panel cannot reach Leaseweb.", "succeeded", 1, 1),
    "timeout after sending": Proof(
        AMBIGUOUS, "no answer says whether Leaseweb received it", "succeeded", 1, 1
    ),
    "cut after sending": Proof(AMBIGUOUS, "no answer says whether Leaseweb received it", "succeeded", 1, 1),
}
# The same for a rename and for storing a password: the outcome, words, how often sent, and how often carried out.
LIVE_PROOFS = {
    "accepted": ("done", "", 1, 1),
    "400": ("refused", "“Validation Failed.” (reference: This value is not valid.)", 1, 0),
    "401 empty": ("refused", "Leaseweb does not accept this API key.", 1, 0),
    "403": ("refused", "Leaseweb does not allow this with this API key", 1, 0),
    "404 with a number": ("refused", "“Resource with id '218030' not found.”", 1, 0),
    "409": ("refused", "“The server has another task; try again later.”", 1, 0),
    "429 with Retry-After": ("failed", "Leaseweb asks us to slow down.", 1, 0),
    "503 documented": ("failed", "Leaseweb has trouble answering", 1, 0),
    "503 undocumented": ("unsure", "Leaseweb did not confirm it", 1, 0),
    "200 with a page": ("unsure", "Leaseweb did not confirm it", 1, 0),
    "202 without its body": ("unsure", "Leaseweb did not confirm it", 1, 1),
    "timeout before sending": ("failed", "The panel cannot reach Leaseweb.", 0, 0),
    "timeout after sending": ("unsure", "Leaseweb did not confirm it", 1, 1),
    "cut after sending": ("unsure", "Leaseweb did not confirm it", 1, 1),
}


def test_tables_have_every_answer_and_every_kind() -> None:
    assert set(PROOFS) == set(LIVE_PROOFS) == set(ANSWERS)
    assert len(ANSWERS) == 14
    assert set(OPERATIONS) == set(KINDS)


# --- The seven kinds --------------------------------------------------------------------------------------------


@pytest.mark.req("G2")
@pytest.mark.req("G3")
@pytest.mark.parametrize("answer", ANSWERS)
def test_jobs_of_all_kinds_claim_what_the_answer_proves(answer: str, room: EngineRoom, settings: Any) -> None:
    room.sim.world.durations = replace(room.sim.world.durations, install=2)
    proof, jobs = PROOFS[answer], [room.click(kind) for kind in KINDS]
    for job in jobs:
        arrange(room.sim, answer, OPERATIONS[job.kind])
    with spoilt_send(answer, settings):
        jobs = [submit(room, job) for job in jobs]
    expected = dict.fromkeys(KINDS, (*proof.at_once, True))
    assert {job.kind: at_once(job, proof.says) for job in jobs} == expected
    room.sim.faults.clear()
    assert asked_again_too_early(room, jobs, answer) == []
    jobs = to_the_end(room, jobs)
    expected_end = dict.fromkeys(KINDS, (proof.end, proof.sends, proof.executed))
    assert {job.kind: in_the_end(room, job) for job in jobs} == expected_end
    assert verify(room.access.team.pk).intact


def submit(room: EngineRoom, job: Job) -> Job:
    ApiKey.objects.update(budget_tokens=10, paused_until=None)
    return room.submit(job)


def at_once(job: Job, words: str) -> tuple[str, str, bool]:
    said = job.message + job.waiting_for
    detail = {"failed": job.code, "observing": job.receipt}.get(job.status, "")
    return job.status, detail, words in said


def in_the_end(room: EngineRoom, job: Job) -> tuple[str, int, int]:
    sends = room.sends(job.server)
    return job.status, len(sends), sum(entry.executed for entry in sends)


@contextmanager
def spoilt_send(answer: str, settings: Any) -> Iterator[None]:
    """Let the send, but not the reading before it, meet silence where nothing can be sent, and wait but a moment."""
    with silence() as nowhere:
        somewhere = settings.LEASEWEB_API_URL

        def spoil(place: str, _: int) -> None:
            if place == "after_sending_commit":
                settings.TIME_SCALE = HURRY
                settings.LEASEWEB_API_URL = nowhere if answer == BEFORE_SENDING else somewhere
            elif place == "before_outcome_commit":
                settings.TIME_SCALE, settings.LEASEWEB_API_URL = 1, somewhere

        if answer.startswith("timeout"):
            checkpoints.listeners.append(spoil)
        yield
        if spoil in checkpoints.listeners:
            checkpoints.listeners.remove(spoil)


def asked_again_too_early(room: EngineRoom, jobs: list[Job], answer: str) -> list[str]:
    """What was sent too early: a job that may have been received, at a second bell; or one that does not wait.

    The wait is counted from the answer, which comes after the event that tells of the sending.
    """
    sent = room.sim.journal.last
    least = timedelta(seconds=ANSWERS[answer].get("seconds", 2))
    waiting = [job for job in jobs if job.status == "queued"]
    impatient = [
        job.kind for job in waiting if job.not_before - job.events.get(to_status="sending").at < least
    ]
    for job in jobs:
        if job not in waiting:
            submit(room, job)
    return impatient + [entry.operation for entry in room.sim.journal.entries(since=sent)]


def to_the_end(room: EngineRoom, jobs: list[Job]) -> list[Job]:
    """Send what was proven not to have been received once more, then read until nothing more can come of it."""
    if any(job.status == "queued" for job in jobs):
        room.pass_time_of(jobs, 10 * SECOND)
        jobs = [submit(room, job) for job in jobs]
    for _ in range(12):
        if not any(job.status == "observing" for job in jobs):
            return jobs
        room.pass_time_of(jobs, 2 * SECOND)
        jobs = room.poll_all(jobs)
    return room.run_out_of_time(jobs, 91 * MINUTE)


# --- The two calls that a person waits for ----------------------------------------------------------------------


def rename(room: EngineRoom, server: Server) -> Result:
    return naming.server_rename(room.access, server, "shop front")


def store(room: EngineRoom, server: Server) -> Result:
    password = Secret("a-password-of-a-test")
    return credentials.credential_store(
        room.access, server, CredentialType.OPERATING_SYSTEM, "root", password
    )


LIVE: dict[str, Callable[[EngineRoom, Server], Result]] = {"updateServer": rename, "storeCredential": store}


@pytest.mark.req("G2")
@pytest.mark.req("G3")
@pytest.mark.parametrize("answer", ANSWERS)
def test_rename_and_store_claim_what_the_answer_proves(answer: str, room: EngineRoom, settings: Any) -> None:
    settings.TIME_SCALE = HASTE if answer.startswith("timeout") else 1
    outcome, words, sends, executed = LIVE_PROOFS[answer]
    found = {}
    for operation, act in LIVE.items():
        arrange(room.sim, answer, operation)
        ApiKey.objects.update(health=ApiKey.Health.WORKING, paused_until=None)
        with silence() if answer == BEFORE_SENDING else nullcontext(room.sim.base_url) as address:
            settings.LEASEWEB_API_URL = address
            result = act(room, queries.server(room.access).earliest("pk"))
        entries = room.sim.journal.entries(operation)
        told = (result.outcome, words in result.words, len(entries), sum(each.executed for each in entries))
        found[operation] = told
    assert found == dict.fromkeys(LIVE, (outcome, True, sends, executed))
    assert verify(room.access.team.pk).intact
