"""The search for secrets finds them: as they are, inside base64 at any place, and in files of any kind."""

import base64
from pathlib import Path

import pytest

from tests.e2e.canary import Canaries

SECRET = "hunter2-Of-A-Test"


@pytest.fixture
def canaries(tmp_path: Path) -> Canaries:
    found = Canaries(tmp_path)
    found.add(SECRET, "a password")
    return found


@pytest.mark.once
@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize("after", range(3))
def test_secret_is_found_inside_base64(canaries: Canaries, tmp_path: Path, before: int, after: int) -> None:
    text = base64.b64encode(b"x" * before + SECRET.encode() + b"y" * after)
    (tmp_path / "file").write_bytes(b"\0\xff" + text)
    assert canaries.found_in({"disk": tmp_path}) == ["a password (hunt…) in the disk"]


@pytest.mark.once
def test_secret_is_found_as_it_is_and_nothing_else(canaries: Canaries, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(b"\0\xff" + SECRET.encode()[:-1])
    assert canaries.found_in({"disk": tmp_path}) == []
    (tmp_path / "below" / "other").write_bytes(b"\0\xff" + SECRET.encode() + b"\0")
    assert canaries.found_in({"disk": tmp_path}) == ["a password (hunt…) in the disk"]


@pytest.mark.once
def test_place_without_the_marker_is_named(canaries: Canaries, tmp_path: Path) -> None:
    assert canaries.unmarked({"disk": tmp_path}) == ["disk"]
    (tmp_path / "file").write_text(canaries.marker)
    assert canaries.unmarked({"disk": tmp_path}) == []
