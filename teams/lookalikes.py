"""Names that a person could take for somebody else's. Such a name is allowed, and flagged wherever it stands."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache


def resembled_by_each(names: Sequence[str]) -> list[str]:
    """For each of `names` another one of them that it can be taken for; empty without one."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        for shape in _shapes(name):
            places[shape].append(place)
    return [_another(places, place, name, names) for place, name in enumerate(names)]


def _another(places: dict[str, list[int]], own: int, name: str, names: Sequence[str]) -> str:
    others = (place for shape in sorted(_shapes(name)) for place in places[shape][:2] if place != own)
    return next((names[place] for place in others), "")


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
    return "".join(_models().get(char, char) for char in text if unicodedata.category(char) != "Cf")


@cache
def _models() -> dict[str, str]:
    """For each character that looks like another one, that one. Loaded when a name is first compared: it is large."""
    from confusable_homoglyphs import confusables

    return {
        char: known[0]["c"]
        for char, known in confusables.confusables_data.items()
        if len(known) == 1 and len(char) == 1
    }
