"""Durations in the database's own clock. No decision is taken by a process's clock."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, Model, Q, Value
from django.db.models.functions import Now


def after(duration: timedelta) -> ExpressionWrapper:
    """The moment `duration` from now, shortened by TIME_SCALE, as an SQL expression."""
    return ExpressionWrapper(Now() + Value(scaled(duration)), output_field=DateTimeField())


def before(duration: timedelta) -> ExpressionWrapper:
    """The moment `duration` ago, as an SQL expression."""
    return ExpressionWrapper(Now() - Value(scaled(duration)), output_field=DateTimeField())


def lately(column: str, within: timedelta) -> Q:
    """That a moment of `column` is less than `within` away, in real time whatever TIME_SCALE says.

    In both directions: a clock that was turned back leaves moments that have not come yet, and tell nothing.
    """
    span = Value(within)
    start = ExpressionWrapper(Now() - span, output_field=DateTimeField())
    end = ExpressionWrapper(Now() + span, output_field=DateTimeField())
    return Q(**{f"{column}__gt": start, f"{column}__lt": end})


def scaled(duration: timedelta) -> timedelta:
    return duration / settings.TIME_SCALE


def database_time(row: Model) -> datetime:
    """The database's time now, asked by way of any row that exists."""
    found: datetime = type(row)._base_manager.filter(pk=row.pk).values_list(Now(), flat=True).get()
    return found
