import os
import subprocess
import sys

from lswpanel.supervisor import tether


def test_script_becomes_the_command() -> None:
    command = [
        sys.executable,
        "-I",
        tether.__file__,
        str(os.getpid()),
        sys.executable,
        "-c",
        "print('hello')",
    ]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "hello\n"


def test_child_of_a_parent_that_is_gone_ends_at_once() -> None:
    nobody = "1" if os.getppid() != 1 else "2"
    command = [sys.executable, "-I", tether.__file__, nobody, sys.executable, "-c", "print('hello')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (143, "")
