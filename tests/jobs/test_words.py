"""Every status, receipt, resolution and code has plain words, and each says what to do next."""

import ast
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from jobs import words
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.states import FINAL, LIVE, JobStatus, Receipt, Resolution

ROOT = Path(__file__).resolve().parents[2]


def job(status: str, **fields: Any) -> Job:
    return Job(**{"kind": "reboot", "status": status, "not_before": timezone.now(), **fields})


@pytest.mark.parametrize("status", JobStatus.values)
def test_every_status_has_words(status: str) -> None:
    assert words.SHORT[status]
    assert words.TABLE[status].title


@pytest.mark.parametrize(("status", "receipt", "kind"), [*product(JobStatus.values, Receipt.values, KINDS)])
def test_words_tell_what_is_known_and_what_to_do(status: str, receipt: str, kind: str) -> None:
    said = words.of_job(job(status, receipt=receipt, kind=kind))
    assert said.title
    assert said.sentence.endswith(".")
    assert said.advice.endswith(".")
    assert said.tone in ("info", "good", "warn", "danger")
    assert not re.search(r"[{}_]", said.title + said.sentence + said.advice)


@pytest.mark.parametrize("code", words.FAILURES)
def test_failures_name_their_reason(code: str) -> None:
    said = words.of_job(job("failed", code=code))
    assert said != words.of_job(job("failed"))
    assert re.match(r"Reboot: |Leaseweb refused the reboot$", said.title)


@pytest.mark.parametrize("resolution", [Resolution.HAPPENED, Resolution.DID_NOT])
def test_resolutions_say_what_a_person_found(resolution: Resolution) -> None:
    assert words.of_job(job("resolved", resolution=resolution)).title == words.RESOLVED[resolution].format(
        kind="Reboot"
    )


@pytest.mark.parametrize("receipt", Receipt.values)
def test_every_receipt_has_words(receipt: str) -> None:
    assert words.RECEIPTS[receipt]


@pytest.mark.parametrize("status", FINAL)
def test_words_of_an_ended_job_quote_what_was_noted(status: str) -> None:
    assert words.of_job(job(status, message="Seen with own eyes.")).sentence == "Seen with own eyes."


@pytest.mark.parametrize("status", LIVE)
def test_words_of_a_live_job_speak_of_now(status: str) -> None:
    assert "Seen" not in words.of_job(job(status, message="Seen with own eyes.")).sentence


def test_words_of_a_queued_job_say_what_it_waits_for() -> None:
    assert "has to pause" in words.of_job(job("queued", waiting_for="The key has to pause.")).sentence
    later = timezone.now() + timezone.timedelta(hours=1)
    assert f"{later:%H:%M:%S}" in words.of_job(job("queued", not_before=later)).sentence


def test_unverified_keeps_the_promise_not_to_lie() -> None:
    said = words.of_job(job("unverified", receipt="accepted"))
    assert "Leaseweb accepted the reboot; the API never showed it happen." in said.sentence
    assert "good" not in said.tone


def test_a_kind_of_a_later_version_is_shown_as_it_is_kept() -> None:
    assert words.label("disk_resize") == "Disk resize"


def test_a_code_of_a_later_version_is_shown_as_it_is_kept() -> None:
    assert words.code("moon_phase") == "moon phase"
    assert words.code("") == ""


def codes_in(path: Path, call: str, position: int, keyword: str) -> set[str]:
    """The literal codes that a source hands to calls of `call`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == call:
            given = [each.value for each in node.keywords if each.arg == keyword]
            given += node.args[position : position + 1]
            found |= {each.value for each in given if isinstance(each, ast.Constant) and each.value}
    return found


def test_every_code_that_the_engine_writes_has_words() -> None:
    known = set(words.FAILURES) | set(words.STEPS)
    written = set()
    for path in (*(ROOT / "jobs" / "engine").glob("*.py"), ROOT / "jobs" / "services.py"):
        written |= codes_in(path, "Note", 1, "code") | codes_in(path, "fail", 1, "code")
    assert written >= {"refused", "expired", "no_key", "not_sent", "sender_vanished"}
    assert written - known == set()


def test_every_reason_that_a_send_gives_has_words() -> None:
    given = set()
    for name in ("transport.py", "failures.py"):
        source = (ROOT / "servers" / "leaseweb" / name).read_text()
        given |= codes_in(ROOT / "servers" / "leaseweb" / name, "Sent", -1, "reason")
        given |= set(re.findall(r"(?:Unreachable|NoAnswer|BadAnswer)\(code=\"(\w+)\"", source))
        given |= set(re.findall(r"SendOutcome\.\w+, \"(\w+)\"", source))
        given |= set(re.findall(r"return \"((?:dns|tls|connect)_\w+)\"", source))
    assert given >= {"no_trace", "read_timeout", "rate_limited", "dns_failed", "too_late"}
    assert given - set(words.STEPS) - set(words.FAILURES) == set()


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        ("reinstall", "Leaseweb accepted the reinstall;"),
        ("snapshot_create", "Leaseweb accepted the new snapshot;"),
        ("snapshot_restore", "Leaseweb accepted the restore;"),
        ("snapshot_delete", "Leaseweb accepted the deletion;"),
        ("power_on", "Leaseweb accepted the power on;"),
    ],
)
def test_words_call_a_kind_by_its_noun(kind: str, accepted: str) -> None:
    assert words.of_job(job("unverified", kind=kind)).sentence.startswith(accepted)
    refused = words.of_job(job("failed", kind=kind, code="refused"))
    assert refused.title == accepted.replace("accepted", "refused").removesuffix(";")


def test_advice_after_a_reinstall_leads_to_the_passwords() -> None:
    assert "passwords have changed" in words.of_job(job("succeeded", kind="reinstall")).advice


@pytest.mark.parametrize(("status", "kind"), words.ADVICE)
def test_advice_of_a_kind_belongs_to_one_that_exists(status: str, kind: str) -> None:
    assert kind in KINDS
    assert words.of_job(job(status, kind=kind)).advice == words.ADVICE[JobStatus(status), kind]


@pytest.mark.parametrize(
    ("kind", "params", "about"),
    [
        ("reboot", {}, ""),
        ("reinstall", {"os_template_id": "D12", "os_template_name": "Debian 12"}, "Debian 12"),
        ("snapshot_create", {"name": "Nightly"}, "Nightly"),
        ("snapshot_delete", {"snapshot_id": "7", "snapshot_name": "Nightly"}, "Nightly"),
        ("snapshot_restore", {}, ""),
        ("moon_phase", {"name": "x"}, ""),
        ("snapshot_create", {"name": 7}, ""),
    ],
)
def test_what_a_job_is_about_is_a_name(kind: str, params: dict[str, Any], about: str) -> None:
    assert words.about(kind, params) == about
