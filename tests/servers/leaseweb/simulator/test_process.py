"""The simulator as a process of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.processes


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command with these arguments; what still runs after the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "servers.leaseweb.simulator", *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=120)


def port_of(process: subprocess.Popen[str]) -> int:
    """Waits for the line that says where it listens."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:")
    assert line.endswith("/cloud/v2\n")
    return int(line.removeprefix("listening on http://127.0.0.1:").removesuffix("/cloud/v2\n"))


def ask(port: int, path: str, *, key: str) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path, headers={"X-LSW-Auth": key})
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_serves_and_ends_cleanly_on_a_signal(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    journal, port_file = tmp_path / "journal.jsonl", tmp_path / "port"
    process = start("--servers", "3", "--journal", str(journal), "--port-file", str(port_file), "--lively")
    port = port_of(process)
    assert port_file.read_text() == f"{port}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"journal.jsonl", "port"}
    status, page = ask(port, "/cloud/v2/virtualServers", key="demo-any")
    assert (status, page["_metadata"]["totalCount"]) == (200, 3)
    idle = socket.create_connection(("127.0.0.1", port), timeout=120)
    process.send_signal(number)
    rest, errors = process.communicate(timeout=120)
    idle.close()
    assert (process.returncode, rest, errors) == (0, "", "")
    assert json.loads(journal.read_text())["operation"] == "listServers"


def test_keys_accounts_and_aliases_come_from_the_command_line(start: Start) -> None:
    options = "--servers 2 --key a --read-only-key b --account c=4 --alias d=c --seed 3 --time-scale 5 --quick-reboot"
    port = port_of(start(*options.split()))
    answers = {key: ask(port, "/cloud/v2/virtualServers", key=key) for key in ("a", "b", "c", "d", "demo-x")}
    assert {key: status for key, (status, _) in answers.items()} == {
        "a": 200,
        "b": 200,
        "c": 200,
        "d": 200,
        "demo-x": 401,
    }
    sizes = [answers[key][1]["_metadata"]["totalCount"] for key in "abcd"]
    assert sizes == [2, 2, 4, 4]


def test_bound_socket_is_taken_over_and_outlives_a_restart(start: Start) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        for _ in range(2):
            process = start("--servers", "1", "--fd", str(listener.fileno()), pass_fds=[listener.fileno()])
            port = listener.getsockname()[1]
            assert port_of(process) == port
            assert ask(port, "/cloud/v2/virtualServers", key="demo-x")[0] == 200
            process.terminate()
            assert process.wait(timeout=120) == 0


@pytest.mark.parametrize("arguments", [["--account", "nonsense"], ["--alias", "a=b"], ["--fd", "99"]])
def test_process_that_cannot_start_says_why(start: Start, arguments: list[str]) -> None:
    process = start(*arguments)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (2, "")
    assert errors.startswith("The simulator cannot run: ")
    assert errors.count("\n") == 1


def test_taken_port_is_reported(start: Start) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        process = start("--port", str(listener.getsockname()[1]))
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "The simulator cannot run: " in errors
