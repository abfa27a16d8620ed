"""Requests that Django would trip over before any middleware: refused with the headers of every other answer."""

import io
import logging
import socket
from typing import Any

import httpx
import pytest
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import Client

from lswpanel import logs
from lswpanel.requests import PanelHandler
from tests.support.stack import Stack

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.req("X17")]
CHARSETS = (
    "idna",
    "utf-16",
    "rot13",
    "zip",
    "punycode",
    "undefined",
    "klingon",
    "ascii",
    "utf-7",
    "a\0b",
    "x" * 5000,
)
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"


def ask(method: str = "GET", *, body: bytes = b"", **environ: str) -> tuple[int, dict[str, str]]:
    """Status and headers of what the application makes of an environment as a web server may make one."""
    started: list[Any] = []
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": "/accounts/login/",
        "QUERY_STRING": "a=%ff&b=1",
        "HTTP_HOST": "localhost",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "192.0.2.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        **environ,
    }
    # As Django's own test client does: the connection is in the transaction of the test.
    request_started.disconnect(close_old_connections)
    try:
        PanelHandler()(request, lambda *words: started.append(words))
    finally:
        request_started.connect(close_old_connections)
    status, headers = started[0][:2]
    return int(status.split()[0]), dict(headers)


def refused(method: str = "GET", **given: Any) -> None:
    status, headers = ask(method, **given)
    assert status == 400
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-ID"]


@pytest.mark.parametrize("charset", CHARSETS, ids=lambda name: name[:10])
@pytest.mark.parametrize("kind", ["text/x", FORM, MULTIPART])
def test_body_in_another_encoding_is_refused(charset: str, kind: str) -> None:
    for method in ("GET", "POST"):
        refused(method, body=b"login=a", CONTENT_TYPE=f"{kind}; charset={charset}")


@pytest.mark.parametrize("charset", ["klingon''x", "idna''x%ff", "rot13''%ff"])
def test_encoding_of_the_name_of_the_encoding_is_refused(charset: str) -> None:
    refused(CONTENT_TYPE=f"text/x; charset*={charset}")


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", '"UTF-8"'])
def test_utf_8_is_taken_under_each_of_its_names(charset: str) -> None:
    assert ask(CONTENT_TYPE=f"{FORM}; charset={charset}")[0] == 200


def test_too_many_fields_are_refused_beside_an_encoding_too() -> None:
    query = "&".join(f"a{number}=1" for number in range(300))
    refused(QUERY_STRING=query, CONTENT_TYPE="text/x; charset=utf-8")


@pytest.mark.parametrize("name", ["//x", "/x", "x", "\xff", "//evil.example"])
def test_another_place_than_the_root_is_refused(name: str) -> None:
    refused(SCRIPT_NAME=name)


@pytest.mark.parametrize("variable", ["SCRIPT_URL", "REDIRECT_URL"])
def test_what_other_servers_say_about_the_place_is_not_read(variable: str) -> None:
    assert ask(**{variable: "/\xff//x"})[0] == 200


@pytest.mark.processes
def test_web_server_takes_no_place_from_a_header(stack: Stack) -> None:
    url = stack.web()
    for headers in (
        {"SCRIPT_NAME": "//x"},
        {"SCRIPT_NAME": "/accounts"},
        {"PATH_INFO": "/profile/"},
        {"Content-Type": "text/x; charset=idna"},
    ):
        answer = httpx.get(f"{url}/accounts/login/", headers=headers, timeout=60)
        assert (answer.status_code, answer.headers["X-Frame-Options"]) == (400, "DENY")


# --- What of it is logged ------------------------------------------------------------------------------------


def record(name: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, "said %s", ("so",), (ValueError, ValueError(), None))


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the log, in minutes; a test sets it."""
    now = [5.0]
    monkeypatch.setattr("lswpanel.logs.time.monotonic", lambda: now[0] * 60)
    return now


@pytest.mark.parametrize(
    "name", ["django.security.DisallowedHost", "django.request", "gunicorn.error", "lswpanel.csp"]
)
def test_log_takes_a_few_a_minute_of_what_strangers_cause(name: str, minute: list[float]) -> None:
    sampled = logs.Sampled()
    taken = [sampled.filter(record(name)) for _ in range(logs.MOST_A_MINUTE + 30)]
    assert taken == [True] * logs.MOST_A_MINUTE + [False] * 30
    minute[0] += 1
    later = record(name)
    assert sampled.filter(later)
    assert "30 more" in later.getMessage()
    assert later.exc_info is None


@pytest.mark.parametrize("name", logs.OWN_FAULTS)
def test_log_takes_all_of_what_is_our_own_fault(name: str) -> None:
    sampled = logs.Sampled()
    assert all(sampled.filter(record(name, logging.ERROR)) for _ in range(100))
    assert all(sampled.filter(record("jobs.engine")) for _ in range(100))
    error = record(name, logging.ERROR)
    assert sampled.filter(error)
    assert error.exc_info


def test_report_of_a_browser_is_logged_in_part(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert client.post("/csp-report/", b"x" * 9000, content_type="application/csp-report").status_code == 204
    assert (
        client.post("/csp-report/", b"y" * 20_000, content_type="application/csp-report").status_code == 413
    )
    (said,) = [each for each in caplog.records if each.name == "lswpanel.csp"]
    assert 1000 <= len(str(said.msg)) < 1300


@pytest.mark.processes
def test_log_of_the_web_server_takes_a_few_of_each(stack: Stack) -> None:
    """Reports go through the panel's log, requests that are none through gunicorn's."""
    url, many = stack.web(), 3 * logs.MOST_A_MINUTE
    with httpx.Client(base_url=url, timeout=60) as stranger:
        for _ in range(many):
            assert stranger.post("/csp-report/", content=b"{}").status_code == 204
    for _ in range(many):
        with socket.create_connection(("127.0.0.1", httpx.URL(url).port), timeout=60) as client:
            client.sendall(b"NONSENSE\r\n\r\n")
            assert b" 400 " in client.recv(1000)
    for said in ("csp report", "Invalid request"):
        # Two minutes may have begun meanwhile.
        assert 0 < stack.web_server.log.count(said) <= 2 * logs.MOST_A_MINUTE
