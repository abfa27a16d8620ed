"""Requests that no page of ours makes: whatever comes in, nothing breaks, nothing happens, and it is said."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from jobs.models import Job
from servers.models import ApiKey, Server
from teams import services
from teams.models import Membership, Team, User
from tests.cast import ClientOf, MakeApiKey, MakeEntries, MakeJob, MakeServer
from tests.support.pages import text_of
from tests.support.proof import prove

pytestmark = pytest.mark.django_db
PASSWORD = "a long walk along the canal"
# As they stand in an address, percent-encoded.
VALUES = {
    "empty": "",
    "zero": "0",
    "negative": "-1",
    "huge": "9" * 40,
    "beyond bigint": str(2**63),
    "float": "1e9",
    "NaN": "NaN",
    "Arabic digits": "%D9%A1%D9%A2%D9%A3",
    "superscript": "%C2%B2",
    "NUL": "a%00b",
    "invalid UTF-8": "%ff%fe%80",
    "overlong UTF-8": "%c0%af",
    "lone surrogate": "%ed%a0%80",
    "line breaks": "a%0d%0aSet-Cookie:%20x=y",
    "markup": "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "SQL": "'%20OR%201=1%20--%20",
    "wildcards": "%25_%5C",
    "JSON": "%7B%22a%22:%5B1,2%5D%7D",
    "cursor of nothing": "bnVsbA",
    "cursor of too much": "WzEsMiwzLDQsNSw2XQ",
    "cursor of a list": "W1sxXSxbMl1d",
    "cursor of NUL": "WyJcdTAwMDAiLDFd",
    "cursor of infinity": "W0luZmluaXR5LEluZmluaXR5XQ",
    "deep cursor": "W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tb",
    "long": "x" * 20_000,
}
LISTS = {
    "servers/": ("q", "state", "place", "template", "key", "gone", "live", "sort", "after", "before"),
    "jobs/": ("status", "kind", "person", "server", "mine", "after", "before"),
    "audit/": ("action", "actor", "outcome", "server", "after", "before"),
    "changes/": ("since", "page", "ids", "shown"),
    "external/": ("what", "server", "after", "before"),
    "snapshots/": ("q", "state", "older", "gone", "server", "sort", "after", "before"),
    "servers/{server}/jobs/new/power_on/": ("again",),
    "servers/{server}/jobs/new/snapshot_create/": ("again", "snapshot", "q"),
    "servers/{server}/traffic/": ("range", "granularity"),
    "traffic/": ("sort",),
}
# Each of these decides whether the others of its page are looked at, so it comes alone.
ALONE = {"after", "before", *LISTS["changes/"]}
QUERIES = [(page, (name,)) for page, names in LISTS.items() for name in names if name in ALONE]
QUERIES += [(page, tuple(name for name in names if name not in ALONE)) for page, names in LISTS.items()]
KINDS = (
    "",
    "POWER_ON",
    "powerOn",
    "snapshotCreate",
    "delete_everything",
    "power_on%00",
    "..",
    "%ff",
    "x" * 3000,
)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team, state="STOPPED", traffic_limit=None)


@pytest.fixture
def browser(owner: User, server: Server, client_of: ClientOf) -> Client:
    """The owner's; an exception in a view fails the test by itself."""
    return prove(client_of(owner), owner)


# --- Addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "names"),
    [(page, names) for page, names in QUERIES if names],
    ids=lambda part: "".join(part)[:40],
)
def test_absurd_query_is_answered_as_if_it_were_not_there(
    page: str, names: tuple[str, ...], browser: Client, server: Server
) -> None:
    """Every name is given every value once, each time beside other values of the other names."""
    values = list(VALUES.values())
    more = "&since=0&page=servers" if page == "changes/" and not {"since", "page"} & set(names) else ""
    for first in range(len(values)):
        query = "&".join(f"{name}={values[first - place]}" for place, name in enumerate(names))
        answer = browser.get(f"/t/north-ops/{page.format(server=server.pk)}?{query}{more}")
        assert answer.status_code in ((200, 204, 404) if page == "changes/" else (200,)), query
        assert b"<script>alert" not in answer.content
        assert "Set-Cookie:" not in str(answer.headers)


