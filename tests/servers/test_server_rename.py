"""Renaming a server: on a page of its own, and in place where its name stands."""

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from servers.models import Server
from teams.models import User
from tests.cast import ClientOf
from tests.support.answers import arrange
from tests.support.engine_room import EngineRoom
from tests.support.pages import HOSTILE, same_queries, text_of


@pytest.fixture
def server(room: EngineRoom) -> Server:
    return room.server()


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


def url(server: Server) -> str:
    return f"/t/north-ops/servers/{server.pk}/rename/"


def in_place(server: Server, place: str = "row") -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": f"server-{place}-{server.pk}"}


def renames(room: EngineRoom) -> int:
    return len(room.sim.journal.entries("updateServer"))


def test_server_rename_shows_the_name_and_what_an_empty_one_does(browser: Client, server: Server) -> None:
    page = browser.get(url(server))
    assert page.status_code == 200
    assert f'value="{server.reference}"' in page.content.decode()
    assert f"shown as “Server {server.upstream_id}”" in text_of(page.content)


def test_server_rename_renames_and_says_so(browser: Client, room: EngineRoom, server: Server) -> None:
    page = browser.post(url(server), {"reference": "  shop \n front "}, follow=True)
    assert page.redirect_chain == [(f"/t/north-ops/servers/{server.pk}/", 302)]
    assert "The server is called “shop front” now." in text_of(page.content)
    (entry,) = room.sim.journal.entries("updateServer")
    assert (entry.server, entry.detail) == (server.upstream_id, {"reference": "shop front"})


def test_server_rename_takes_a_name_off(browser: Client, room: EngineRoom, server: Server) -> None:
    page = browser.post(url(server), {"reference": ""}, follow=True)
    assert f"the server is shown as “Server {server.upstream_id}”" in text_of(page.content)
    assert room.sim.world.server(server.upstream_id).reference == ""


def test_server_rename_twice_has_no_second_effect(browser: Client, room: EngineRoom, server: Server) -> None:
    for _ in range(2):
        assert browser.post(url(server), {"reference": "shop front"}).status_code == 302
    assert renames(room) == 1


