"""The panel's way to hash passwords, at next to no cost: what makes it slow is its purpose, and proves nothing here."""

from teams.passwords import PanelPasswordHasher


class QuickArgon2PasswordHasher(PanelPasswordHasher):
    """Its hashes are ordinary ones of argon2id, so the started processes of the panel accept them."""

    time_cost = 1
    memory_cost = 8