@pytest.mark.parametrize("page", LISTS)
def test_everything_at_once_is_no_trouble_either(page: str, browser: Client, server: Server) -> None:
    """More than 200 fields are refused, as in a form."""
    query = "&".join(f"{name}={value}" for name in LISTS[page] for value in list(VALUES.values())[:-1])
    answer = browser.get(f"/t/north-ops/{page.format(server=server.pk)}?{query}")
    assert answer.status_code == (400 if query.count("&") >= 200 else 404 if page == "changes/" else 200)


@pytest.mark.parametrize("number", ["0", "9" * 40, str(2**63), str(2**63 - 1)])
@pytest.mark.parametrize(
    "page",
    [
        "servers/{}/",
        "servers/{}/jobs/new/power_on/",
        "servers/{}/traffic/",
        "servers/{}/traffic/csv/",
        "servers/{}/traffic/limit/",
        "servers/{}/rename/",
        "servers/{}/note/",
        "servers/{}/credentials/",
        "servers/{}/credentials/reveal/",
        "servers/{}/snapshots/",
        "jobs/{}/",
        "api-keys/{}/rename/",
        "api-keys/{}/remove/",
        "audit/{}/",
    ],
)
def test_impossible_number_is_not_found(page: str, number: str, browser: Client) -> None:
    answer = browser.get(f"/t/north-ops/{page.format(number)}")
    assert answer.status_code == 404
    assert "There is no such page" in text_of(answer.content)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_unknown_kind_is_not_found(kind: str, method: str, browser: Client, server: Server) -> None:
    address = f"/t/north-ops/servers/{server.pk}/jobs/new/{kind}/"
    assert getattr(browser, method)(address, {"client_token": str(uuid4())}).status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "path", ["/%00", "/t/%ff/", "/t/north-ops%00/", "/t/../../etc/passwd", "/" + "x" * 5000]
)
def test_absurd_path_is_not_found(path: str, browser: Client) -> None:
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize("token", ["x", "%00", "%ff", "x" * 5000, "..%2f.."])
def test_made_up_setup_link_opens_nothing(token: str, client: Client) -> None:
    services.setup_link_create()
    form = {"name": "Eve", "email": "eve@example.com", "password": PASSWORD, "team_name": "Eve"}
    for answer in (client.get(f"/setup/{token}/"), client.post(f"/setup/{token}/", form)):
        assert answer.status_code == 404
    assert not User.objects.exists()


# --- Bodies -------------------------------------------------------------------------------------------------

FORMS = (
    "/profile/",
    "/accounts/login/",
    "/accounts/confirm/",
    "/accounts/password/change/",
    "/t/north-ops/api-keys/new/",
    "/t/north-ops/api-keys/{key}/rename/",
    "/t/north-ops/jobs/{job}/settle/",
    "/t/north-ops/servers/{server}/jobs/new/power_on/",
    "/t/north-ops/servers/{server}/traffic/limit/",
)
RUBBISH = ("a\0b", "\ud800", "\u202e", "x" * 10_000, "[]", "-1", "\r\n\r\n")
FIELDS = [
    "name",
    "time_zone",
    "theme",
    "login",
    "email",
    "password",
    "oldpassword",
    "password1",
    "password2",
    "next",
    "key",
    "client_token",
    "again",
    "resolution",
    "reason",
    "amount",
    "unit",
]


@pytest.fixture
def form(
    request: pytest.FixtureRequest, server: Server, make_server: MakeServer, make_job: MakeJob, owner: User
) -> str:
    """The address of a form, on an unknown job, a key, or a stopped server."""
    owner.set_password(PASSWORD)
    owner.save()
    job = make_job(make_server(server.team), status="unknown")
    return str(request.param).format(key=server.api_key_id, job=job.pk, server=server.pk)


