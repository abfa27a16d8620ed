"""Loads the fixed cast. It needs Django's models, so it cannot be loaded as early as tests/bootstrap.py."""

pytest_plugins = [
    "tests.cast",
    "tests.support.daytime",
    "tests.support.database",
    "tests.support.engine_room",
    "tests.e2e.house",
    "tests.e2e.canary",
]
