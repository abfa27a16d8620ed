"""How pages show traffic: `{% load traffic %}`."""

from typing import Any

from django import template
from django.utils import timezone

from servers.models import Server
from servers.traffic.months import Month, months
from servers.traffic.units import limit_text
from servers.traffic.units import volume as in_bytes
from teams.figures import NOTHING

register = template.Library()


@register.filter
def volume(amount: float | None) -> str:
    """Bytes as "12.3 GB"; a dash for what is not known."""
    return in_bytes(amount)


@register.filter
def limit(amount: int | None) -> str:
    """A limit as "10 TB"; a dash where there is none."""
    return limit_text(amount)


@register.filter
def percent(amount: float | None) -> str:
    """ "41 %"; below ten with a digit more."""
    if amount is None:
        return NOTHING
    return f"{amount:,.1f} %" if amount < 9.95 else f"{amount:,.0f} %"


@register.simple_tag(takes_context=True)
def month_of(context: template.Context, server: Server) -> Month:
    """A server's month, for pages that show one server: `{% month_of server as month %}`. One query."""
    access: Any = context["access"]
    (found,) = months(access.servers().filter(pk=server.pk), timezone.now())
    return found
