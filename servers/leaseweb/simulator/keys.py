"""Which API keys are let in, what each may do, and whose servers it sees."""

import hashlib
import threading
from dataclasses import dataclass

MAIN_ACCOUNT = "main"


def fingerprint(key: str) -> str:
    """Twelve hex digits that name a key without telling it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Grant:
    """`methods` of None means all of them."""

    account: str
    methods: frozenset[str] | None = None

    def allows(self, method: str) -> bool:
        return self.methods is None or method in self.methods


class KeyRing:
    """Accepts the keys it was told of, and any other that begins with `open_prefix` (None: no other).

    Keys without an account of their own see the main fleet.
    """

    def __init__(self, *, open_prefix: str | None = "demo-") -> None:
        self.open_prefix = open_prefix
        self._grants: dict[str, Grant] = {}
        self._revoked: set[str] = set()
        self._lock = threading.Lock()

    def add(self, key: str, *, account: str = MAIN_ACCOUNT, methods: frozenset[str] | None = None) -> None:
        """Lets `key` in, again if it was revoked before."""
        with self._lock:
            self._revoked.discard(key)
            self._grants[key] = Grant(account, methods)

    def alias(self, key: str, *, of: str) -> None:
        """`key` sees what the key `of` sees, and may do everything. Raises ValueError when `of` is not let in."""
        grant = self.find(of)
        if grant is None:
            raise ValueError("An alias has to name a key that is let in.")
        self.add(key, account=grant.account)

    def revoke(self, key: str) -> None:
        with self._lock:
            self._revoked.add(key)

    def find(self, key: str | None) -> Grant | None:
        """What `key` may do; None when it is not let in."""
        with self._lock:
            if not key or key in self._revoked:
                return None
            if key in self._grants:
                return self._grants[key]
            is_open = self.open_prefix is not None and key.startswith(self.open_prefix)
            return Grant(MAIN_ACCOUNT) if is_open else None
