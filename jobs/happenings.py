"""The story of a server: the jobs that people asked for here, and what was changed elsewhere, newest first."""

from dataclasses import dataclass
from datetime import datetime

from jobs import elsewhere, queries
from jobs.elsewhere import ExternalRow
from jobs.queries import JobRow
from servers.models import Server
from teams.access import Access

OF_SERVER = 20


@dataclass(frozen=True, slots=True)
class Happening:
    """Either a job, at the moment it was asked for, or an external change, at the moment it was seen."""

    at: datetime
    job: JobRow | None = None
    external: ExternalRow | None = None


def of_server(access: Access, server: Server, count: int = OF_SERVER) -> list[Happening]:
    """The newest `count` of both together. Two queries."""
    jobs = queries.job_rows(access, queries.of_server(access, server, count))
    events = elsewhere.rows(access, elsewhere.of_server(access, server, count))
    found = [Happening(row.job.created_at, job=row) for row in jobs]
    found += [Happening(row.event.at, external=row) for row in events]
    return sorted(found, key=lambda each: each.at, reverse=True)[:count]
