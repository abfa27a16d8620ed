from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest

from servers.leaseweb.errors import Refused
from servers.leaseweb.secret import Secret

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
