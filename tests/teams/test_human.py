from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.template import Context, Template
from django.utils import timezone

from teams.templatetags import human

NOON = datetime(2026, 3, 12, 12, 5, 9, tzinfo=UTC)


def test_age_is_a_time_element_with_machine_time_and_tooltip() -> None:
    shown = human.age(timezone.now() - timedelta(minutes=90))
    assert shown.startswith('<time datetime="20')
    assert 'title="' in shown
    assert shown.endswith(" data-age>1 h ago</time>")


def test_age_of_nothing_is_never() -> None:
    assert human.age(None) == "never"


def test_moment_is_shown_in_the_zone_of_the_reader() -> None:
    with timezone.override(ZoneInfo("Europe/Amsterdam")):
        shown = human.moment(NOON)
    assert shown == (
        '<time datetime="2026-03-12T13:05:09+01:00" title="Thursday 12 March 2026, 13:05:09 CET (UTC+01:00)">'
        "12 Mar 2026, 13:05</time>"
    )


def test_moment_of_nothing_is_a_dash() -> None:
    assert human.moment(None) == "—"


def test_filters_work_in_a_template_and_escape_what_is_foreign() -> None:
    page = Template("{% load human %}{{ seconds|duration }} {{ amount|size:unit }} {{ at|moment }}")
    shown = page.render(Context({"seconds": 61, "amount": 2, "unit": "<b>", "at": NOON}))
    assert shown.startswith("1 min 1 s 2 &lt;b&gt; <time ")
