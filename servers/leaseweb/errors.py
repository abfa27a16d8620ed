"""What can go wrong when talking to Leaseweb.

    LeasewebError
    ├── AuthError      401, or a key that cannot be put into a header: the API key is not accepted
    ├── Forbidden      403: the key may not do this, or the server's state forbids it
    ├── NotFound       404: unknown to this customer account
    ├── Refused        400, 405, 409, 422: understood and turned down
    ├── RateLimited    429: too many calls
    ├── Unavailable    5xx: Leaseweb, or the gateway in front of it, has trouble
    ├── Unreachable    no connection: name lookup, connect or TLS failed; nothing was sent
    ├── NoAnswer       sent, but no whole answer came back: timeout, reset
    └── BadAnswer      an answer that cannot be used: not JSON, too large, too deep, wrong shape, redirect
        └── CutShort   a list that did not come whole: what it leaves out may be there all the same

No error carries a header, a body, an API key or a password, and none has another exception as its cause:
the exceptions of the HTTP library quote header values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from servers.leaseweb.secret import Secret


class LeasewebError(Exception):
    """Base of everything this package raises for what Leaseweb or the network did.

    `message` is in Leaseweb's own words, one line of at most 500 characters; empty when it said nothing. `code` is
    Leaseweb's `errorCode` as text (it comes as a number or a string), else a word of ours such as `read_timeout` or
    `http_504`. `status` is that of HTTP, None when there was no answer; `correlation_id` what Leaseweb's support asks
    for, if known; `details` are complaints per field; `retry_after` is in seconds, at most 600.
    """

    sentence: ClassVar[str] = "The call to Leaseweb failed."
    advice: ClassVar[str] = "Try again later."
    by_code: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        status: int | None = None,
        correlation_id: str = "",
        details: Mapping[str, tuple[str, ...]] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.correlation_id = correlation_id
        self.details: dict[str, tuple[str, ...]] = dict(details or {})
        self.retry_after = retry_after

    def __str__(self) -> str:
        known = [f"status {self.status}" if self.status else "", self.code, self.message]
        return ": ".join(part for part in known if part) or self.sentence

    def hiding(self, *secrets: Secret) -> Self:
        """The same error without these values, should Leaseweb's words quote what was sent (A9)."""

        def hide(text: str) -> str:
            for secret in secrets:
                text = secret.hidden_in(text)
            return text

        return type(self)(
            hide(self.message),
            code=hide(self.code),
            status=self.status,
            correlation_id=hide(self.correlation_id),
            details={hide(field): tuple(map(hide, texts)) for field, texts in self.details.items()},
            retry_after=self.retry_after,
        )

    @property
    def plain(self) -> str:
        """What happened and what to do, for a person who does not read status codes."""
        sentence, advice = self.by_code.get(self.code, (self.sentence, self.advice))
        quoted = f"“{self.message.rstrip('.')}.”" if self.message else ""
        theirs = " ".join(part for part in (quoted, self._complaints()) if part)
        said = f"Leaseweb says: {theirs}" if theirs else ""
        return " ".join(part for part in (sentence, said, advice) if part)

    def _complaints(self) -> str:
        shown = [": ".join(filter(None, (field, ", ".join(texts)))) for field, texts in self.details.items()]
        return f"({'; '.join(shown[:3])})" if shown else ""


class AuthError(LeasewebError):
    """401, or a stored key that no HTTP header can carry (code `bad_key`)."""

    sentence = "Leaseweb does not accept this API key."
    advice = (
        "Check in the Customer Portal that the key still exists and has not expired, then enter it again or "
        "add a new one."
    )


class Forbidden(LeasewebError):
    """403: a limit of the key (method or address), or the state of the server."""

    sentence = "Leaseweb does not allow this with this API key, or not in the present state of the server."
    advice = (
        "Check the server's state first; then check in the Customer Portal whether the key is limited to "
        "reading or to certain addresses."
    )


class NotFound(LeasewebError):
    """404; also what another customer's server looks like."""

    sentence = "Leaseweb does not know this, or no longer, under this API key."
    advice = "Refresh the page: it may have been removed, or it belongs to another account."

    @property
    def told(self) -> bool:
        """Whether Leaseweb said so, and not a gateway in between, whose page names no code."""
        return self.code != "http_404"


class Refused(LeasewebError):
    """400, 405, 409 or 422: understood and turned down; asking again the same way changes nothing."""

    sentence = "Leaseweb turned the request down."
    advice = "Nothing was changed. Correct what it objects to, then try again."


class RateLimited(LeasewebError):
    """429: refused unread."""

    sentence = "Leaseweb asks us to slow down."
    advice = "Nothing was done. Wait a little and try again."


class Unavailable(LeasewebError):
    """5xx, from Leaseweb or from a gateway (then the body is often HTML)."""

    sentence = "Leaseweb has trouble answering at the moment."
    advice = "Try again in a few minutes; if it lasts, ask Leaseweb's support and quote the correlation id."


class Unreachable(LeasewebError):
    """No connection was made, so nothing was sent."""

    sentence = "The panel cannot reach Leaseweb."
    advice = "Check the network of the machine the panel runs on."
    by_code: ClassVar[Mapping[str, tuple[str, str]]] = {
        "too_late": (
            "The request could not be started in time, so it was not sent.",
            "Try again; if it happens often, the machine the panel runs on is overloaded.",
        ),
        "dns_failed": (
            "The panel cannot look up the address of Leaseweb's API.",
            "Check the name servers of the machine the panel runs on, and the configured API address.",
        ),
        "tls_failed": (
            "The panel does not trust the certificate or the encryption of the server that answered for "
            "Leaseweb; nothing was sent.",
            "Check the clock of the machine, the configured API address, and any proxy that opens encrypted "
            "traffic.",
        ),
    }


class NoAnswer(LeasewebError):
    """The request was sent and no whole answer came back; what it did is unknown."""

    sentence = "Leaseweb did not answer, or not to the end."
    advice = "If this was a change, look at the server before doing it again: it may have been carried out."


class BadAnswer(LeasewebError):
    """Something answered, but not with what the API promises."""

    sentence = "The answer that came from Leaseweb's address cannot be used."
    advice = "What the panel shows may be older than usual. If it lasts, check the configured API address."
    by_code: ClassVar[Mapping[str, tuple[str, str]]] = {
        "redirect": (
            "The server that answered for Leaseweb sent the panel to another address, which the panel never "
            "follows.",
            "Check the configured API address and any proxy in between.",
        ),
        "too_large": (
            "The answer from Leaseweb was larger than the panel accepts.",
            "Try again later; if it lasts, report it together with the correlation id.",
        ),
    }


class CutShort(BadAnswer):
    """A list that was not read to its end, or with entries that could not be read."""

    sentence = "Leaseweb's list did not come whole, so something may be missing."
    advice = "It is read again by itself."
