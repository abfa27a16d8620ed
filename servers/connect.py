"""Opens the Leaseweb client for a key: the one place where a key is unsealed."""

from collections.abc import Callable

from django.conf import settings

from servers.leaseweb import Client, LeasewebError, Secret, Timeouts
from servers.models import ApiKey
from teams.encryption import DecryptionError

LIVE_CALL_SECONDS = 10.0


class KeyUnreadable(LeasewebError):
    """The stored key does not open; a trouble of ours that ends a call before it begins."""

    sentence = "The stored API key cannot be opened with this panel's encryption keys."
    advice = "Put the old encryption key back into the ring, or enter the API key again."


def client_for(api_key: ApiKey, *, observer: Callable[[str], None] | None = None) -> Client:
    """A client for background work with `api_key`; raises KeyUnreadable when the key ring cannot open it."""
    return Client(
        unsealed(api_key),
        settings.LEASEWEB_API_URL,
        timeout=background_timeouts(),
        observer=observer,
        trust_503=settings.TRUST_503,
    )


def unsealed(api_key: ApiKey) -> Secret:
    """The key in the clear, as an opaque value; raises KeyUnreadable like `client_for`."""
    try:
        return Secret(api_key.unseal())
    except DecryptionError:
        raise KeyUnreadable(code="key_unreadable") from None


def client_for_request(key: Secret) -> Client:
    """A client for one of the few calls that a person waits for: ten seconds in all, and one page of a list."""
    return Client(key, settings.LEASEWEB_API_URL, timeout=_request_timeouts(), trust_503=settings.TRUST_503)


def background_timeouts() -> Timeouts:
    scale = settings.TIME_SCALE
    return Timeouts(
        connect=5.0 / scale, write=5.0 / scale, read=30.0 / scale, total=45.0 / scale, walk=45.0 / scale
    )


def _request_timeouts() -> Timeouts:
    scale = settings.TIME_SCALE
    return Timeouts(
        connect=3.0 / scale, write=3.0 / scale, read=8.0 / scale, total=LIVE_CALL_SECONDS / scale, walk=0.0
    )
