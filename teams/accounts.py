"""How django-allauth is bent to this panel: no public sign-up, and sign-ins in the audit trail."""

from smtplib import SMTPException
from typing import Any
from urllib.parse import urljoin, urlsplit

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

import audit.origin
from audit import persons
from audit.actions import AuditAction
from audit.heads import ChainBroken, mark_broken
from audit.log import Change, Target, lock_order, record
from audit.models import INSTALLATION, Outcome
from audit.origin import Actor
from audit.text import one_line
from teams import sign_in
from teams.models import User
from teams.passwords import Busy
from teams.people import RENAMED, USER

LONGEST_PASSWORD = 128
UNRECORDED = (
    "The audit trail of this installation is broken, so this sign-in stands in the log of the panel only. "
    "Whoever runs the panel settles it with manage.py recover_audit --chain 0."
)
PAST_THE_PANEL = "The name or address was changed in the database, past the panel."
log = structlog.get_logger()


def _recorded(
    action: AuditAction, actor: Actor, target: Target, *, chain: int = INSTALLATION, **entry: Any
) -> bool:
    """Leave an entry about signing in or out; False when the trail, which is the installation's, is broken.

    Then the log alone tells of it: whoever has to mend the trail must get in, and a door that closes is no safer.
    """
    try:
        with transaction.atomic():
            record(action, chain=chain, actor=actor, target=target, **entry)
    except ChainBroken as broken:
        mark_broken(broken.chain, broken.problem)
        log.error("not recorded", action=str(action), user_id=actor.user_id, target=target.id, ip=actor.ip)
        return False
    return True


@transaction.atomic
def _remember(user: User) -> None:
    """A name that somebody took out of the trail's table, or replaced there, stands beside no further act.

    One that is not what the trail sealed last was changed past the panel, which would have kept it there.
    """
    user.refresh_from_db(fields=["name", "email"], from_queryset=User.objects.select_for_update(no_key=True))
    before = persons.last_sealed(user.pk)
    persons.remember(user.pk, user.name, user.email)
    after = persons.last_sealed(user.pk)
    if before and after and (before.name, before.email) != (after.name, after.email):
        _tell_of_change(user, Change({RENAMED: before.digest}, {RENAMED: after.digest}))


def _tell_of_change(user: User, change: Change) -> None:
    """In every team of theirs; one whose trail is broken keeps no other from being told."""
    target = Target(USER, str(user.pk))
    for chain in lock_order([INSTALLATION, *user.memberships.values_list("team_id", flat=True)]):
        _recorded(
            AuditAction.PROFILE_CHANGE, Actor(), target, chain=chain, change=change, reason=PAST_THE_PANEL
        )


class MaximumLengthValidator:
    """Refuses passwords so long that hashing them becomes a way to keep the server busy (X7)."""

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > LONGEST_PASSWORD:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"Your password can have {LONGEST_PASSWORD} characters at most."


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return audit.origin.client_ip(request)

    def is_safe_url(self, url: str) -> bool:
        """Only this panel, port included: allauth would take any port of an allowed host (X16)."""
        return url_has_allowed_host_and_scheme(url, {self.request.get_host()}, require_https=settings.HTTPS)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link in the mail leads to PUBLIC_URL, whatever Host the request named."""
        return urljoin(settings.PUBLIC_URL, urlsplit(super().get_reset_password_from_key_url(key)).path)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return f"{self.get_client_ip(request)}:{sign_in.account_name(str(credentials.get('email', '')))}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        super().pre_authenticate(request, **credentials)
        email = str(credentials.get("email", ""))
        self._allowance = sign_in.use_allowance(request, email=email, ip=self.get_client_ip(request))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """A try that was not evaluated counts neither for its address nor for the account; the right one neither."""
        self._allowance = ""
        try:
            user: User | None = super().authenticate(request, **credentials)
        except (Busy, sign_in.TooSoon):
            self._rollback_login_failed_rl_usage()
            sign_in.give_back(self._allowance)
            raise
        if user:
            sign_in.give_back(self._allowance)
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send it, or log that it cannot be sent: an error page would tell that there is such an account (X6)."""
        if not settings.EMAIL_HOST:
            return
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException) as error:
            log.error("mail not sent", template=template_prefix, error=type(error).__name__)

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        _remember(user)
        actor = audit.origin.from_request(request, user_id=user.pk)
        if not _recorded(AuditAction.LOGIN, actor, Target("user", str(user.pk))):
            messages.error(request, UNRECORDED)
        response = super().post_login(request, user, **options)
        sign_in.remember(request, response, user=user, ip=self.get_client_ip(request))
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Keep the address that was tried only if it is an account's: people type passwords into this field."""
        address = one_line(str(credentials.get("email", "")), 254).lower()
        known = User.objects.filter(email=address).values_list("pk", flat=True).first()
        target = Target("user", str(known or ""))
        _recorded(AuditAction.LOGIN_FAIL, audit.origin.from_request(request), target, outcome=Outcome.REFUSED)
        super().authentication_failed(request, **credentials)

    def reauthenticate(self, user: User, password: str) -> bool:
        """A session that proves itself goes on under a new id: a stolen copy of it gains no proof but ends (X8)."""
        proven: bool = super().reauthenticate(user, password)
        if proven:
            # The password may have been hashed anew, which ends every session that does not know its hash.
            user.refresh_from_db(fields=["password"])
            update_session_auth_hash(self.request, user)
        return proven

    def logout(self, request: HttpRequest) -> None:
        actor = audit.origin.from_request(request)
        _recorded(AuditAction.LOGOUT, actor, Target("user", str(actor.user_id or "")))
        super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        """Every change of a password in the browser ends here: by its owner, or by a reset link."""
        with transaction.atomic():
            super().set_password(user, password)
            record(
                AuditAction.PASSWORD_CHANGE,
                chain=INSTALLATION,
                actor=audit.origin.from_request(self.request, user_id=user.pk),
                target=Target("user", str(user.pk)),
            )
