"""What the pages of a trail show, ready for their templates: the same for a team, some accounts, the installation."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import Http404, QueryDict

from audit.actions import AuditAction
from audit.checkpoints.key import public_key
from teams import queries
from teams.access import Access, Trail
from teams.forms import AccountFilter, AuditFilter
from teams.listing import pager_urls, place
from teams.people import names

Context = dict[str, Any]


def of_team(access: Access, query: QueryDict) -> Context:
    people = names(access)
    form = AuditFilter(query, actors=queries.actor_choices(access, people, also=query.get("actor", "")))
    context = _entries(access, form, query, people)
    named = queries.server_label(access, context["filters"].get("server"))
    return {**context, "server_name": named, "total": queries.audit_total(access)}


def of_accounts(
    trail: Trail, query: QueryDict, *, actions: Iterable[AuditAction], also: Iterable[tuple[str, str]] = ()
) -> Context:
    """The entries about accounts; `actions` and, beside people, `also` are what they can be filtered by."""
    people = names(trail)
    form = AccountFilter(query, people=[*queries.account_choices(people), *also], actions=actions)
    return {**_entries(trail, form, query, people), "of_accounts": True}


def _entries(
    trail: Trail, form: AuditFilter | AccountFilter, query: QueryDict, people: Mapping[int, str]
) -> Context:
    form.is_valid()
    filters = {name: value for name, value in form.cleaned_data.items() if value}
    found = queries.audit_page(trail, filters, **place(query))
    return {
        "form": form,
        "rows": queries.audit_rows(trail, found.rows, people),
        "filters": filters,
        **_around(trail),
        **pager_urls(query, found),
    }


def entry(trail: Trail, sequence: int) -> Context:
    """One entry. Raises Http404 for a number that the trail does not have, or does not show."""
    found = queries.audit_entry(trail, sequence)
    if found is None:
        raise Http404("The trail has no such entry.")
    return {"entry": found, "row": found.row, "event": found.row.event, **_around(trail)}


def _around(trail: Trail) -> Context:
    return {"list_url": trail.trail_url("list"), "verify_url": trail.trail_url("verify")}


def verification(trail: Trail, *, no_download: str = "") -> Context:
    """How far a verification is, the last verdict, and the last checkpoint; `no_download`: why not for somebody."""
    return {
        **queries.verification_context(trail),
        "checkpoint": queries.checkpoint(trail),
        "public_key": public_key(),
        "no_download": no_download,
        "list_url": trail.trail_url("list"),
        "checkpoints_url": trail.trail_url("checkpoints"),
    }
