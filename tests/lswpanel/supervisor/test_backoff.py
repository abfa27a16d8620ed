from lswpanel.supervisor.backoff import Backoff


def test_backoff_doubles_up_to_its_bound_and_never_gives_up() -> None:
    backoff = Backoff()
    waits = [backoff.failed(lived=1.0) for _ in range(9)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_backoff_begins_anew_after_a_healthy_life() -> None:
    backoff = Backoff()
    for _ in range(7):
        backoff.failed(lived=1.0)
    assert backoff.failed(lived=30.0) == 0.5
    assert backoff.failed(lived=29.9) == 1.0
