"""What people call a server: renaming it, in place or on a page of its own, and the team's note on it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from audit.models import Outcome
from servers import freshness, listing, naming, queries, server_page
from servers.forms import ServerNameForm, ServerNoteForm
from servers.models import Server
from servers.witness import Result
from teams.access import MemberRequest, team_view
from teams.edits import CONFLICT, ChangedMeanwhile, mark
from teams.permissions import Permission
from teams.statuses import status_of

# What can be swapped for itself with the form in it, by the start of its id in the page.
IN_PLACE = {
    "server-row-": "servers/partials/server_row.html",
    "server-head-": "servers/partials/server_head.html",
}


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.SERVERS_RENAME)
def server_rename(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    obstacle, refused = freshness.out_of_reach(server), None
    form = _name_form(request, server)
    if not obstacle and form.is_valid():
        result = _rename(request, server, form)
        if result.may_be_done:
            return _renamed(request, server_id, result)
        refused = result
    context = {"form": form, "obstacle": obstacle, "refused": refused, "naming": server.pk}
    return _show(request, server, context, status=status_of(form))


def _rename(request: MemberRequest, server: Server, form: ServerNameForm) -> Result:
    try:
        return naming.server_rename(
            request.access, server, form.cleaned_data["reference"], seen=form.opened_with
        )
    except ChangedMeanwhile as changed:
        form.opened_on(changed.kept)
        theirs = f"called it “{changed.kept}”" if changed.kept else "took its name off"
        return Result(Outcome.REFUSED, f"Somebody {theirs} meanwhile. Rename it again to replace that.")


def _name_form(request: MemberRequest, server: Server) -> ServerNameForm:
    """Several may be open in one list, so each has ids of its own."""
    typed = request.POST if request.method == "POST" else None
    opened = {"reference": server.reference, "seen": mark(server.coming_reference)}
    return ServerNameForm(typed, initial=opened, auto_id=f"id_%s_{server.pk}")


def _renamed(request: MemberRequest, server_id: int, result: Result) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    words = _words(server, result)
    if _fragment(request):
        return _show(request, server, {"renamed": words, "confirmed": result.done})
    messages.add_message(request, messages.SUCCESS if result.done else messages.WARNING, words)
    return redirect("servers:server_detail", request.access.team.slug, server.pk)


def _words(server: Server, result: Result) -> str:
    if not result.done:
        return f"{result.words} The next reading shows which name the server has."
    if server.reference_asked is not None:
        return "Leaseweb accepted the name; it shows here with the next reading."
    if not server.reference:
        return f"The name was taken off; the server is shown as “{server.shown_name}”."
    return f"The server is called “{server.shown_name}” now."


def _show(
    request: MemberRequest, server: Server, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    rows = listing.server_rows(request.access, [server])
    shown = server_page.head(request.access, server) | {"servers": [server], "rows": rows}
    template = _fragment(request) or "servers/server_rename.html"
    return render(request, template, shown | context, status=status)


def _fragment(request: MemberRequest) -> str:
    """The template of what htmx wants to swap; empty when a whole page is wanted."""
    target = (request.htmx.target or "") if request.htmx else ""  # type: ignore[attr-defined]
    return next((template for start, template in IN_PLACE.items() if target.startswith(start)), "")


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.SERVERS_RENAME)
def server_note(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    typed = request.POST if request.method == "POST" else None
    form = ServerNoteForm(typed, initial={"note": server.note, "seen": mark(server.note)})
    context: dict[str, Any] = {"form": form, "server": server}
    if not form.is_valid():
        return render(request, "servers/server_note.html", context, status=status_of(form))
    try:
        naming.server_note(request.access, server, **form.cleaned_data)
    except ChangedMeanwhile as changed:
        form.opened_on(changed.kept)
        return render(request, "servers/server_note.html", {**context, "changed": changed}, status=CONFLICT)
    messages.success(request, "The note is kept." if form.cleaned_data["note"] else "The note is gone.")
    return redirect("servers:server_detail", request.access.team.slug, server.pk)
