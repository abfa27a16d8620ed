"""A value that must not show up anywhere by accident."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NoReturn

KEY_MIN_LENGTH = 8
KEY_MAX_LENGTH = 256
_PRINTABLE = re.compile(r"[\x21-\x7e]*")
_HEX_WORD = re.compile(r"[0-9a-fA-F]{20,}")
_LONG_RUN = re.compile(r"[0-9a-zA-Z]{16,}")
_LETTER_MEETS_DIGIT = re.compile(r"(?<=[a-zA-Z])(?=[0-9])|(?<=[0-9])(?=[a-zA-Z])")
_FEWEST_MEETINGS = 3


def looks_like_key(name: str) -> bool:
    """Whether a name is rather an API key that was pasted into the wrong field.

    A word of twenty hex digits or more, separators aside, or a long one that mixes letters and digits: Leaseweb
    tells no shape of its keys, and people call nothing by such words.
    """
    return any(_is_random(word) for word in name.split())


def _is_random(word: str) -> bool:
    if _HEX_WORD.fullmatch(re.sub(r"[-_.:]", "", word)):
        return True
    runs = _LONG_RUN.findall(word)
    return any(len(_LETTER_MEETS_DIGIT.findall(run)) >= _FEWEST_MEETINGS for run in runs)


class Secret:
    """Holds an API key or a password; shows `<secret>` wherever it is printed.

    It cannot be pickled, copied or hashed, so it reaches no broker, cache or session. Two secrets compare
    in constant time. Only `reveal()` gives the value back (K4).
    """

    __slots__ = ("__value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        self.__value = value

    @classmethod
    def api_key(cls, text: str) -> Secret:
        """What a person typed as an API key, checked and wrapped (K3).

        Leaseweb keys are opaque, so no shape is demanded beyond what an HTTP header can carry: raises ValueError
        unless it is 8 to 256 characters of printable ASCII without spaces. The message never contains the text.
        """
        secret = cls(text)
        del text  # a traceback with local variables must not show it
        problem = secret._problem_as_key()
        if problem:
            raise ValueError(problem)
        return secret

    def reveal(self) -> str:
        """The value itself."""
        return self.__value

    def hidden_in(self, text: str) -> str:
        """The text with `<secret>` wherever the value stood, for words of others that may quote it."""
        return text.replace(self.__value, repr(self)) if self.__value else text

    def fits_header(self) -> bool:
        """Whether the value can be sent as an HTTP header: not empty, printable ASCII, no spaces."""
        return bool(self.__value) and _PRINTABLE.fullmatch(self.__value) is not None

    def _problem_as_key(self) -> str:
        if not KEY_MIN_LENGTH <= len(self.__value) <= KEY_MAX_LENGTH:
            return f"An API key has {KEY_MIN_LENGTH} to {KEY_MAX_LENGTH} characters."
        if not self.fits_header():
            return "An API key consists of plain letters, digits and signs, without spaces or line breaks."
        return ""

    def _digest(self) -> bytes:
        return hashlib.sha256(self.__value.encode("utf-8", "surrogatepass")).digest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._digest(), other._digest())

    def __repr__(self) -> str:
        return "<secret>"

    def __format__(self, format_spec: str) -> str:
        return "<secret>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")
