"""Acts on people and teams, each one transaction with its audit entry."""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.text import slugify

import audit.log
import audit.verification
from audit import heads, persons
from audit.actions import AuditAction
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.origin import Actor
from teams import lookalikes
from teams.access import Trail
from teams.bookkeeping import bookkeeping, recorded
from teams.csv_export import MOST_ROWS
from teams.models import Membership, SetupLink, Team, User
from teams.names import fitting_name
from teams.people import RENAMED, RESERVED
from teams.permissions import Role

SETUP_LINK_LIVES = timedelta(hours=72)
NOT_SLUGS = {"new", "setup", "static"}


@transaction.atomic
def trail_begin() -> None:
    """Begin the installation's own chain in an empty database. One that is missing in any other was taken away."""
    rows = (AuditHead, AuditEvent, User, Team)
    if not any(model.objects.exists() for model in rows):
        heads.start_chain(INSTALLATION)


@transaction.atomic
def owner_create(
    *, email: str, password: str, team_name: str, actor: Actor, name: str = ""
) -> tuple[User, Team]:
    """An account and a team that it owns. Raises ValidationError for an address in use or a poor password.

    The very first account of an installation looks after it, too.
    """
    first = not is_set_up()
    user = user_create(email=email, password=password, name=name, actor=actor)
    if first:
        installation_admin_set(user=user, on=True, actor=actor)
    team = team_create(name=team_name, actor=actor, owner=user)
    return user, team


@transaction.atomic
def user_create(*, email: str, password: str, actor: Actor, name: str = "", encoded: str = "") -> User:
    """An account for a valid, unused address with a password that passes all validators, and no reserved name.

    `encoded` is the hash of `password` for whoever has it already: making one is slow, and meant to be.
    """
    user = _account(email=email, password=password, name=name, encoded=encoded)
    audit.log.record(AuditAction.USER_CREATE, chain=INSTALLATION, actor=actor, target=_person(user))
    return user


def _account(*, email: str, password: str, name: str, encoded: str = "") -> User:
    User(email=email, name=name).clean_fields(exclude=["password", "last_team"])
    _check_name(name)
    if User.objects.filter(email=email.lower()).exists():
        raise ValidationError({"email": "There is an account with this address already."})
    _check_password(password, User(email=email, name=name))
    user = User.objects.create_user(email, password, name=name, encoded=encoded)
    persons.remember(user.pk, user.name, user.email)
    return user


@transaction.atomic
def installation_admin_set(*, user: User, on: bool, actor: Actor) -> None:
    """Make somebody an installation administrator, or end that. Raises ValidationError when it is so already."""
    if (
        User.objects.filter(pk=user.pk).exclude(is_installation_admin=on).update(is_installation_admin=on)
        != 1
    ):
        raise ValidationError(f"{user.email} is {'already' if on else 'not'} an installation administrator.")
    user.is_installation_admin = on
    action = AuditAction.INSTALLATION_ADMIN_ADD if on else AuditAction.INSTALLATION_ADMIN_REMOVE
    audit.log.record(action, chain=INSTALLATION, actor=actor, target=_person(user))


@transaction.atomic
def team_create(*, name: str, actor: Actor, owner: User) -> Team:
    """A team that `owner` owns, with its chain. Raises ValidationError for a name that is empty or too long."""
    name = _team_name(name)
    team = Team.objects.create(name=name, slug=_free_slug(name))
    head = heads.start_chain(team.pk)
    target = audit.log.Target("team", str(team.pk), team.name)
    audit.log.record(AuditAction.TEAM_CREATE, chain=team.pk, actor=actor, target=target)
    member_add(team=team, user=owner, role=Role.OWNER, actor=actor)
    birth = audit.log.Change(after={"birth": head.birth})
    audit.log.record(AuditAction.TEAM_CREATE, chain=INSTALLATION, actor=actor, target=target, change=birth)
    return team


