"""What tests of downloads ask again and again."""

import csv
import io
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from teams.models import Team


def download(browser: Client, url: str) -> bytes:
    """The bytes of a file; its answer must be one that is kept by nobody."""
    answer = browser.get(url)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    return answer.getvalue()


def lines(browser: Client, url: str) -> list[dict[str, str]]:
    """A CSV file as a program reads it."""
    return list(csv.DictReader(io.StringIO(download(browser, url).decode("utf-8-sig"), newline="")))


def same_queries_of_download(browser: Client, url: str, more: Callable[[], object]) -> None:
    """Insist that `more` rows cost no more queries, to the last byte. The first one begins the trail."""
    download(browser, url)
    counts = []
    for change in (lambda: None, more):
        change()
        with CaptureQueriesContext(connection) as seen:
            download(browser, url)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def exports(team: Team) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=team.pk, action="list.export").order_by("sequence"))


def nothing_leaves_without_an_entry(browser: Client, team: Team, url: str) -> None:
    """An entry that cannot be written, since its number is taken, keeps the file back (A2)."""
    taken: dict[str, Any] = {"action": "login.end", "target_label": "takes the next number"}
    last = AuditEvent.objects.filter(chain=team.pk).order_by("-sequence").first()
    number = last.sequence + 1 if last else 1
    moment = last.at if last else "2026-01-01T00:00:00Z"
    AuditEvent.objects.create(chain_id=team.pk, sequence=number, at=moment, **taken)
    browser.raise_request_exception = False
    answer = browser.get(url)
    assert answer.status_code == 503
    assert not answer.streaming
    assert not answer.has_header("Content-Disposition")
    assert exports(team) == []
