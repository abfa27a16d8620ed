"""How names sort and are found: as people expect, and the same on every database."""

import re
import unicodedata
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

LONGEST_KEY = 200
LONGEST_SEARCHED = 1000
_NUMBER = re.compile(r"\d+")


def folded(text: str) -> str:
    """What all spellings of a text have in common: no case, no accents, no compatibility forms."""
    spelled = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in spelled if unicodedata.category(char) != "Mn")


def sort_key(text: str) -> str:
    """What a name is sorted by: web2 comes before web10, and Ä stands near A. Names alike have the same key."""
    return _NUMBER.sub(_by_size, folded(text))[:LONGEST_KEY]


def search_key(text: str) -> str:
    """What a text is searched in, by the folded words that somebody looks for."""
    return folded(text)[:LONGEST_SEARCHED]


def _by_size(digits: re.Match[str]) -> str:
    """A number after how long it is, so that comparing texts compares numbers."""
    number = str(int(digits[0]))
    return f"{min(len(number), 99):02}{number}"


class BytewiseField(models.CharField):
    """Text that sorts by its code points, as SQLite does; PostgreSQL would sort by the language it was made with."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        collation = {"collation": "C"} if connection.vendor == "postgresql" else {}
        return {**super().db_parameters(connection), **collation}


class _DerivedField(BytewiseField):
    """Follows the field called `of` when a row is made or saved; an UPDATE has to set both."""

    @staticmethod
    def derive(text: str) -> str:
        raise NotImplementedError

    def __init__(self, *, of: str, **options: Any) -> None:
        self.of = of
        super().__init__(**{"editable": False, "default": "", **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = type(self).derive(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "of": self.of}


class SortKeyField(_DerivedField):
    derive = staticmethod(sort_key)

    def __init__(self, *, of: str, **options: Any) -> None:
        super().__init__(of=of, **{"max_length": LONGEST_KEY, **options})


class SearchKeyField(_DerivedField):
    derive = staticmethod(search_key)

    def __init__(self, *, of: str, **options: Any) -> None:
        super().__init__(of=of, **{"max_length": LONGEST_SEARCHED, **options})