@transaction.atomic
def member_add(*, team: Team, user: User, role: Role, actor: Actor) -> Membership:
    """Make somebody a member. Raises ValidationError when they are one already."""
    membership, created = Membership.objects.get_or_create(
        team=team, user=user, defaults={"role": role.value}
    )
    if not created:
        raise ValidationError(f"{user.email} is a member of {team.name} already, as {membership.role}.")
    audit.log.record(
        AuditAction.MEMBER_ADD,
        chain=team.pk,
        actor=actor,
        target=_person(user),
        change=audit.log.Change(after={"role": role.value}),
    )
    return membership


@transaction.atomic
def member_add_new(
    *, team: Team, email: str, password: str, name: str, role: Role, actor: Actor
) -> Membership:
    """Make an account and a member of it. Raises ValidationError as `user_create` does."""
    user = _account(email=email, password=password, name=name)
    # The team's chain before the installation's, as everywhere.
    membership = member_add(team=team, user=user, role=role, actor=actor)
    audit.log.record(AuditAction.USER_CREATE, chain=INSTALLATION, actor=actor, target=_person(user))
    return membership


@transaction.atomic
def password_reset(*, user: User, password: str, actor: Actor) -> None:
    """Set a password from the command line. Signs the person out everywhere, since sessions carry its hash."""
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.log.record(AuditAction.PASSWORD_RESET, chain=INSTALLATION, actor=actor, target=_person(user))


@transaction.atomic
def profile_change(
    *, user: User, theme: str, actor: Actor, name: str | None = None, time_zone: str = ""
) -> None:
    """Change how a person is called and what they see; all three were checked by the form.

    Raises ValidationError for a name that the panel writes where it means no person.
    A new name is an entry of every team of that person, which says who was called what by digests alone.
    """
    mine = ["name", "time_zone", "theme"]
    # The request's copy may be older than a change of name that was committed meanwhile.
    user.refresh_from_db(fields=[*mine, "email"], from_queryset=User.objects.select_for_update(no_key=True))
    name, time_zone = user.name if name is None else name, time_zone or user.time_zone
    before: audit.log.Fields = {"time_zone": user.time_zone, "theme": user.theme}
    after: audit.log.Fields = {"time_zone": time_zone, "theme": theme}
    renamed = name != user.name
    if renamed:
        _check_name(name)
        before[RENAMED] = persons.remember(user.pk, user.name, user.email)
    user.name, user.time_zone, user.theme = name, time_zone, theme
    user.save(update_fields=mine)
    chains = [INSTALLATION]
    if renamed:
        after[RENAMED] = persons.remember(user.pk, user.name, user.email)
        chains += user.memberships.values_list("team_id", flat=True)
    audit.log.record_in(
        chains,
        AuditAction.PROFILE_CHANGE,
        actor=actor,
        target=_person(user),
        change=audit.log.Change(before, after),
    )


@transaction.atomic
def person_forget(*, user: User, actor: Actor) -> list[Team]:
    """Erase a person's name and address everywhere, and close the account; the teams that they were in.

    Their entries keep a number and digests, so every chain stays intact, and each of their teams has an entry that
    says so (A10). Raises ValidationError for somebody who is the only owner of a team.
    """
    teams = list(user.teams.order_by("pk"))
    if lonely := [team.name for team in teams if not _owned_by_another(team, user)]:
        raise ValidationError(
            f"{user.email} is the only owner of {', '.join(lonely)}. Add another owner first."
        )
    user.memberships.all().delete()
    EmailAddress.objects.filter(user=user).delete()
    user.known_addresses.all().delete()
    persons.forget(user.pk)
    user.name, user.email, user.is_active = "", f"forgotten-{user.pk}@forgotten.invalid", False
    user.set_unusable_password()
    user.save()
    chains = [*(team.pk for team in teams), INSTALLATION]
    audit.log.record_in(chains, AuditAction.PERSON_FORGET, actor=actor, target=_person(user))
    return teams


def _owned_by_another(team: Team, user: User) -> bool:
    """Whether the team has an owner beside `user`, or is not theirs at all."""
    owners = team.memberships.select_for_update().filter(role=Role.OWNER.value, user__is_active=True)
    return set(owners.values_list("user_id", flat=True)) != {user.pk}


