"""Names for snapshots: Leaseweb's rule, and a suggestion whose end shows that the snapshot is ours. Pure.

Leaseweb's answer to a new snapshot does not say which id it gets, so the panel finds it by its name. Eight random
characters at the end make sure that nobody else gives the same one.
"""

import re
import secrets
import string

LONGEST = 255
RULE = "Starts with a letter; letters A to Z, digits and spaces only; at most 255 characters."
FITTING = re.compile(r"[A-Za-z][A-Za-z0-9 ]*")
MARKER = re.compile(r" [A-Z2-9]{8}$")
MARKS = string.ascii_uppercase + "23456789"
STEM = "Snapshot"


def suggested(like: str = "") -> str:
    """A name that is new: the words of `like`, if they fit the rule, and a fresh marker."""
    stem = MARKER.sub("", like)[: LONGEST - 9].strip()
    marker = "".join(secrets.choice(MARKS) for _ in range(8))
    return f"{stem if FITTING.fullmatch(stem) else STEM} {marker}"


def complaint(name: str, taken: frozenset[str]) -> str:
    """What is wrong with a name for a new snapshot; empty when nothing is. `taken` are those the server has."""
    if not name:
        return "Give the snapshot a name."
    if len(name) > LONGEST or not FITTING.fullmatch(name):
        return f"Leaseweb does not take this name. {RULE}"
    if name in taken:
        return f"The server has a snapshot called “{name}” already; choose another name."
    return ""
