"""A relay in front of the simulated Leaseweb that notes when the first byte of each connection arrives.

The simulator's own journal knows milliseconds, and knows of a request when it has read it.
"""

import contextlib
import queue
import socket
import threading
import time
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024


class Tap:
    """`first_bytes` holds a moment of `time.perf_counter()` for each connection that sent something."""

    def __init__(self, upstream: int) -> None:
        """`upstream`: the port on this machine to which everything is handed on."""
        self.first_bytes: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, name="tap", daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone would not wake the thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def forget(self) -> None:
        """Forget the connections so far."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.first_bytes.get_nowait()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), name="tap", daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client:
            first = client.recv(CHUNK)
            if not first:
                return
            self.first_bytes.put(time.perf_counter())
            with socket.create_connection(("127.0.0.1", self._upstream)) as server:
                server.sendall(first)
                back = threading.Thread(target=_pump, args=(server, client), name="tap", daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Hand on until one side is through; a side that hangs up early is none of our business."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
