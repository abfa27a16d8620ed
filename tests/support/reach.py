"""The ways in which Leaseweb cannot be asked about a server, and what people are told then."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from servers.models import ApiKey, Server


@dataclass(frozen=True, slots=True)
class Obstacle:
    """`put` brings it about for a server; `reason` is how the sentence about it begins."""

    put: Callable[[Server], object]
    reason: str


OBSTACLES = {
    "gone": Obstacle(
        lambda server: Server.objects.filter(pk=server.pk).update(gone_at=timezone.now()),
        "Leaseweb has not listed this server since",
    ),
    "no key": Obstacle(
        lambda server: Server.objects.filter(pk=server.pk).update(api_key=None),
        "No API key of this team sees this server any more",
    ),
    "refused key": Obstacle(
        lambda server: ApiKey.objects.filter(pk=server.api_key_id).update(health=ApiKey.Health.REFUSED),
        "Leaseweb refuses the API key",
    ),
}
out_of_reach = pytest.mark.parametrize("obstacle", OBSTACLES.values(), ids=OBSTACLES)


def refused_refresh(browser: Client, url: str) -> list[str]:
    """What the page says to somebody who presses a button that was taken away meanwhile."""
    return [str(message) for message in browser.post(url, follow=True).context["messages"]]


def disabled_refresh(page: bytes, reason: str, label: str = "Refresh") -> bool:
    """Whether the page shows the button as one that cannot be pressed, and why."""
    disabled = rf'aria-disabled="true" title="{reason}[^"]*">{label}</span>'
    return re.search(disabled, page.decode()) is not None
