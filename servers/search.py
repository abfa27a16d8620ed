"""What the search over servers looks through, and what it looks for. Pure, but for the condition at the end."""

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from operator import or_

from django.db.models import Q

from teams.collation import folded

MOST_WORDS = 6
# As in a link, with or without a port behind it.
_BRACKETS = re.compile(r"^\[([^\]]+)\](?::\d+)?$")
_PART_OF_IPV6 = re.compile(r"^[0-9a-f]{0,4}(?::[0-9a-f]{0,4})+$")


def text_of(words: Iterable[str], addresses: Iterable[str]) -> str:
    """All that a server is found by, each word between spaces; addresses in the spellings that `needles` asks for."""
    spelled = (spelling for address in addresses for spelling in _spellings(address))
    return f" {folded(' '.join((*words, *spelled)))} "


def _spellings(address: str) -> tuple[str, ...]:
    try:
        found = ip_address(address.partition("/")[0])
    except ValueError:
        return (address,)
    return (found.compressed, found.exploded) if found.version == 6 else (found.compressed,)


def needles(word: str) -> list[str]:
    """What a search text may hold for one typed word; any of them will do.

    An address is found in each of its spellings, a network ("10.0.0.0/24", "2001:db8::/32") by what its addresses
    begin with, and a word that is neither as it stands.
    """
    bare = _BRACKETS.sub(r"\1", word)
    try:
        network = ip_network(bare, strict=False)
    except ValueError:
        return [bare, *_padded(bare)]
    if "/" in bare:
        return list(_beginnings(network))
    address = network.network_address
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return [(mapped or address).compressed]


def _padded(word: str) -> Iterator[str]:
    """The begin of an IPv6 address as the long spelling has it; its last group may not be typed to its end yet."""
    if _PART_OF_IPV6.match(word) and "::" not in word:
        *groups, last = [group and group.zfill(4) for group in word.split(":")]
        yield ":".join((*groups, last))
        yield ":".join((*groups, word.rpartition(":")[2]))


def _beginnings(network: IPv4Network | IPv6Network) -> Iterator[str]:
    """Of all addresses in a network: whole octets of IPv4, whole digits of IPv6."""
    step = 8 if network.version == 4 else 4
    whole = -(-network.prefixlen // step)
    for part in network.subnets(new_prefix=whole * step):
        if part.version == 4:
            octets = part.network_address.exploded.split(".")[:whole]
            yield f" {'.'.join(octets)}{' ' if whole == 4 else '.' if whole else ''}"
        else:
            yield f" {part.network_address.exploded[: whole + max(0, whole - 1) // 4]}"


def found_by(typed: str, *columns: str) -> Q:
    """Rows that hold every word of `typed`, as far as they count, in one of the columns."""
    found = Q()
    for word in folded(typed).split()[:MOST_WORDS]:
        hits = (Q((f"{column}__contains", needle)) for column in columns for needle in needles(word))
        found &= reduce(or_, hits)
    return found
