import time

import pytest

from tests.support.waiting import wait_for


def test_wait_for_returns_the_first_true_answer() -> None:
    answers = iter([None, "", "found", "later"])
    assert wait_for(lambda: next(answers), what="an answer") == "found"


def test_wait_for_names_what_did_not_come() -> None:
    started = time.monotonic()
    with pytest.raises(AssertionError, match=r"the bus: not within 0\.05 s"):
        wait_for(lambda: False, what="the bus", seconds=0.05)
    assert time.monotonic() - started >= 0.05
