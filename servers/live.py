"""The four calls that a person waits for in a request: at most ten seconds, at most two at once per process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from servers import budget
from servers.connect import client_for_request, unsealed
from servers.leaseweb import (
    Client,
    Credential,
    CredentialType,
    LeasewebError,
    Listing,
    Secret,
    SendOutcome,
    Sent,
    VirtualServer,
)
from servers.models import ApiKey

AT_ONCE = 2
_places = threading.BoundedSemaphore(AT_ONCE)


class NotAsked(LeasewebError):
    """Leaseweb was not asked, for a reason of ours: it says nothing about the key."""


class PanelBusy(NotAsked):
    """This process waits for Leaseweb in two requests already."""

    sentence = "The panel is waiting for Leaseweb in other requests just now."
    advice = "Try again in a few seconds."


class KeyResting(NotAsked):
    """Leaseweb asked this key to wait (Retry-After), or did not answer it several times in a row."""

    sentence = (
        "The server's API key is left alone for a while, since Leaseweb asked for that or did not answer it."
    )
    advice = "Nothing was sent. The list of API keys says until when; try again then."


def try_key(key: Secret) -> Listing[VirtualServer]:
    """One reading with a key that is not kept yet (GET /virtualServers, first page). Raises LeasewebError."""
    with _place(), client_for_request(key) as client:
        return client.list_servers()


def rename(api_key: ApiKey, server_id: str, reference: str) -> Sent:
    """Give a server another reference (PUT /virtualServers/{id}); an accepted one carries the server as it is now."""
    return _sent(api_key, lambda client: client.update_reference(server_id, reference=reference))


def store(api_key: ApiKey, server_id: str, kind: CredentialType, username: str, password: Secret) -> Sent:
    """Change the password that the portal shows (PUT …/credentials); the machine's own stays as it is."""
    return _sent(
        api_key,
        lambda client: client.store_credential(server_id, kind=kind, username=username, password=password),
    )


def reveal(api_key: ApiKey, server_id: str, kind: CredentialType, username: str) -> Credential:
    """The password that the portal shows (GET …/credentials/{type}/{username}). Raises LeasewebError."""
    with _client_of(api_key) as client:
        return client.get_credential(server_id, kind, username)


def _sent(api_key: ApiKey, call: Callable[[Client], Sent]) -> Sent:
    """What came of a call that changes something; what kept us from making it counts as proof that it was not made."""
    try:
        with _client_of(api_key) as client:
            return call(client)
    except LeasewebError as error:
        return Sent(SendOutcome.NOT_SENT, error=error, reason=error.code)


@contextmanager
def _client_of(api_key: ApiKey) -> Iterator[Client]:
    """A client for one call, which is counted. A person's call is made even if the budget is used up."""
    with _place():
        if budget.paused(api_key):
            raise KeyResting(code="key_resting")
        budget.charge(api_key.pk, calls=1)
        with client_for_request(unsealed(api_key)) as client:
            yield client


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise PanelBusy(code="panel_busy")
    try:
        yield
    finally:
        _places.release()
