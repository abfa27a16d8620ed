"""URLs of rows, reversed once a page instead of once a row."""

from collections.abc import Callable

from django.urls import reverse


def row_link(name: str, team: str, *rest: str) -> Callable[[int], str]:
    """The URL called `name` as a function of the row's id, which stands between the team's slug and `rest`."""
    start, _, end = reverse(name, args=(team, 0, *rest)).rpartition("/0/")
    return lambda pk: f"{start}/{pk}/{end}"
