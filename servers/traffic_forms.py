"""What people type about traffic: a range, and the limit of a server."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django import forms

from servers.leaseweb import Granularity
from servers.traffic import ranges
from servers.traffic.ranges import GRANULARITIES, PRESETS, Range
from servers.traffic.units import to_bytes
from teams.edits import EditForm, mark

DATE = {"type": "date", "min": f"{ranges.OLDEST}"}
QUOTA_UNITS = [("TB", "TB (a million megabytes)"), ("GB", "GB (a thousand megabytes)")]


class RangeForm(forms.Form):
    """A range from the URL. An unknown preset or granularity is left out; dates that make no range are told."""

    first = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs=DATE))
    last = forms.DateField(label="To, included", required=False, widget=forms.DateInput(attrs=DATE))
    granularity = forms.CharField(label="In", required=False, max_length=10, widget=forms.Select)
    range = forms.CharField(required=False, max_length=10, widget=forms.HiddenInput)

    def __init__(self, data: Any, now: datetime) -> None:
        super().__init__(data)
        self.now = now
        self.today = now.astimezone(UTC).date()

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, last = found.get("first"), found.get("last")
        if self.wrong_dates or not (first or last):
            return found
        if first is None or last is None:
            self.add_error("last" if first else "first", "Give both days, or neither.")
        else:
            self._check(first, last)
        return found

    def _check(self, first: date, last: date) -> None:
        if first > last:
            self.add_error("last", "This day is before the first one.")
        elif first > self.today:
            self.add_error("first", "This day has not begun yet (in UTC).")
        elif first < ranges.OLDEST:
            self.add_error("first", f"There was no traffic to count before {ranges.OLDEST.year}.")

    @property
    def wrong_dates(self) -> bool:
        """Whether there is anything to tell somebody about."""
        return bool({"first", "last"} & set(self.errors))

    def asked(self) -> Range:
        """The range; the usual one when what was given is none."""
        self.is_valid()
        first, last = (self.cleaned_data.get(name) for name in ("first", "last"))
        granularity = self.cleaned_data.get("granularity", "")
        if first and last and not self.wrong_dates:
            return ranges.of_dates(first, min(last, self.today), granularity, self.now)
        preset = self.cleaned_data.get("range", "")
        return ranges.of_preset(preset if preset in PRESETS else ranges.DEFAULT, granularity, self.now)

    def offer(self, shown: Range) -> None:
        """Fill the choice of granularities with what fits, and say of the others why they do not."""
        chosen = shown.shown.value if self.cleaned_data.get("granularity") else ""
        fits = GRANULARITIES[ranges.automatic(shown.start, shown.end)][0].lower()
        self.fields["granularity"].widget.choices = [
            ("", f"what fits best ({fits})"),
            *(_choice(granularity, shown) for granularity in GRANULARITIES),
        ]
        self.initial = {"granularity": chosen}


def _choice(granularity: Granularity, shown: Range) -> tuple[Any, str]:
    label = GRANULARITIES[granularity][0]
    reason = ranges.why_not(granularity, shown.start, shown.end)
    if not reason:
        return granularity.value, label
    return {"value": granularity.value, "disabled": True}, f"{label} ({reason})"


class QuotaForm(EditForm):
    """A month's limit of traffic, as a number and a decimal unit."""

    amount = forms.DecimalField(
        label="Limit of a calendar month",
        min_value=Decimal("0.001"),
        max_value=Decimal(1_000_000),
        max_digits=10,
        decimal_places=3,
        help_text="What goes out and what comes in both count.",
    )
    unit = forms.ChoiceField(choices=QUOTA_UNITS)

    def quota(self) -> int:
        """The limit in bytes."""
        return to_bytes(self.cleaned_data["amount"], self.cleaned_data["unit"])


def quota_initial(quota: int | None) -> dict[str, Any]:
    """What the form shows of a limit in bytes."""
    if quota is None:
        return {}
    unit, size = ("TB", 10**12) if quota >= 10**12 else ("GB", 10**9)
    return {"amount": f"{Decimal(quota) / size:f}", "unit": unit, "seen": mark(quota)}
