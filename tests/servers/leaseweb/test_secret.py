from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest

from servers.leaseweb.errors import Refused
from servers.leaseweb.secret import Secret, looks_like_key

VALUE = "hunter2-hunter2"


@pytest.mark.req("K4")
def test_secret_shows_nothing_wherever_it_is_printed() -> None:
    secret = Secret(VALUE)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        f"{[secret]}",
        "%s %r" % (secret, secret),  # noqa: UP031 - logging formats like this
    ]
    assert not [text for text in shown if VALUE in text]
    assert str(secret) == "<secret>"


@pytest.mark.req("K4")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_secret_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(VALUE), protocol)


@pytest.mark.req("K4")
def test_secret_cannot_be_copied_hashed_or_made_json() -> None:
    for leak in (copy.copy, copy.deepcopy, hash, json.dumps):
        with pytest.raises(TypeError):
            leak(Secret(VALUE))
    with pytest.raises(TypeError):
        Secret(VALUE).__getstate__()
    assert not hasattr(Secret(VALUE), "__dict__")


def test_secret_equals_only_a_secret_of_the_same_value() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret("\ud800é") == Secret("\ud800é")
    assert Secret(VALUE) != VALUE


@pytest.mark.req("K3")
@pytest.mark.parametrize("text", ["12345678", "x" * 256, "74B196B1-0000-4444-8888-AAAABBBBCCCC", "!~!~!~!~"])
def test_api_key_takes_any_printable_ascii(text: str) -> None:
    assert Secret.api_key(text).reveal() == text


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "1234567",
        "x" * 257,
        "with space",
        "line\r\nbreak",
        "accénted1",
        "nul\x00nul1",
        "tab\ttab1",
        "12345678\n",
    ],
)
def test_api_key_refuses_other_texts_without_quoting_them(text: str) -> None:
    with pytest.raises(ValueError, match="An API key") as caught:
        Secret.api_key(text)
    assert not text or text not in str(caught.value)


@pytest.mark.req("K4")
def test_api_key_keeps_a_refused_text_out_of_the_local_variables() -> None:
    def refuse() -> str:
        try:
            Secret.api_key("".join(("se", "cret ", "text")))
        except ValueError as error:
            return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        return ""

    shown = refuse()
    assert "ValueError" in shown
    assert "secret text" not in shown


@pytest.mark.req("A9")
def test_words_of_others_are_shown_without_the_secret() -> None:
    error = Refused(
        f"No {VALUE}",
        code=VALUE,
        status=400,
        correlation_id="c-1",
        details={VALUE: (f"{VALUE}!",)},
        retry_after=3.0,
    )
    hidden = error.hiding(Secret("another"), Secret(VALUE), Secret(""))
    assert (hidden.message, hidden.code, hidden.details) == (
        "No <secret>",
        "<secret>",
        {"<secret>": ("<secret>!",)},
    )
    assert (type(hidden), hidden.status, hidden.correlation_id, hidden.retry_after) == (
        Refused,
        400,
        "c-1",
        3.0,
    )
    assert VALUE not in repr(hidden) + hidden.plain


@pytest.mark.parametrize(
    "name",
    [
        "1f0c8e52-7a1b-4c3d-9e4f-5a6b7c8d9e0f",
        "1F0C8E527A1B4C3D9E4F5A6B7C8D9E0F",
        "213423-2134234-234234-23424",
        "the key aB3dE5fG7hI9jK1lM3nO5",
    ],
)
def test_name_that_is_rather_a_key(name: str) -> None:
    assert looks_like_key(name)


@pytest.mark.parametrize(
    "name",
    [
        "Main account",
        "production-account-eu-west-2024",
        "ProductionAccount2024",
        "Customer 10012345",
        "web01.ams.example.com",
        "Hauptkonto",
        "",
    ],
)
def test_name_that_is_a_name(name: str) -> None:
    assert not looks_like_key(name)
