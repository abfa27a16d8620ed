"""Sessions in the database, filed under the hash of their id: whoever reads the database cannot enter with it (A9)."""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import InterfaceError, OperationalError
from django.utils import timezone

LENGTH = 40


def filed_under(session_key: str) -> str:
    """What stands in the table for the id that stands in the cookie."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:LENGTH]


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> AbstractBaseSession | None:
        key = filed_under(self.session_key or "")
        row = self.model.objects.filter(session_key=key, expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row

    def save(self, must_create: bool = False) -> None:
        """Raises what the database says: Django would take a lost connection for a session that was ended elsewhere."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError | InterfaceError):
                raise error.__context__ from None
            raise

    def exists(self, session_key: str) -> bool:
        return super().exists(filed_under(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        row.session_key = filed_under(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(filed_under(key))
