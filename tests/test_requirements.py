"""docs/requirements.md and the tests name the same promises."""

import re

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.once
PROMISED = set(
    re.findall(r"^(?:\| |#+ )([A-Z]\d+)\b", (ROOT / "docs" / "requirements.md").read_text(), re.MULTILINE)
)


def cited(*folders: str, pattern: str) -> set[str]:
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {found for path in files for found in re.findall(pattern, path.read_text())}


def test_every_promise_has_a_test_that_names_it() -> None:
    assert cited("tests", pattern=r"mark\.req\(\"(\w+)\"\)") == PROMISED


def test_code_cites_only_promises_that_are_written_down() -> None:
    apps = ("audit", "teams", "servers", "jobs", "lswpanel")
    lists = cited(*apps, pattern=r"[(`]([A-Z]\d{1,2}(?:, [A-Z]\d{1,2})*)[)`]")
    assert {each for found in lists for each in found.split(", ")} <= PROMISED