def audit_ask_verification(trail: Trail) -> bool:
    """Have a worker read the whole chain and file its verdict (A7). False when one does so already."""
    return audit.verification.ask(trail.chain, trail.actor)


def team_opened(user: User, team: Team) -> None:
    """Remember the team whose overview a person opened last; signing in leads there."""
    if user.last_team_id == team.pk:
        return
    with bookkeeping("the team that was opened last"):
        User.objects.filter(pk=user.pk).update(last_team=team)


@transaction.atomic
def setup_link_create() -> str | None:
    """A fresh token for the set-up page, replacing older ones; None once there is an account."""
    if is_set_up():
        return None
    SetupLink.objects.filter(used_at=None).delete()
    token = secrets.token_urlsafe(32)
    SetupLink.objects.create(token_hash=_hash(token))
    audit.log.record(AuditAction.SETUP_LINK_CREATE, chain=INSTALLATION, actor=Actor())
    return token


def is_set_up() -> bool:
    """Whether there is an account, after which no set-up link works any more."""
    return User.objects.exists()


def setup_link_valid(token: str) -> bool:
    """Whether `setup_complete` would take this token now."""
    return _open_links(token).exists() and not is_set_up()


@transaction.atomic
def setup_complete(
    *, token: str, email: str, password: str, name: str, team_name: str, actor: Actor
) -> tuple[User, Team]:
    """Use up the set-up link: the owner and the first team. Raises ValidationError when the link is not good."""
    if is_set_up() or _open_links(token).update(used_at=Now()) != 1:
        raise ValidationError(
            "This set-up link was used already or is too old. Start the panel again for a new one."
        )
    user, team = owner_create(email=email, password=password, team_name=team_name, name=name, actor=actor)
    audit.log.record(AuditAction.SETUP_COMPLETE, chain=INSTALLATION, actor=actor, target=_person(user))
    return user, team


def _open_links(token: str) -> QuerySet[SetupLink]:
    oldest = timezone.now() - SETUP_LINK_LIVES
    return SetupLink.objects.filter(token_hash=_hash(token), used_at=None, created_at__gte=oldest)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _person(user: User) -> audit.log.Target:
    return audit.log.Target("user", str(user.pk))


def _check_name(name: str) -> None:
    """Nobody is called as the panel is, or as whoever is not known, nor so that it looks alike."""
    if taken := lookalikes.resembled(name, RESERVED):
        raise ValidationError(
            {"name": f"This looks like “{taken}”, which is no person. Choose another name."}
        )


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from None


def _team_name(text: str) -> str:
    """Several things that people type beside it may be wrong, so the complaint says what it is about."""
    try:
        return fitting_name(Team, text)
    except ValidationError as error:
        raise ValidationError(f"The name of the team: {' '.join(error.messages)}") from None


def _free_slug(name: str) -> str:
    """A readable, unused part of the address; `team` when the name has no letter that a slug can hold."""
    base = slugify(name)[:40] or "team"
    base = f"{base}-team" if base in NOT_SLUGS else base
    taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(
        slug for slug in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken
    )


def list_export(
    trail: Trail, what: str, filters: audit.log.Fields, *, of: audit.log.Target | None = None
) -> None:
    """Leave in the trail that somebody takes the list called `what` away, narrowed by `filters`.

    The list of one thing is filed under that thing (`of`), with its own name among the fields. A transaction of its
    own, to be committed before any of the list leaves: when it fails, nothing may (A2). Raises NotRecorded then.
    """
    named: audit.log.Fields = {"list": what} if of else {}
    with recorded(), transaction.atomic():
        audit.log.record(
            AuditAction.LIST_EXPORT,
            chain=trail.chain,
            actor=trail.actor,
            target=of or audit.log.Target("list", what, what),
            change=audit.log.Change(after={**named, **filters, "most_rows": MOST_ROWS}),
        )
