"""Filters that take what fits and leave the rest; forms that say what is missing."""

import uuid

import pytest
from django.http import QueryDict

from jobs.forms import AboutForm, ChangesForm, JobFilterForm, SettleForm, SnapshotFilterForm
from jobs.job_forms import Ground, JobForm
from jobs.queries import GROUPS, Filters
from jobs.snapshot_queries import SnapshotFilters
from jobs.states import JobStatus, Resolution
from servers.models import Server
from teams.models import User

ME = User(pk=5)
GROUND = Ground(Server(pk=7, shown_name="web-01"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", Filters()),
        ("status=failed&kind=reboot&server=7&person=3", Filters("failed", "reboot", 7, 3)),
        ("status=live", Filters("live")),
        ("mine=on", Filters(person=5)),
        ("mine=on&person=3", Filters(person=5)),
        ("status=boiling&kind=explode&server=x&person=-1", Filters()),
        ("server=99999999999999999999999999", Filters()),
        ("team=2&requested_by=1", Filters()),
    ],
)
def test_filters_take_what_fits(query: str, expected: Filters) -> None:
    assert JobFilterForm(QueryDict(query)).filters(ME) == expected


def test_status_filter_offers_every_status_and_group() -> None:
    offered = {value for value, _ in JobFilterForm().fields["status"].choices}  # type: ignore[attr-defined]
    assert offered == {"", *GROUPS, *JobStatus.values}


def test_job_form_makes_a_token_of_its_own_each_time() -> None:
    first, second = (JobForm.fresh(GROUND).initial["client_token"] for _ in range(2))
    assert isinstance(first, uuid.UUID)
    assert first != second


@pytest.mark.parametrize("token", ["", "x", "1234", "g" * 36])
def test_job_form_wants_its_token_back(token: str) -> None:
    assert not JobForm({"client_token": token}, ground=GROUND).is_valid()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("again=7", (7, None)),
        ("again=7&snapshot=8", (7, 8)),
        ("again=x&snapshot=8", (None, 8)),
        ("", (None, None)),
        ("again=-1&snapshot=99999999999999999999", (None, None)),
    ],
)
def test_about_form_takes_ids_or_nothing(query: str, expected: tuple[int | None, int | None]) -> None:
    assert AboutForm(QueryDict(query)).ids() == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", SnapshotFilters()),
        ("q=+a&state=READY&older=30&server=7&sort=name", SnapshotFilters("a", "READY", 30, "", 7, "name")),
        ("gone=yes", SnapshotFilters(gone="yes")),
        ("state=boiling&older=x&server=-1&sort=secrets&gone=maybe", SnapshotFilters()),
        (f"q={'x' * 300}", SnapshotFilters(q="x" * 100)),
    ],
)
def test_snapshot_filters_take_what_fits(query: str, expected: SnapshotFilters) -> None:
    assert SnapshotFilterForm(QueryDict(query)).filters() == expected


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"resolution": "happened"},
        {"resolution": "happened", "reason": "   x  "},
        {"resolution": "happened", "reason": "four"},
        {"resolution": "maybe", "reason": "long enough"},
        {"resolution": "", "reason": "long enough"},
        {"resolution": "happened", "reason": "x" * 301},
        {"resolution": "happened", "reason": "with a \0 in it"},
    ],
)
def test_settle_form_wants_an_answer_and_a_reason(typed: dict[str, str]) -> None:
    assert not SettleForm(typed).is_valid()


def test_settle_form_gives_a_resolution() -> None:
    form = SettleForm({"resolution": "did_not", "reason": "uptime is 40 days"})
    assert form.is_valid()
    assert form.cleaned_data["resolution"] is Resolution.DID_NOT


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("", []),
        ("1,2,3", [1, 2, 3]),
        ("1,x,,-3,4.5,²,7", [1, 7]),
        ("9" * 30, []),
        (",".join(str(number) for number in range(300)), list(range(100))),
    ],
)
def test_changes_form_takes_ids_that_are_ids(ids: str, expected: list[int]) -> None:
    asked = ChangesForm({"since": "1", "page": "jobs", "ids": ids}).asked()
    assert asked is not None
    assert asked["ids"] == expected


@pytest.mark.parametrize("query", ["", "since=1", "page=jobs", "since=-1&page=jobs", "since=x&page=jobs"])
def test_changes_form_without_the_least_is_nothing(query: str) -> None:
    assert ChangesForm(QueryDict(query)).asked() is None
