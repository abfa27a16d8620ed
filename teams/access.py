"""The one gate: who asks, in which team, and what they may see and do there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Protocol

import structlog
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

import audit.origin
from audit import heads
from audit.actions import AuditAction
from audit.chain import entries
from audit.log import Target
from audit.models import INSTALLATION, AuditEvent
from teams import refusals
from teams.links import open_page
from teams.models import Membership, Team, User
from teams.permissions import PERMISSION_TEXT, Permission, allows

if TYPE_CHECKING:
    from jobs.models import ExternalEvent, JobQuerySet
    from servers.models import ApiKey, Server, Snapshot

log = structlog.get_logger()
NO_PERMISSION = "login only"
INSTALLATION_ADMIN = "installation administrators only"
# What happens to an account and not in a team: it stands in the installation's trail.
ACCOUNT_ACTIONS = (
    AuditAction.LOGIN,
    AuditAction.LOGIN_FAIL,
    AuditAction.LOGOUT,
    AuditAction.PASSWORD_CHANGE,
    AuditAction.PASSWORD_RESET,
    AuditAction.PROFILE_CHANGE,
)


class MemberRequest(HttpRequest):
    """A request that passed `team_view`."""

    access: "Access"
    user: User
    request_id: str


class InstallationRequest(HttpRequest):
    """A request that passed `installation_view`."""

    installation: "InstallationTrail"
    user: User


class Trail(Protocol):
    """Entries that somebody may read: those of a team, of the installation, or of some accounts.

    `chain` is the chain that they stand in. `people` are those whose names somebody else's may be taken for, and
    `trail_url` leads to the page that shows the entries ("list"), one of them ("detail", its number) or the like; it is
    empty where there is no such page.
    """

    @property
    def chain(self) -> int: ...
    @property
    def actor(self) -> audit.origin.Actor: ...
    def audit(self) -> QuerySet[AuditEvent]: ...
    def people(self) -> QuerySet[User]: ...
    def trail_url(self, page: str, *which: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Access:
    """What one person may reach in one team. Views start every query here, so scope changes one file only (X2)."""

    membership: Membership
    actor: audit.origin.Actor
    # What is wrong with the team's audit trail; empty while nobody found anything.
    trail_problem: str = ""

    @property
    def team(self) -> Team:
        return self.membership.team

    @property
    def user(self) -> User:
        return self.membership.user

    def servers(self) -> "QuerySet[Server]":
        return self.team.servers.all()

    def snapshots(self) -> "QuerySet[Snapshot]":
        return self.team.snapshots.all()

    def api_keys(self) -> "QuerySet[ApiKey]":
        return self.team.api_keys.filter(removed_at=None)

    def jobs(self) -> "JobQuerySet":
        return self.team.jobs.all()

    def external_events(self) -> "QuerySet[ExternalEvent]":
        return self.team.external_events.all()

    def memberships(self) -> QuerySet[Membership]:
        return self.team.memberships.all()

    def people(self) -> QuerySet[User]:
        return self.team.users.all()

    @property
    def chain(self) -> int:
        return self.team.pk

    def audit(self) -> QuerySet[AuditEvent]:
        return entries(self.chain)

    def trail_url(self, page: str, *which: int) -> str:
        return reverse(f"teams:audit_{page}", args=(self.team.slug, *which))

    def accounts(self) -> "AccountTrail":
        return AccountTrail(self.team, self.actor)

    def can(self, permission: Permission, server: "Server | None" = None) -> bool:
        """Whether the table allows it, on this server when one is named. A server of another team: never."""
        if server is not None and server.team_id != self.team.pk:
            return False
        return allows(self.membership.role, permission)

    def why_not(self, permission: Permission, server: "Server | None" = None) -> str:
        """Empty when allowed, else the sentence that a disabled button or a refusal shows."""
        if self.can(permission, server):
            return ""
        return (
            f"Your role here is {self.membership.role}; it does not include “{PERMISSION_TEXT[permission]}”."
        )

    def require(self, permission: Permission, server: "Server | None" = None) -> None:
        """Raise PermissionDenied with the reason, and leave the refusal in the trail."""
        if reason := self.why_not(permission, server):
            refusals.note(
                team_id=self.team.pk,
                actor=self.actor,
                permission=permission,
                target=server.audit_target() if server else Target("permission", permission),
                reason=reason,
            )
            raise PermissionDenied(reason)


@dataclass(frozen=True, slots=True)
class AccountTrail:
    """What the installation's trail tells of the accounts of a team's members, and of nobody else's.

    A try that named no account, or that of somebody who left, is no business of the team.
    """

    team: Team
    actor: audit.origin.Actor
    chain: int = INSTALLATION

    def people(self) -> QuerySet[User]:
        return self.team.users.all()

    def audit(self) -> QuerySet[AuditEvent]:
        members = list(self.team.memberships.values_list("user_id", flat=True))
        known = Q(actor_id=None) | Q(actor_id__in=members)
        theirs = {"target_type": "user", "target_id__in": [str(pk) for pk in members]}
        return entries(self.chain).filter(known, action__in=ACCOUNT_ACTIONS, **theirs)

    def trail_url(self, page: str, *which: int) -> str:
        shown = page in ("list", "detail")
        return reverse(f"teams:sign_in_{page}", args=(self.team.slug, *which)) if shown else ""


@dataclass(frozen=True, slots=True)
class InstallationTrail:
    """What an installation administrator may reach: the installation's own trail, and nothing of any team."""

    actor: audit.origin.Actor
    # What is wrong with the chain; empty while nobody found anything.
    trail_problem: str = ""
    chain: int = INSTALLATION

    def people(self) -> QuerySet[User]:
        return User.objects.all()

    def audit(self) -> QuerySet[AuditEvent]:
        return entries(self.chain)

    def trail_url(self, page: str, *which: int) -> str:
        return reverse(f"teams:installation_{page}", args=which)


