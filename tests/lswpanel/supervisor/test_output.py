import io
import os
import re

import pytest

from lswpanel.supervisor.output import LONGEST_LINE, Lines, Terminal


def test_line_shows_time_and_name() -> None:
    out = io.StringIO()
    Terminal(out).line("web", "hello")
    assert re.fullmatch(r"\d\d:\d\d:\d\d web       \| hello\n", out.getvalue())


def test_terminal_survives_a_closed_window() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    out = os.fdopen(writing, "w")
    Terminal(out).say("nobody reads this")
    with pytest.raises(BrokenPipeError):
        out.close()
    Terminal(out).say("nor this")


def test_lines_are_cut_wherever_the_chunks_end() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\r\n\nthree") == ["two", ""]
    assert lines.close() == ["three"]
    assert lines.close() == []


def test_endless_line_is_shown_in_pieces() -> None:
    lines = Lines()
    assert [len(line) for line in lines.feed(b"x" * (LONGEST_LINE + 1))] == [LONGEST_LINE + 1]
    assert lines.close() == []


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert Lines().feed(b"caf\xe9\n") == ["caf\N{REPLACEMENT CHARACTER}"]