def untouched(owner: User) -> dict[str, Any]:
    """What no such request may change. A key may be called whatever one likes."""
    return {
        "owner": User.objects.filter(pk=owner.pk).values("name", "time_zone", "theme", "password").get(),
        "jobs": list(Job.objects.order_by("pk").values("pk", "status")),
        "keys": list(ApiKey.objects.order_by("pk").values("pk", "sealed", "removed_at")),
        "members": Membership.objects.count(),
    }


@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_form_filled_with_rubbish_does_nothing(form: str, owner: User, client_of: ClientOf) -> None:
    browser = prove(client_of(owner), owner)
    before = untouched(owner)
    for value in RUBBISH:
        body = "&".join(f"{name}={_encoded(value)}" for name in FIELDS)
        answer = browser.post(form, body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (200, 302, 400, 422, 429)
        assert untouched(owner) == before


def _encoded(value: str) -> str:
    return "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogatepass"))


BODIES: dict[str, tuple[str, bytes]] = {
    "nothing": ("application/x-www-form-urlencoded", b""),
    "invalid UTF-8": ("application/x-www-form-urlencoded", b"name=%ff%fe&theme=\xff\xfe&key=\x80"),
    "300 kB": ("application/x-www-form-urlencoded", b"name=" + b"x" * 300_000),
    "300 fields": ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(300))),
    "JSON": ("application/json", json.dumps({"theme": "dark", "client_token": str(uuid4())}).encode()),
    "half a form": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; na"),
    "no boundary": ("multipart/form-data", b"--x--"),
    "a file": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="name"; filename="a.exe"\r\n\r\nMZ\r\n--x--\r\n',
    ),
    "unknown charset": ("application/x-www-form-urlencoded; charset=klingon", b"name=a"),
    "absurd type": ("a" * 5000, b"name=a"),
}


@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_absurd_body_does_nothing(form: str, owner: User, client_of: ClientOf) -> None:
    browser = prove(client_of(owner), owner)
    before = untouched(owner)
    for what, (kind, body) in BODIES.items():
        answer = browser.generic("POST", form, body, content_type=kind)
        assert answer.status_code in (200, 302, 400, 422, 429), what
        assert untouched(owner) == before, what


@pytest.mark.req("X17")
@pytest.mark.parametrize("what", ["300 kB", "300 fields", "a file"])
def test_body_beyond_the_limits_is_refused(what: str, owner: User, client_of: ClientOf) -> None:
    kind, body = BODIES[what]
    assert client_of(owner).generic("POST", "/profile/", body, content_type=kind).status_code == 400


# --- Tokens and headers -------------------------------------------------------------------------------------


