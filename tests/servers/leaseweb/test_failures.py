from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from servers.leaseweb import errors
from servers.leaseweb.failures import complaints, correlation_id, for_exception, for_status, retry_after


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Refused),
        (401, errors.AuthError),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.Refused),
        (409, errors.Refused),
        (422, errors.Refused),
        (429, errors.RateLimited),
        (500, errors.Unavailable),
        (502, errors.Unavailable),
        (503, errors.Unavailable),
        (504, errors.Unavailable),
        (599, errors.Unavailable),
        (101, errors.BadAnswer),
        (301, errors.BadAnswer),
        (408, errors.BadAnswer),
        (418, errors.BadAnswer),
    ],
)
def test_status_makes_the_error_that_fits(status: int, kind: type[errors.LeasewebError]) -> None:
    error = for_status(status, None)
    assert type(error) is kind
    assert error.status == status
    assert error.code == ("redirect" if status == 301 else f"http_{status}")
    assert error.message == ""


@pytest.mark.parametrize("code", [404, "404"])
def test_error_code_may_be_a_number_or_a_string(code: Any) -> None:
    assert for_status(404, {"errorCode": code}).code == "404"


def test_error_prefers_the_message_for_users() -> None:
    body = {
        "errorCode": 404,
        "errorMessage": "Resource '218030' was not found",
        "userMessage": "Resource with id '218030' not found.",
        "reference": "https://www.leaseweb.com/contact",
    }
    assert for_status(404, body).message == "Resource with id '218030' not found."
    assert for_status(404, {**body, "userMessage": ""}).message == "Resource '218030' was not found"


@pytest.mark.parametrize("body", [None, [], "text", 5, {"errorMessage": None}, {"errorMessage": {"a": 1}}])
def test_error_survives_a_body_of_any_shape(body: Any) -> None:
    assert for_status(500, body).message == ""


def test_error_message_is_one_bounded_line() -> None:
    error = for_status(500, {"errorMessage": "a\r\nb\x00" + "x" * 1000, "errorCode": "C\n" + "x" * 1000})
    assert error.message.startswith("a b x")
    assert len(error.message) == 500
    assert error.code.startswith("C x")
    assert len(error.code) == 100


@pytest.mark.parametrize(
    ("details", "found"),
    [
        (None, {}),
        ({}, {}),
        ([], {}),
        ("general", {"": ("general",)}),
        (["one", "two"], {"": ("one", "two")}),
        ({"name": ["too long", "taken"]}, {"name": ("too long", "taken")}),
        ({"name": "too long"}, {"name": ("too long",)}),
        ({"contract.term": ["bad"]}, {"contract.term": ("bad",)}),
        ({"a": {"b": ["bad"], "c": {"d": "worse"}}}, {"a.b": ("bad",), "a.c.d": ("worse",)}),
        ({"a": [{"b": ["deep"]}, None, 5]}, {"a.b": ("deep",), "a": ("5",)}),
    ],
)  # fmt: skip
def test_error_details_are_flattened(details: Any, found: dict[str, tuple[str, ...]]) -> None:
    assert complaints(details) == found
    assert for_status(400, {"errorDetails": details}).details == found


def test_error_details_are_bounded() -> None:
    found = complaints({f"field{number}": ["x" * 900] * 30 for number in range(60)})
    assert len(found) == 50
    assert {(len(texts), len(texts[0])) for texts in found.values()} == {(20, 500)}


def test_correlation_id_comes_from_the_header_else_the_body() -> None:
    assert correlation_id("from-header", {"correlationId": "from-body"}) == "from-header"
    assert correlation_id(None, {"correlationId": "from-body"}) == "from-body"
    assert correlation_id(None, None) == ""
    assert correlation_id("a\x7fb" + "x" * 500, None) == "a b" + "x" * 97


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("30", 30.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("601", 600.0),
        ("9" * 18, 600.0),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("soon", None),
        ("x" * 1000, None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 600.0),
        ("Fri, 99 Foo 9999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_read_and_bounded(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_takes_a_date() -> None:
    found = retry_after(formatdate(time.time() + 500, usegmt=True))
    assert found is not None
    assert 200 < found <= 500


@pytest.mark.parametrize(
    ("exc", "kind", "code"),
    [
        (httpx.ConnectTimeout("x"), errors.Unreachable, "connect_timeout"),
        (httpx.ConnectError("x"), errors.Unreachable, "connect_failed"),
        (httpx.UnsupportedProtocol("x"), errors.Unreachable, "connect_failed"),
        (httpx.ReadTimeout("x"), errors.NoAnswer, "read_timeout"),
        (httpx.WriteTimeout("x"), errors.NoAnswer, "write_failed"),
        (httpx.ReadError("x"), errors.NoAnswer, "reset"),
        (
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            errors.NoAnswer,
            "reset",
        ),
        (httpx.RemoteProtocolError("illegal status line"), errors.BadAnswer, "protocol_error"),
        (httpx.LocalProtocolError("x"), errors.BadAnswer, "protocol_error"),
        (OSError("x"), errors.NoAnswer, "reset"),
    ],
)
def test_exceptions_of_the_library_become_ours(
    exc: Exception, kind: type[errors.LeasewebError], code: str
) -> None:
    error = for_exception(exc)
    assert (type(error), error.code) == (kind, code)


def all_errors() -> list[type[errors.LeasewebError]]:
    return errors.LeasewebError.__subclasses__()


@pytest.mark.parametrize("kind", all_errors())
def test_plain_words_say_what_happened_and_what_to_do(kind: type[errors.LeasewebError]) -> None:
    plain = kind(code="x", status=418, correlation_id="abc").plain
    assert plain == f"{kind.sentence} {kind.advice}"
    assert not [word for word in ("418", "HTTP", "x_", "Error", "None") if word in plain]


def test_plain_words_are_different_for_every_error_and_code() -> None:
    said = [kind(code=code).plain for kind in all_errors() for code in ["", *kind.by_code]]
    assert len(said) == len(set(said)) >= 14


def test_plain_words_quote_leaseweb_and_its_complaints() -> None:
    error = errors.Refused("Validation Failed", details={"name": ("too long", "taken"), "": ("general",)})
    assert "Leaseweb says: “Validation Failed.” (name: too long, taken; general)" in error.plain


def test_error_as_text_is_for_logs() -> None:
    error = errors.NotFound("Gone.", code="404", status=404)
    assert str(error) == "status 404: 404: Gone."
    assert str(errors.NoAnswer()) == errors.NoAnswer.sentence
