"""What the database remembers of the secrets that it is used with."""

from django.db import models
from django.db.models.functions import Now


class KeyCheck(models.Model):
    """One key that has been used with this database: `value` is derived from it one-way and tells it from another.

    `secret` names the setting. Of a ring every key has a row; rows of keys that were taken out of the ring stay.
    """

    secret = models.CharField(max_length=40)
    value = models.CharField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=("secret", "value"), name="key_check_once"),)

    def __str__(self) -> str:
        return f"{self.secret} {self.value[:8]}"
