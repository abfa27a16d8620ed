"""The systems that Leaseweb offers for a server, as a person chooses from them: by family, and by search. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from teams.collation import sort_key

# The words of a name before its version: "Windows Server 2022 Standard" is of the family "Windows Server".
FAMILY = re.compile(r"([^\W\d_]+(?: [^\W\d_]+)?)(?=[ \d(.-]|$)")
OTHER = "Other"


@dataclass(frozen=True, slots=True)
class OsTemplate:
    """A system that can be installed, by Leaseweb's id and name."""

    id: str
    name: str

    @property
    def family(self) -> str:
        found = FAMILY.match(self.name)
        return found[1] if found else OTHER


def from_content(content: Iterable[dict[str, Any]]) -> tuple[OsTemplate, ...]:
    """What a reading kept, by name."""
    found = [OsTemplate(str(each["id"]), str(each["name"])) for each in content]
    return tuple(sorted(found, key=lambda each: (sort_key(each.name), each.id)))


@dataclass(frozen=True, slots=True)
class Choice:
    """A system on the form; `hidden` when a search leaves it out."""

    system: OsTemplate
    hidden: bool


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    choices: list[Choice] = field(default_factory=list)

    @property
    def hidden(self) -> bool:
        return all(choice.hidden for choice in self.choices)


def families(templates: Iterable[OsTemplate], search: str, chosen: str | None) -> list[Family]:
    """By family, in the order in which they come; families that differ in case only are one.

    A search hides what does not hold all of its words, but never what is chosen already.
    """
    words = search.casefold().split()
    found: dict[str, Family] = {}
    for each in templates:
        hidden = each.id != chosen and not all(word in each.name.casefold() for word in words)
        family = found.setdefault(each.family.casefold(), Family(each.family))
        family.choices.append(Choice(each, hidden))
    return list(found.values())
