"""docs/requirements.md and the tests name the same promises."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.once
DOCUMENT = (ROOT / "docs" / "requirements.md").read_text()
PROMISED = set(re.findall(r"^(?:\| |#+ )([A-Z]\d+)\b", DOCUMENT, re.MULTILINE))
# The rows of its last part, without the heads of the tables.
SHOWN = re.findall(r"^\| (?!what holds).*", DOCUMENT.partition("\n## What shows it\n")[2], re.MULTILINE)


def cited(*folders: str, pattern: str) -> set[str]:
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {found for path in files for found in re.findall(pattern, path.read_text())}


def test_every_promise_has_a_test_that_names_it() -> None:
    assert cited("tests", pattern=r"mark\.req\(\"(\w+)\"\)") == PROMISED


def test_code_cites_only_promises_that_are_written_down() -> None:
    apps = ("audit", "teams", "servers", "jobs", "lswpanel")
    lists = cited(*apps, pattern=r"[(`]([A-Z]\d{1,2}(?:, [A-Z]\d{1,2})*)[)`]")
    assert {each for found in lists for each in found.split(", ")} <= PROMISED


def names_in(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_what_is_said_to_show_a_promise_is_there() -> None:
    """Each row names tests; `::name` alone is one of the file before it, and what follows a bracket is a case of it."""
    missing, there = [], dict[str, set[str]]()
    for row in SHOWN:
        named, file = re.findall(r"`([\w/.]*)::(\w+)[^`]*`", row), ""
        for path, name in named:
            file = path or file
            if name not in there.setdefault(file, names_in(ROOT / file)):
                missing.append(f"{file}::{name}")
        if not named:
            missing.append(row)
    assert (missing, len(SHOWN) > 50) == ([], True)
