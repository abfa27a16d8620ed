"""What the list of API keys shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from servers import budget, freshness, passes, queries
from servers.models import ApiKey
from teams.access import Access
from teams.figures import duration
from teams.links import row_link

TONES = {
    ApiKey.Health.WORKING: "good",
    ApiKey.Health.UNTRIED: "info",
    ApiKey.Health.FAILING: "warn",
    ApiKey.Health.READS_ONLY: "warn",
    ApiKey.Health.REFUSED: "danger",
}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A line of the list of keys: its state in words, and where its buttons lead.

    `progress` is how far the pass under way came, `pace` how long one takes when that is longer than usual.
    """

    api_key: ApiKey
    servers: int
    health: str
    tone: str
    progress: str
    pace: str
    trouble: freshness.Advice | None
    servers_url: str
    rename_url: str
    refresh_url: str
    remove_url: str


def context(access: Access) -> dict[str, Any]:
    """The keys, and whether one of them is being read. One query."""
    api_keys = queries.keys_in_use(access)
    reading = queries.being_read(api_keys)
    return {
        "rows": _key_rows(access, api_keys),
        "reading": reading,
        "live_ids": tuple(key.pk for key in api_keys),
        "moving": reading,
        "shown": "reading" if reading else "",
    }


def _key_rows(access: Access, api_keys: Sequence[ApiKey]) -> list[KeyRow]:
    now, slug = timezone.now(), access.team.slug
    servers = reverse("servers:server_list", args=(slug,))
    rename, refresh, remove = (
        row_link(f"servers:api_key_{act}", slug) for act in ("rename", "refresh", "remove")
    )
    return [
        KeyRow(
            api_key=key,
            servers=getattr(key, "current", 0),
            **_health(key),
            progress=_progress(key),
            pace=_pace(key),
            trouble=freshness.of_key(key, now),
            servers_url=f"{servers}?key={key.pk}",
            rename_url=rename(key.pk),
            refresh_url=refresh(key.pk),
            remove_url=remove(key.pk),
        )
        for key in api_keys
    ]


def _health(key: ApiKey) -> dict[str, str]:
    """A key that works is not called well as long as its list did not come whole."""
    health = ApiKey.Health(key.health)
    if health == ApiKey.Health.WORKING and key.list_error:
        return {"health": "list not whole", "tone": "warn"}
    return {"health": health.label, "tone": TONES[health]}


def _progress(key: ApiKey) -> str:
    if key.pass_begun_at is None:
        return ""
    total = f" of {key.pass_total:,}" if key.pass_total is not None else ""
    return f"now at {key.pass_offset:,}{total}"


def _pace(key: ApiKey) -> str:
    lasts = budget.spread(budget.list_calls(key))
    return f"takes about {duration(lasts)} at this call budget" if lasts > passes.EVERY else ""