@pytest.mark.req("X9")
@pytest.mark.parametrize("form", [*FORMS, "/accounts/logout/", "/t/north-ops/audit/verify/"], indirect=True)
def test_form_without_its_token_does_nothing_and_says_so(form: str, owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    browser.get("/profile/")
    before = untouched(owner)
    data = {name: "dark" for name in FIELDS} | {"client_token": str(uuid4())}
    for token in (None, "", "x", "x" * 64, "\u00e9" * 64):
        answer = browser.post(form, data if token is None else {**data, "csrfmiddlewaretoken": token})
        assert answer.status_code == 403
        assert "Nothing was done" in text_of(answer.content)
    assert untouched(owner) == before
    assert browser.get("/profile/").status_code == 200, "and nobody was signed out"
    assert not AuditEvent.objects.filter(action="audit.verify").exists()


HEADERS = (
    {"X-Request-ID": "x" * 5000},
    {"X-Request-ID": "a\tb\u00e9"},
    {"X-Forwarded-For": "not, an, address, ::::"},
    {"HX-Request": "true", "HX-Current-URL": "http://[broken"},
    {"HX-Request": "true", "HX-Current-URL": "javascript:alert(1)", "HX-Current-URL-URI-AutoEncoded": "true"},
    {"HX-Request": "true", "HX-Target": "<script>", "HX-Trigger": "\u00ff"},
    {"Referer": "http://[broken"},
    {"Referer": "https://evil.example/"},
    {"User-Agent": "\u202e" * 3000},
    {"Accept": "\u00ff"},
    {"Accept-Language": "x" * 5000},
    {"Cookie": "session=\u00ff\u00ff; csrf=<script>; messages=garbage; a"},
    {"Range": "bytes=9-1,,,"},
    {"If-Modified-Since": "yesterday"},
)


@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: next(iter(headers)))
def test_absurd_headers_are_no_trouble(headers: dict[str, str], browser: Client, client: Client) -> None:
    for address in ("/t/north-ops/servers/", "/accounts/login/"):
        for somebody in (browser, client):
            assert somebody.get(address, headers=headers).status_code in (200, 302)
    answer = browser.post("/profile/", {"theme": "dark"}, headers=headers)
    assert answer.status_code == 302
    assert "evil" not in answer["Location"]


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example", "\0"]
)
def test_login_leads_nowhere_else(address: str, owner: User, client: Client) -> None:
    owner.set_password(PASSWORD)
    owner.save()
    data = {"login": owner.email, "password": PASSWORD, "next": address}
    answer = client.post(reverse("account_login"), data)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/")
    assert "evil" not in answer["Location"]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("a\0@b.example", "x"),
        ("x" * 10_000, "x"),
        ("\ud800@b.example", "x"),
        ("a@b.example", "x" * 200_000),
        ("", ""),
    ],
)
def test_absurd_login_is_refused(email: str, password: str, client: Client) -> None:
    body = f"login={_encoded(email)}&password={_encoded(password)}"
    answer = client.post(reverse("account_login"), body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (200, 400)
    assert "_auth_user_id" not in client.session


# --- Twice, and too late ------------------------------------------------------------------------------------


def test_click_that_comes_ten_times_is_one_job(browser: Client, server: Server) -> None:
    address, token = f"/t/north-ops/servers/{server.pk}/jobs/new/power_on/", str(uuid4())
    answers = [browser.post(address, {"client_token": token}) for _ in range(10)]
    job = Job.objects.get()
    assert {answer["Location"] for answer in answers} == {f"/t/north-ops/jobs/{job.pk}/"}
    assert job.events.count() == 1
    assert AuditEvent.objects.filter(action="job.request").count() == 1


@pytest.mark.parametrize("status", ["sending", "observing", "succeeded", "failed", "resolved", "unknown"])
def test_cancelling_too_late_says_so(status: str, browser: Client, server: Server, make_job: MakeJob) -> None:
    job = make_job(server, status=status)
    answer = browser.post(f"/t/north-ops/jobs/{job.pk}/cancel/", follow=True)
    assert "Too late to cancel" in text_of(answer.content)
    job.refresh_from_db()
    assert job.status == status


@pytest.mark.parametrize("status", ["queued", "observing", "succeeded", "failed", "resolved"])
def test_settling_what_needs_none_says_so(
    status: str, browser: Client, server: Server, make_job: MakeJob
) -> None:
    job = make_job(server, status=status)
    form = {"resolution": "happened", "reason": "saw it myself"}
    answer = browser.post(f"/t/north-ops/jobs/{job.pk}/settle/", form, follow=True)
    assert "needs no settling any more" in text_of(answer.content)
    job.refresh_from_db()
    assert (job.status, job.resolution) == (status, "")


@pytest.mark.parametrize("page", ["rename/", "remove/", "refresh/"])
def test_removed_key_is_not_found(page: str, browser: Client, team: Team, make_api_key: MakeApiKey) -> None:
    key = make_api_key(team)
    assert browser.post(f"/t/north-ops/api-keys/{key.pk}/remove/").status_code == 302
    assert browser.post(f"/t/north-ops/api-keys/{key.pk}/{page}", {"name": "again"}).status_code == 404


def test_entry_beyond_the_end_of_the_trail_is_not_found(
    browser: Client, team: Team, owner: User, make_entries: MakeEntries
) -> None:
    last = make_entries(team, owner, 3)[-1]
    assert browser.get(f"/t/north-ops/audit/{last.sequence}/").status_code == 200
    assert browser.get(f"/t/north-ops/audit/{last.sequence + 1}/").status_code == 404
