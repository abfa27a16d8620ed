"""The fresh proof of a person whom a test signed in without a password."""

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

from teams.models import User

METHODS = "account_authentication_methods"


def prove(client: Client, user: User, *, seconds_ago: float = 0) -> Client:
    """As if the person who is signed in there had typed their password this long ago."""
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, method="password", reauthenticated=True)
    for record in request.session[METHODS]:
        record["at"] -= seconds_ago
    request.session.save()
    return client
