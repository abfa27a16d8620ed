"""What tests of pages ask again and again."""

import re
from collections.abc import Callable
from html import unescape

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.origin import Actor
from teams.access import Access
from teams.models import Membership, Team, User

# Text that a person or Leaseweb might put where a name is meant. Each shows up when it is not escaped.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe",
    "'; DROP TABLE jobs_job; --",
    "{{ team.name }}{% debug %}",
    "x" * 10_000,
)


def queries_of(client: Client, url: str) -> int:
    """How many queries a page takes."""
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def same_queries(client: Client, url: str, more: Callable[[], object]) -> None:
    """Insist that `more` rows cost no more queries. The first visit is left out: it notes where somebody was."""
    client.get(url)
    before = queries_of(client, url)
    more()
    assert queries_of(client, url) == before


def text_of(content: bytes) -> str:
    """What a person reads of a page: its text, in one line."""
    plain = re.sub(r"<[^>]+>", " ", content.decode())
    return " ".join(unescape(plain).split())


def access_of(user: User, team: Team) -> Access:
    """What a request of this person would carry."""
    membership = Membership.objects.select_related("team", "user").get(user=user, team=team)
    return Access(membership, Actor(user.pk, membership.role))