def test_server_rename_that_was_refused_says_why_and_keeps_what_was_typed(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    arrange(room.sim, "409", "updateServer")
    page = browser.post(url(server), {"reference": "shop front"})
    assert page.status_code == 422
    shown = text_of(page.content)
    assert "“The server has another task; try again later.”" in shown
    assert room.sim.journal.entries("updateServer")[0].correlation_id in shown
    assert 'value="shop front"' in page.content.decode()


def test_server_rename_that_was_not_confirmed_says_so(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    arrange(room.sim, "cut after sending", "updateServer")
    page = browser.post(url(server), {"reference": "shop front"}, follow=True)
    shown = text_of(page.content)
    assert "Leaseweb did not confirm it" in shown
    assert "The next reading shows which name the server has." in shown
    assert "reading…" in shown
    assert renames(room) == 1


def test_server_rename_with_an_answer_that_shows_more_says_that_it_is_read(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    room.set_state(server, "STOPPED")
    page = browser.post(url(server), {"reference": "shop front"}, follow=True)
    assert "Leaseweb accepted the name; it shows here with the next reading." in text_of(page.content)


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [("x" * 256, "at most 255 characters (it has 256)"), ("a\0b", "Null characters are not allowed.")],
)
def test_server_rename_complains_in_place(
    browser: Client, room: EngineRoom, server: Server, typed: str, complaint: str
) -> None:
    page = browser.post(url(server), {"reference": typed})
    assert page.status_code == 422
    assert complaint in text_of(page.content)
    assert renames(room) == 0


@pytest.mark.req("X12")
def test_server_rename_escapes_names(browser: Client, server: Server) -> None:
    for text in HOSTILE:
        Server.objects.filter(pk=server.pk).update(reference=text, shown_name=text[:200])
        for headers in ({}, in_place(server), in_place(server, "head")):
            page = browser.get(url(server), headers=headers).content
            assert b"<script>alert" not in page
            assert b"<img src=x" not in page


def test_server_rename_of_a_gone_server_offers_nothing(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    Server.objects.filter(pk=server.pk).update(gone_at=timezone.now())
    for page in (browser.get(url(server)), browser.post(url(server), {"reference": "shop front"})):
        assert "Leaseweb has not listed this server since" in text_of(page.content)
        assert b"disabled" in page.content
    assert renames(room) == 0


# --- In place ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "start"), [("row", '<tr id="server-row-'), ("head", '<header class="page-head"')]
)
def test_server_rename_in_place_swaps_what_shows_the_name(
    browser: Client, room: EngineRoom, server: Server, place: str, start: str
) -> None:
    form = browser.get(url(server), headers=in_place(server, place)).content.decode().strip()
    assert form.startswith(start)
    assert f'hx-target="#server-{place}-{server.pk}"' in form
    assert f'value="{server.reference}"' in form
    answer = browser.post(url(server), {"reference": "shop front"}, headers=in_place(server, place))
    shown = answer.content.decode().strip()
    assert (answer.status_code, shown.startswith(start)) == (200, True)
    assert "The server is called “shop front” now." in shown
    assert "<form" not in shown
    assert "power_off" in shown if place == "row" else "<h1><bdi>shop front</bdi></h1>" in shown
    assert renames(room) == 1


def test_server_rename_in_place_keeps_the_form_when_something_is_wrong(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    page = browser.post(url(server), {"reference": "x" * 256}, headers=in_place(server))
    assert page.status_code == 422
    assert "at most 255 characters" in text_of(page.content)
    arrange(room.sim, "409", "updateServer")
    page = browser.post(url(server), {"reference": "shop front"}, headers=in_place(server))
    assert (page.status_code, 'value="shop front"' in page.content.decode()) == (422, True)
    assert "“The server has another task; try again later.”" in text_of(page.content)


def test_server_rename_in_place_that_was_not_confirmed_says_so(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    arrange(room.sim, "cut after sending", "updateServer")
    page = browser.post(url(server), {"reference": "shop front"}, headers=in_place(server))
    assert page.status_code == 200
    assert "The next reading shows which name the server has." in text_of(page.content)


# --- Who --------------------------------------------------------------------------------------------------------


def test_server_rename_is_not_for_those_who_only_look(
    client_of: ClientOf, room: EngineRoom, server: Server, viewer: User, auditor: User, outsider: User
) -> None:
    for person, status in ((viewer, 403), (auditor, 403), (outsider, 404)):
        browser = client_of(person)
        assert browser.get(url(server)).status_code == status
        assert browser.post(url(server), {"reference": "mine"}).status_code == status
    assert renames(room) == 0
    assert not AuditEvent.objects.filter(action="server.rename").exists()


def test_server_rename_refuses_other_methods(browser: Client, server: Server) -> None:
    assert browser.delete(url(server)).status_code == 405


def test_names_offer_renaming_to_those_who_may(
    browser: Client, client_of: ClientOf, viewer: User, server: Server
) -> None:
    list_url, page_url = "/t/north-ops/servers/", f"/t/north-ops/servers/{server.pk}/"
    for address in (list_url, page_url):
        assert url(server) in browser.get(address).content.decode()
        assert url(server) not in client_of(viewer).get(address).content.decode()
    assert "it does not include “Rename servers”" in client_of(viewer).get(page_url).content.decode()


def test_second_of_two_names_is_asked_about(browser: Client, room: EngineRoom, server: Server) -> None:
    address = url(server)
    opened = browser.get(address).context["form"]["seen"].value()
    assert browser.post(address, {"reference": "shop front", "seen": opened}).status_code == 302
    page = browser.post(address, {"reference": "shop back", "seen": opened})
    assert page.status_code == 422
    assert "Somebody called it “shop front” meanwhile." in text_of(page.content)
    assert [entry.detail["reference"] for entry in room.sim.journal.entries("updateServer")] == ["shop front"]
    again = {"reference": "shop back", "seen": page.context["form"]["seen"].value()}
    assert browser.post(address, again).status_code == 302
    assert Server.objects.get(pk=server.pk).reference == "shop back"


# --- The note ---------------------------------------------------------------------------------------------------


def seen_in(browser: Client, address: str) -> str:
    """The mark of what somebody sees who opens the form now."""
    return browser.get(address).context["form"]["seen"].value()


def note_url(server: Server) -> str:
    return f"/t/north-ops/servers/{server.pk}/note/"


def test_server_note_is_kept_and_shown(browser: Client, room: EngineRoom, server: Server) -> None:
    page = browser.post(note_url(server), {"note": "rack 12\n\n<script>alert(1)</script>"}, follow=True)
    assert page.redirect_chain == [(f"/t/north-ops/servers/{server.pk}/", 302)]
    shown = page.content.decode()
    assert "The note is kept." in shown
    assert "<p>rack 12</p>" in shown
    assert "<script>alert" not in shown
    assert "rack 12" in browser.get(note_url(server)).content.decode()
    assert len(room.sim.journal.entries("updateServer")) == 0, "Leaseweb never sees it"
    page = browser.post(
        note_url(server), {"note": "", "seen": seen_in(browser, note_url(server))}, follow=True
    )
    assert "The note is gone." in text_of(page.content)
    assert "Nobody in the team has noted anything" in text_of(page.content)


def test_second_of_two_notes_is_asked_about_and_loses_neither(browser: Client, server: Server) -> None:
    theirs, mine = "rack 12", "ask Vera"
    opened = seen_in(browser, note_url(server))
    browser.post(note_url(server), {"note": theirs, "seen": opened})
    for typed in ({"note": mine, "seen": opened}, {"note": "", "seen": opened}, {"note": mine}):
        page = browser.post(note_url(server), typed)
        assert page.status_code == 409
        assert page.context["changed"].kept == theirs
        assert theirs in page.content.decode()
        assert page.context["form"]["note"].value() == typed["note"]
        assert Server.objects.get(pk=server.pk).note == theirs
    again = {"note": mine, "seen": page.context["form"]["seen"].value()}
    assert browser.post(note_url(server), again).status_code == 302
    assert Server.objects.get(pk=server.pk).note == mine


def test_missing_field_is_an_error_and_an_empty_one_a_wish(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    browser.post(note_url(server), {"note": "rack 12"})
    for address in (url(server), note_url(server)):
        for form in ({}, {"referenc": "x"}, {"seen": seen_in(browser, note_url(server))}):
            assert browser.post(address, form).status_code == 422
    kept = Server.objects.get(pk=server.pk)
    assert (kept.note, kept.reference) == ("rack 12", server.reference)
    assert len(room.sim.journal.entries("updateServer")) == 0
    browser.post(url(server), {"reference": ""})
    assert len(room.sim.journal.entries("updateServer")) == 1


def test_server_note_complains_in_place(browser: Client, server: Server) -> None:
    page = browser.post(note_url(server), {"note": "x" * 2001})
    assert page.status_code == 422
    assert "at most 2000 characters (it has 2001)" in text_of(page.content)
    assert "x" * 2001 in page.content.decode(), "nothing is lost"
    assert Server.objects.get(pk=server.pk).note == ""


def test_server_note_is_not_for_those_who_only_look(
    client_of: ClientOf, server: Server, viewer: User, outsider: User
) -> None:
    for person, status in ((viewer, 403), (outsider, 404)):
        browser = client_of(person)
        assert browser.get(note_url(server)).status_code == status
        assert browser.post(note_url(server), {"note": "mine"}).status_code == status
    assert browser.put(note_url(server)).status_code in (404, 405)
    assert Server.objects.get(pk=server.pk).note == ""


def test_fragment_of_a_line_takes_the_same_queries_for_any_number_of_servers(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    def more() -> None:
        room.sim.world.add_servers(room.sim.world.account("main"), count=30)

    same_queries(browser, url(server), more)
