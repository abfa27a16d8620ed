import socket

import pytest

from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.listener import listen, reachable


def test_listener_accepts_connections_before_anybody_serves() -> None:
    with listen("127.0.0.1", 0) as listener:
        socket.create_connection(reachable(listener)).close()


def test_taken_port_is_reported_in_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} on 127.0.0.1 is already in use"):
            listen("127.0.0.1", port)


def test_address_of_another_machine_is_reported() -> None:
    with pytest.raises(StartError, match=r"Port 8000 on 192\.0\.2\.1 cannot be used: .* Check BIND and PORT"):
        listen("192.0.2.1", 8000)


def test_listener_on_every_address_is_reached_on_loopback() -> None:
    with listen("0.0.0.0", 0) as listener:  # noqa: S104
        assert reachable(listener)[0] == "127.0.0.1"
        socket.create_connection(reachable(listener)).close()
