"""The panel's way to hash passwords, at next to no cost: what makes it slow is its purpose, and proves nothing here."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2PasswordHasher(Argon2PasswordHasher):
    """Its hashes are ordinary ones of argon2id, so the started processes of the panel accept them."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
