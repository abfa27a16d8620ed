"""People and the teams they belong to."""

import functools
import uuid
import zoneinfo
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from teams.permissions import Role


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, email: str, password: str | None = None, *, name: str = "", encoded: str = ""
    ) -> "User":
        """An account for `email`, whose case does not matter; without a password nobody can sign in to it.

        `encoded`: the hash of the password, if it was made before.
        """
        user = self.model(email=self.normalize_email(email).lower(), name=name)
        user.password = encoded or make_password(password)
        user.save()
        return user


@functools.cache
def time_zones() -> frozenset[str]:
    """The names that this machine knows; looking them up opens hundreds of files."""
    return frozenset(zoneinfo.available_timezones())


def check_time_zone(name: str) -> None:
    if name not in time_zones():
        raise ValidationError(f"{name} is not a time zone. Example: Europe/Amsterdam.")


class User(AbstractBaseUser):
    """A person. Rights in a team come from memberships alone; there are no superusers.

    `is_installation_admin` is for whoever looks after the installation itself: its own trail of sign-ins and accounts.
    It gives no right in any team.
    """

    class Theme(models.TextChoices):
        SYSTEM = "system", "as the device"
        LIGHT = "light", "light"
        DARK = "dark", "dark"

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    is_active = models.BooleanField(default=True)
    is_installation_admin = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    last_team = models.ForeignKey("Team", null=True, on_delete=models.SET_NULL, related_name="+")

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)


class Team(models.Model):
    """A group that shares servers. `cursor` counts visible changes; pages ask what came after the one they know.

    Every visible change takes the next number inside its own transaction, so a change that commits late can
    never be skipped, as it could be with an autoincrement id.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=80)
    cursor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    users = models.ManyToManyField(User, through="Membership", related_name="teams")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("team", "user"), name="membership_once"),)

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.team}"


class Refusal(models.Model):
    """How often a member was refused one thing within the minute that began at `since` (see `teams.refusals`).

    `told` of them have an entry in the trail, `untold` are summed up in one when the minute is over.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=20)
    permission = models.CharField(max_length=40)
    target_type = models.CharField(max_length=20)
    target_id = models.CharField(max_length=40)
    target_label = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(db_default=Now())
    told = models.PositiveIntegerField(default=0)
    untold = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("team", "user", "permission", "target_type", "target_id"), name="refusal_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} was refused {self.permission}"


class SetupLink(models.Model):
    """The one-time link that makes the first owner. Only the SHA-256 of its token is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"set-up link of {self.created_at:%Y-%m-%d}"


class SignInAllowance(models.Model):
    """When the tries of one account, or of one browser at one account, are all free again. `key` is a keyed hash."""

    key = models.CharField(max_length=64, primary_key=True)
    full_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"tries, all free at {self.full_at:%Y-%m-%d %H:%M:%S}"


class KnownAddress(models.Model):
    """An address, of IPv6 the network, from which somebody has signed in to their account."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_addresses")
    network = models.GenericIPAddressField()
    used_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "network"), name="known_address_once"),)

    def __str__(self) -> str:
        return f"{self.network} of {self.user}"
