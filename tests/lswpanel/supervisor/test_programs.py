import re
import sys
from importlib import reload
from pathlib import Path

import pytest

from lswpanel import gunicorn_config, queues
from lswpanel.supervisor import programs


def test_children_find_the_project_from_every_folder() -> None:
    env = programs.environment_for_children({"PYTHONPATH": "/elsewhere", "KEPT": "yes"})
    assert env["PYTHONPATH"] == f"{programs.ROOT}:/elsewhere"
    assert env["KEPT"] == "yes"
    assert (programs.ROOT / "manage.py").is_file()


def test_web_serves_the_inherited_socket_as_the_configuration_says() -> None:
    web = programs.web(env={}, listener=7, held=(9,))
    assert "fd://7" in web.argv
    assert _value(web, "--config") == "python:lswpanel.gunicorn_config"
    assert web.fds == (7, 9)


def test_web_gets_the_gate_that_it_waits_at() -> None:
    web = programs.web(env={"KEPT": "yes"}, listener=7, gate_fd=8, held=(9,))
    assert web.environment == {"KEPT": "yes", "GATE_FD": "8"}
    assert web.fds == (7, 8, 9)


def test_threads_are_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reload(gunicorn_config).threads == 8
    assert _value(programs.worker(env={}), "--concurrency") == "8"
    monkeypatch.setenv("WEB_THREADS", "3")
    monkeypatch.setenv("WORKER_CONCURRENCY", "5")
    assert reload(gunicorn_config).threads == 3
    assert _value(programs.worker(env={}), "--concurrency") == "5"


def test_connection_outlives_the_pause_between_two_polls() -> None:
    assert gunicorn_config.keepalive == 15


def test_worker_takes_from_the_queue_that_it_is_for_and_else_from_all() -> None:
    sender = programs.worker(env={}, name="sender", queue=queues.SENDS)
    assert (sender.name, _value(sender, "--queues")) == ("sender", queues.SENDS)
    assert "--queues" not in programs.worker(env={}).argv
    compose = (programs.ROOT / "docker-compose.yml").read_text()
    taken = re.findall(r'"--queues", "([^"]+)"', compose)
    assert sorted(taken) == sorted([queues.READINGS, queues.SENDS])


def test_sender_of_compose_remembers_its_sends_on_a_volume() -> None:
    """A new container notices a database that was put back, too."""
    compose = (programs.ROOT / "docker-compose.yml").read_text()
    services = re.split(r"\n  (?=\w+:\n)", compose)
    (sender,) = [each for each in services if f'"--queues", "{queues.SENDS}"' in each]
    (volume,) = re.findall(r'volumes: \["(\w+):/data"\]', sender)
    assert re.search(rf"^volumes:.*\b{volume}: {{}}", compose, re.MULTILINE)


def test_worker_has_time_to_finish_a_call_and_the_broker_outlives_it() -> None:
    broker = programs.Broker(server=Path("v"), socket=Path("/s"), folder=Path("/d"), password="p")
    valkey, worker = programs.broker(broker, env={}), programs.worker(env={})
    web, beat = programs.web(env={}, listener=7), programs.beat(env={})
    simulator = programs.simulator(env={}, listener=8)
    assert worker.grace == 50
    assert web.stage == beat.stage < worker.stage < valkey.stage == simulator.stage


def test_password_of_the_broker_is_passed_on_standard_input_only() -> None:
    broker = programs.Broker(server=Path("v"), socket=Path("/s"), folder=Path("/d"), password="hush-hush")
    valkey = programs.broker(broker, env={})
    assert b"requirepass hush-hush\n" in valkey.stdin
    assert "hush-hush" not in " ".join(valkey.argv)
    assert broker.url == "redis+socket://:hush-hush@/s?virtual_host=0"


def test_commands_run_with_the_same_python() -> None:
    assert programs.manage("prepare", env={}).argv == (
        sys.executable,
        str(programs.ROOT / "manage.py"),
        "prepare",
    )


def _value(program: programs.Program, option: str) -> str:
    return program.argv[program.argv.index(option) + 1]
