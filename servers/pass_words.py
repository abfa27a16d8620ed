"""What people read about a pass through a key's servers that is not whole. Pure."""

from servers.leaseweb import LeasewebError

LONGEST = 500


def stopped(reached: int, total: int | None, error: LeasewebError) -> str:
    """How far a pass came, and why it did not go on."""
    return f"Reading stopped after {_of(reached, total)} servers and goes on there. {error.plain}"[:LONGEST]


def not_whole(found: int, total: int | None, *, steady: bool) -> str:
    """A pass came to the end of a list that changed on the way (or was unreadable in parts), or that had gaps."""
    came = f"{_of(found, total)} servers came" if steady else f"{found:,} servers came"
    what = "had gaps or doubles" if steady else "changed while it was read, or is unreadable in parts"
    return (
        f"The list {what}: {came}. It is read again by itself; until it comes whole, some servers may be missing "
        "here."
    )


def doubted(missing: int, new: int, known: int) -> str:
    """A pass was whole, but a mass of servers came or went at once."""
    parts = [
        f"lacks {missing:,} of {known:,} servers" if missing else "",
        f"shows {new:,} servers that were not there before" if new else "",
    ]
    what = " and ".join(part for part in parts if part)
    return f"Leaseweb's list suddenly {what}. Nothing is changed until a second full reading shows the same."


def _of(number: int, total: int | None) -> str:
    return f"{number:,}" if total is None else f"{number:,} of {total:,}"
