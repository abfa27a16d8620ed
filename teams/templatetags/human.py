"""`teams.figures` for templates; moments as elements that tell machines and tooltips more."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from teams.figures import NOTHING, age_text, duration, full, minute, size

register = template.Library()
register.filter(duration)
register.filter(size)


@register.filter
def age(value: datetime | None) -> SafeString | str:
    """How long ago `value` was, as a time element that app.js keeps ticking; "never" without one."""
    if value is None:
        return "never"
    return format_html(
        '<time datetime="{}" title="{}" data-age>{}</time>',
        _iso(value),
        full(value),
        age_text(value, timezone.now()),
    )


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """`value` to the minute in the reader's zone; the tooltip has the seconds and the zone."""
    if value is None:
        return NOTHING
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(value), full(value), minute(value))


def _iso(value: datetime) -> str:
    return timezone.localtime(value).isoformat(timespec="seconds")
