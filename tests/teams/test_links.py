from django.urls import reverse

from teams.links import row_link


def test_row_link_is_what_reverse_says() -> None:
    assert row_link("jobs:job_detail", "ops")(7) == reverse("jobs:job_detail", args=("ops", 7))


def test_row_link_keeps_what_follows_the_id() -> None:
    link = row_link("jobs:job_new", "ops", "power_on")
    assert link(12) == reverse("jobs:job_new", args=("ops", 12, "power_on"))


def test_row_link_survives_a_team_called_0() -> None:
    assert row_link("servers:server_detail", "0")(5) == reverse("servers:server_detail", args=("0", 5))
