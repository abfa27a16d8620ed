"""Names that Leaseweb takes, and those that the panel suggests."""

import re

import pytest

from jobs.snapshot_names import complaint, suggested

MARKED = re.compile(r"(.+) [A-Z2-9]{8}")


@pytest.mark.parametrize(
    ("like", "stem"),
    [
        ("", "Snapshot"),
        ("Nightly R7F3K9QD", "Nightly"),
        ("Before the upgrade", "Before the upgrade"),
        ("no_good", "Snapshot"),
        ("<script>", "Snapshot"),
        ("x" * 255, "x" * 246),
    ],
)
def test_suggestion_fits_the_rule_and_ends_in_a_marker(like: str, stem: str) -> None:
    name = suggested(like)
    assert complaint(name, frozenset()) == ""
    found = MARKED.fullmatch(name)
    assert found
    assert found[1] == stem


def test_suggestions_differ() -> None:
    assert len({suggested() for _ in range(100)}) == 100
