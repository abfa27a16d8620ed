"""How far a figure can be trusted: why a server, or a key, was not read lately, and what to do about it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from servers.models import ApiKey, Server
from teams.figures import age_text, minute

STALE_AFTER = timedelta(minutes=5)
OVERDUE_AFTER = timedelta(minutes=2)
Health = ApiKey.Health
GONE = (
    "It may have been cancelled or moved to another account, or the key lost its right to see it. What is below was "
    "read last; its history stays here."
)
NO_KEY = "No API key of this team sees this server any more, so it is neither read nor acted upon."


@dataclass(frozen=True, slots=True)
class Advice:
    """What is wrong, in plain words, and what to do. `tone` is that of a notice: info, warn or danger."""

    text: str
    advice: str
    tone: str = "warn"
    about_key: bool = False


def is_stale(server: Server, now: datetime) -> bool:
    return now - server.seen_at > STALE_AFTER


def of_server(server: Server, now: datetime) -> Advice | None:
    """Why what the page shows of a server may not be so any more; None when there is no reason to doubt it."""
    if server.gone_at is not None:
        return Advice(out_of_reach(server), GONE)
    if server.api_key is None:
        return Advice(NO_KEY, "Add a key of the account that owns it.", "danger", about_key=True)
    age, key = age_text(server.seen_at, now).removesuffix(" ago"), server.api_key
    if key.health in (Health.REFUSED, Health.FAILING):
        return Advice(f"Figures are {age} old: {trouble(key)}", advice(key, now), "danger", about_key=True)
    if is_stale(server, now):
        return Advice(f"Figures are {age} old.", why_quiet(key, now))
    return None


def out_of_reach(server: Server) -> str:
    """Why Leaseweb cannot be asked anything about a server now; empty when it can."""
    if server.api_key is not None and server.api_key.health == Health.REFUSED:
        return unseen(server) or f"{trouble(server.api_key)} Replace it first."
    return unseen(server)


def unseen(server: Server) -> str:
    """Why no key sees a server, whatever its health; empty when one does."""
    if server.gone_at is not None:
        return f"Leaseweb has not listed this server since {minute(server.gone_at)}."
    return NO_KEY if server.api_key_id is None else ""


def trouble(key: ApiKey) -> str:
    """What is wrong with a key, in a sentence that names it; empty for a healthy one."""
    return {
        Health.REFUSED: f"Leaseweb refuses the API key “{key.name}”.",
        Health.FAILING: f"the last reading with the API key “{key.name}” failed.",
        Health.READS_ONLY: f"Leaseweb refused actions with the API key “{key.name}”; it seems to be for reading only.",
    }.get(Health(key.health), "")


def advice(key: ApiKey, now: datetime) -> str:
    """What to do about a key's health; for a healthy key, why it may be quiet."""
    return {
        Health.UNTRIED: "It is read for the first time within seconds.",
        Health.WORKING: "Nothing to do.",
        Health.FAILING: f"The panel keeps trying by itself. {why_quiet(key, now)}",
        Health.REFUSED: "Check in the Customer Portal whether the key was removed, has expired, or is limited to other "
        "addresses. Then add a new key and remove this one; servers move over by themselves.",
        Health.READS_ONLY: "Check in the Customer Portal whether the key is limited to GET. Reading goes on.",
    }[Health(key.health)]


def of_key(key: ApiKey, now: datetime) -> Advice | None:
    """What needs a person about a key; None when it is read as it should be."""
    if text := trouble(key):
        tone = "danger" if key.health == Health.REFUSED else "warn"
        return Advice(text[0].upper() + text[1:], advice(key, now), tone, about_key=True)
    if key.list_error:
        return Advice(f"The list of the API key “{key.name}” is not whole.", key.list_error, about_key=True)
    if key.synced_at is None and key.pass_offset:
        return _first_pass(key)
    overdue = now - key.next_sync_at > OVERDUE_AFTER and (key.paused_until is None or key.paused_until <= now)
    return Advice(f"The API key “{key.name}” is not being read.", why_quiet(key, now)) if overdue else None


def _first_pass(key: ApiKey) -> Advice:
    total = f" of {key.pass_total:,}" if key.pass_total is not None else ""
    text = f"The servers of the API key “{key.name}” are read for the first time: {key.pass_offset:,}{total} so far."
    return Advice(text, "The rest follows as the key's call budget allows.", "info", about_key=True)


def why_quiet(key: ApiKey, now: datetime) -> str:
    """Why a key that is not refused was not read for a while."""
    if key.paused_until is not None and key.paused_until > now:
        return f"It is left alone until {minute(key.paused_until)}, then tried again."
    if now - key.next_sync_at > OVERDUE_AFTER:
        return (
            "Its next reading is overdue. If this lasts, the panel's worker or its scheduler is not running: "
            "tell whoever looks after the panel."
        )
    return "Refresh to read it now. With many servers, the key's call budget makes regular readings rarer."
