"""What is written while a page is read: it waits for nobody, and fails for nobody."""

import pytest
from django.db import connection

from teams.bookkeeping import NotRecorded, bookkeeping, persistent, recorded
from teams.models import Team, User
from tests.support.database import Cut

pytestmark = pytest.mark.django_db(transaction=True)


def names() -> list[str]:
    return list(Team.objects.values_list("name", flat=True))


def milliseconds_for_a_lock() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
        else:
            cursor.execute("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'")
        return int(cursor.fetchone()[0])


def test_lock_is_waited_for_a_moment_and_later_as_long_as_ever(team: Team) -> None:
    usual = milliseconds_for_a_lock()
    with bookkeeping("a name"):
        assert milliseconds_for_a_lock() == 100
    with recorded():
        assert milliseconds_for_a_lock() == 1000
    assert milliseconds_for_a_lock() == usual


def test_what_is_noted_is_kept(team: Team) -> None:
    with bookkeeping("a name"):
        Team.objects.update(name="Noted")
    assert names() == ["Noted"]


def test_what_cannot_be_noted_now_is_skipped_and_said(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    cut = Cut.lock()
    with bookkeeping("a name"):
        Team.objects.update(name="Noted")
    cut.over()
    assert names() == [team.name]
    assert "a name" in caplog.text
    Team.objects.update(name="Later")
    assert names() == ["Later"]


def test_what_has_to_be_recorded_is_not_done_without(team: Team) -> None:
    cut = Cut.lock()
    with pytest.raises(NotRecorded), recorded():
        Team.objects.update(name="Recorded")
    cut.over()
    assert names() == [team.name]


def test_answer_is_written_as_soon_as_the_database_is_there_again(team: Team) -> None:
    """Locked, or a session that was ended: the second try succeeds."""
    cut, tries = Cut(), 0

    @persistent
    def write() -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            cut.over()
        Team.objects.update(name="Answered")

    cut.take()
    write()
    assert (names(), tries) == (["Answered"], 2)


@pytest.mark.once
def test_full_disk_is_like_a_lock(owner: User) -> None:
    """SQLite says the same of a file that may not grow as of a disk that has no room."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    with bookkeeping("a long name"):
        User.objects.bulk_create(User(email=f"{n}@example.com", name="x" * 100) for n in range(2000))
    assert User.objects.count() == 1
    connection.close()