View = Callable[Concatenate[Any, ...], HttpResponseBase]


def team_view(permission: Permission) -> Callable[[View], View]:
    """Gate of every page under /t/<team>/: login → membership → right → `request.access`.

    Outsiders get the same 404 for a team that exists and one that does not; members without the right get 403 with
    the reason, which is audited. The view takes the request without the team's slug.
    """

    def decorate(view: View) -> View:
        @_signed_in
        @wraps(view)
        def gated(request: Any, team: str, **kwargs: Any) -> HttpResponseBase:
            request.access = _access(request, team)
            request.access.require(permission)
            return view(request, **kwargs)

        gated.permission = permission  # type: ignore[attr-defined]
        return gated

    return decorate


def installation_view(view: View) -> View:
    """Gate of the installation's pages: login → installation administrator → `request.installation`.

    Everybody else gets the 404 of a page that does not exist.
    """

    @_signed_in
    @wraps(view)
    def gated(request: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_installation_admin:
            log.info("outsider", team="the installation", user_id=request.user.pk)
            raise Http404("No such page.")
        problem = heads.noted(INSTALLATION)
        request.installation = InstallationTrail(audit.origin.from_request(request), problem)
        return view(request, **kwargs)

    gated.permission = INSTALLATION_ADMIN  # type: ignore[attr-defined]
    return gated


def _signed_in(view: View) -> View:
    """Whoever is signed out comes back to the page that was open, not to the address of the form on it."""

    @wraps(view)
    def gated(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return redirect_to_login(open_page(request))

    return gated


def person_view(view: View) -> View:
    """Gate of pages that belong to a person and to no team: login alone."""
    gated = _signed_in(view)
    gated.permission = NO_PERMISSION  # type: ignore[attr-defined]
    return gated


def public_view(view: View) -> View:
    """Marks a page that needs no login; the URL walk demands that this is said."""
    view.permission = None  # type: ignore[attr-defined]
    return view


def holds(user_id: int | None, team_id: int, permission: Permission) -> bool:
    """Whether somebody has the right at this very moment; the engine asks before it sends (X3, G7)."""
    if user_id is None:
        return False
    member = Membership.objects.filter(user_id=user_id, team_id=team_id, user__is_active=True)
    role = member.values_list("role", flat=True).first()
    return role is not None and allows(role, permission)


def _access(request: Any, slug: str) -> Access:
    membership = (
        Membership.objects.select_related("team", "user")
        .annotate(trail_problem=heads.problem_noted(OuterRef("team_id")))
        .filter(team__slug=slug, user_id=request.user.pk)
        .first()
    )
    if membership is None:
        log.info("outsider", team=slug[:50], user_id=request.user.pk)
        raise Http404("No such team.")
    actor = audit.origin.from_request(request, role=membership.role)
    return Access(membership, actor, membership.trail_problem)
