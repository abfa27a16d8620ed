"""Names that a person could take for somebody else's. Such a name is allowed, and flagged wherever it stands."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from confusable_homoglyphs.utils import load

# Drawn as nothing, or as a space, though they are letters, marks and signs.
UNSEEN = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
UNSEEN |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}


class Crowd:
    """People by their ids, to look up whose name one can be taken for, however many names are looked up.

    `also`: what else they go by, such as their addresses.
    """

    def __init__(self, names: Mapping[int, str], also: Mapping[int, Sequence[str]] = {}) -> None:
        self._names = names
        self._by_shape: dict[str, list[int]] = defaultdict(list)
        for pk, name in names.items():
            for shape in _shapes(name).union(*map(_shapes, also.get(pk, ()))):
                self._by_shape[shape].append(pk)

    def resembled(self, name: str, *, own: int) -> str:
        """The name of somebody else than `own` that `name` can be taken for; empty without one."""
        known = (self._by_shape.get(shape, []) for shape in sorted(_shapes(name)))
        others = (pk for pks in known for pk in pks[:2] if pk != own)
        return next((self._names[pk] for pk in others), "")


def resembled(name: str, others: Iterable[str]) -> str:
    """The first of `others` that `name` can be taken for, with other letters or the very same; empty without one."""
    shapes = _shapes(name)
    return next((other for other in others if shapes & _shapes(other)), "")


@lru_cache(maxsize=4096)
def _shapes(name: str) -> frozenset[str]:
    """What `name` looks like, whatever its case: a capital I is like an l, and a small one like nothing but itself."""
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    return frozenset({_skeleton(plain).casefold(), _skeleton(plain.casefold()).casefold()})


def _skeleton(text: str) -> str:
    return "".join(_models().get(char, char) for char in text if not _unseen(char))


def _unseen(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or ord(char) in UNSEEN


@cache
def _models() -> dict[str, str]:
    """For each character that looks like another one, that one.

    Read when a name is first compared, past the module that would keep the whole table in memory for ever.
    """
    table = load("confusables.json").items()
    return {char: known[0]["c"] for char, known in table if len(known) == 1 and len(char) == 1}
