"""How often one account's password may be tried, from all networks together (X5).

Tries come out of an allowance that refills with time: BURST at once, then one every EVERY, 20 in the first hour. A try
beyond it is not evaluated, and no thread waits for it. A browser or an address that signed in to the account before
does not use the strangers' allowance, so that strangers lock nobody out: the browser has one of its own, the address
the limits that hold for every address. Names that are no account are treated alike (X6).
"""

import ipaddress
import math
import secrets
import unicodedata
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Greatest, Now
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from teams.models import KnownAddress, SignInAllowance, User

BURST = 10
EVERY = timedelta(minutes=6)
KNOWN_FOR = timedelta(days=180)
KEPT_FOR = timedelta(days=1)
MOST_ACCOUNTS = 5
SALT = "teams.sign_in"


class TooSoon(Exception):
    """The try was not evaluated; `seconds` later one will be."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def account_name(typed: str) -> str:
    """One spelling for all that the sign-in takes for the same address."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def use_allowance(request: HttpRequest, *, email: str, ip: str) -> str:
    """Count one try against `email`; returns what `give_back` takes. Raises TooSoon when it must not be evaluated."""
    account = account_name(email)
    if _address_known(account, ip):
        return ""
    device = _devices(request).get(_digest(account), "")
    key = _digest(account, device)
    SignInAllowance.objects.filter(full_at__lt=Now() - KEPT_FOR).delete()
    with transaction.atomic():
        SignInAllowance.objects.bulk_create([SignInAllowance(key=key, full_at=Now())], ignore_conflicts=True)
        free = SignInAllowance.objects.filter(key=key, full_at__lte=Now() + EVERY * (BURST - 1))
        if not free.update(full_at=_moved(Greatest(F("full_at"), Now()), EVERY)):
            raise TooSoon(_seconds_left(key))
    return key


def give_back(key: str) -> None:
    """The try was no guess: the password was right, or nobody looked at it."""
    SignInAllowance.objects.filter(key=key).update(full_at=_moved(F("full_at"), -EVERY))


def remember(request: HttpRequest, response: HttpResponse, *, user: User, ip: str) -> None:
    """This browser and this address have signed in to the account of `user`."""
    if ip:
        KnownAddress.objects.filter(user=user, used_at__lt=Now() - KNOWN_FOR).delete()
        KnownAddress.objects.update_or_create(user=user, network=_network(ip), defaults={"used_at": Now()})
    devices, account = _devices(request), _digest(account_name(user.email))
    kept = {account: devices.pop(account, secrets.token_urlsafe(12)), **devices}
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(dict(list(kept.items())[:MOST_ACCOUNTS]), salt=SALT),
        max_age=KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _devices(request: HttpRequest) -> dict[str, str]:
    """The accounts that this browser signed in to, each with the browser's id there; nothing that we did not sign."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        return dict(signing.loads(cookie, salt=SALT, max_age=KNOWN_FOR))
    except signing.BadSignature:
        return {}


def _address_known(account: str, ip: str) -> bool:
    lately = KnownAddress.objects.filter(used_at__gte=Now() - KNOWN_FOR)
    return bool(ip) and lately.filter(user__email=account, network=_network(ip)).exists()


def _network(ip: str) -> str:
    """Of IPv6 the network of the line, since machines change the rest of it by the day."""
    address = ipaddress.ip_address(ip)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)


def _moved(moment: F | Greatest, by: timedelta) -> ExpressionWrapper:
    return ExpressionWrapper(moment + by, output_field=DateTimeField())


def _seconds_left(key: str) -> int:
    row = SignInAllowance.objects.filter(key=key).annotate(now=Now()).values("now", "full_at").get()
    left = row["full_at"] - EVERY * (BURST - 1) - row["now"]
    return max(1, math.ceil(left.total_seconds()))


def _digest(*parts: str) -> str:
    return salted_hmac(SALT, "\n".join(parts), algorithm="sha256").hexdigest()
