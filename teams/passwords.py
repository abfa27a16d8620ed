"""Hashing passwords: slow on purpose, so how many of them are hashed at once is bounded for the whole process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = 2
# Two threads of the web server are left to everybody else.
WAITING = min(4, max(0, settings.WEB_THREADS - AT_ONCE - 2))
# Seconds after which to come again; a full line is worked off in less.
COME_AGAIN = 5


class Busy(Exception):
    """Nothing was hashed: AT_ONCE are being hashed, and WAITING wait for it."""


class Gate:
    """Lets `at_once` threads through together and `waiting` more wait; the next one is sent away at once."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._inside = threading.Semaphore(at_once)
        self._places = threading.Semaphore(at_once + waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One turn. Raises Busy."""
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            with self._inside:
                yield
        finally:
            self._places.release()


_gate = Gate(at_once=AT_ONCE, waiting=WAITING)


class PanelPasswordHasher(Argon2PasswordHasher):
    """argon2id with 32 MiB. Passwords hashed at another cost are hashed anew when their owner signs in."""

    time_cost = 3
    memory_cost = 32 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _gate.turn():
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        with _gate.turn():
            return bool(super().verify(password, encoded))
