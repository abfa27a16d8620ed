import threading
import uuid
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.origin import Actor
from jobs import engine, kinds, services
from jobs.models import Job
from jobs.states import MOVING, JobStatus
from servers.models import Server
from teams import people_cli
from teams.access import Access
from teams.models import Membership, Team

GOOD = (JobStatus.SUCCEEDED, JobStatus.SKIPPED)


class Command(BaseCommand):
    help = (
        "Request a job for a server and follow it to its outcome, sending and reading from this very process."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("server", help="Leaseweb's id of the server")
        parser.add_argument("kind", choices=[kind.name for kind in kinds.POWER_KINDS])
        parser.add_argument(
            "--team", help="slug or name of the team; needed when several teams see the server"
        )
        parser.add_argument(
            "--as", dest="email", help="e-mail of the member who asks; default: an owner of the team"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        server = self._server(options["server"], options["team"])
        access = self._access(server.team, options["email"])
        with people_cli.plain_errors():
            job = self._request(access, server, kinds.KINDS[options["kind"]])
        self.stdout.write(f"Job {job.pk}: {options['kind']} of {server.shown_name}")
        self._follow(job)

    def _request(self, access: Access, server: Server, kind: kinds.JobKind) -> Job:
        try:
            return services.job_create(access, server, kind, client_token=uuid.uuid4())
        except (services.JobRefused, PermissionDenied) as error:
            raise CommandError(str(error)) from None

    def _server(self, upstream_id: str, team: str | None) -> Server:
        servers = Server.objects.filter(upstream_id=upstream_id).select_related("team")
        if team:
            servers = servers.filter(team=people_cli.find_team(team))
        found = list(servers[:2])
        if not found:
            raise CommandError(f"No server {upstream_id} is known. Run sync first.")
        if len(found) > 1:
            raise CommandError(f"Several teams see server {upstream_id}: say which with --team.")
        return found[0]

    def _access(self, team: Team, email: str | None) -> Access:
        members = Membership.objects.select_related("team", "user").filter(team=team)
        found = members.filter(user=people_cli.find_user(email)) if email else members.filter(role="owner")
        membership = found.order_by("pk").first()
        if membership is None:
            missing = f"{email} is not a member of" if email else "Nobody is an owner of"
            raise CommandError(f"{missing} the team {team.name}.")
        return Access(membership, Actor(membership.user_id, membership.role))

    def _follow(self, job: Job) -> None:
        """Print every event as it comes, until the outcome is known or a person is needed."""
        pause, told = threading.Event(), 0
        engine.submit(job.pk)
        while True:
            job.refresh_from_db()
            told = self._tell(job, told)
            if job.status not in MOVING:
                break
            if not Job.objects.moving().filter(pk=job.pk).exists():
                raise CommandError(f"The audit trail of {job.team.name} is broken, so its jobs stand still.")
            pause.wait(0.5)
            engine.run_once()
        if job.status not in GOOD:
            raise CommandError(f"{job.get_status_display()}: {job.message}")

    def _tell(self, job: Job, told: int) -> int:
        events = list(job.events.filter(pk__gt=told))
        for event in events:
            self.stdout.write(f"  {event.at:%H:%M:%S} {event.to_status:<10} {event.message}")
        return events[-1].pk if events else told
