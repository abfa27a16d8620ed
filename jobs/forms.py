"""What people type about jobs. The filters tell nobody off: what does not fit is left out."""

from typing import Any

from django import forms

from jobs import elsewhere
from jobs.kinds import KINDS
from jobs.models import ExternalEvent
from jobs.queries import GROUPS, Filters
from jobs.snapshot_queries import SORTS, SnapshotFilters
from jobs.states import JobStatus, Resolution
from servers.forms import GONE
from servers.models import Snapshot
from teams.fields import LARGEST_ID, IdField, SearchField, SortField
from teams.models import Membership, User

STATUSES = [("", "any status"), *((name, words) for name, (words, _) in GROUPS.items()), *JobStatus.choices]
KIND_CHOICES = [("", "any action"), *((kind.name, kind.label) for kind in KINDS.values())]
OLDER = [("", "any time"), *((str(days), f"over {days} days ago") for days in (7, 30, 90, 365))]
WHATS = [("", "any change"), *ExternalEvent.What.choices]


class JobFilterForm(forms.Form):
    status = forms.ChoiceField(choices=STATUSES, required=False)
    kind = forms.ChoiceField(label="Action", choices=KIND_CHOICES, required=False)
    person = IdField(label="Asked for by", widget=forms.Select)
    server = IdField()
    mine = forms.BooleanField(required=False)

    def filters(self, user: User) -> Filters:
        """What can be used of the URL; "mine" wins over a named person."""
        self.is_valid()
        found = self.cleaned_data
        return Filters(
            status=found.get("status") or "",
            kind=found.get("kind") or "",
            server=found.get("server"),
            person=user.pk if found.get("mine") else found.get("person"),
        )

    def offer(self, members: list[Membership]) -> None:
        """Fill the choice of people."""
        choices = [("", "anybody"), *((member.user_id, str(member.user)) for member in members)]
        self.fields["person"].widget.choices = choices


class ExternalFilterForm(forms.Form):
    what = forms.ChoiceField(label="Change", choices=WHATS, required=False)
    server = IdField()

    def filters(self) -> elsewhere.Filters:
        """What can be used of the URL."""
        self.is_valid()
        found = self.cleaned_data
        return elsewhere.Filters(what=found.get("what") or "", server=found.get("server"))


class SnapshotFilterForm(forms.Form):
    q = SearchField("Snapshot or server")
    state = forms.ChoiceField(choices=[("", "any state"), *Snapshot.State.choices], required=False)
    older = forms.ChoiceField(label="Taken", choices=OLDER, required=False)
    gone = forms.ChoiceField(label="Show", choices=GONE, required=False)
    server = IdField()
    sort = SortField(SORTS)

    def filters(self) -> SnapshotFilters:
        """What can be used of the URL."""
        self.is_valid()
        found = {name: value for name, value in self.cleaned_data.items() if value}
        return SnapshotFilters(**{**found, "older": int(found.get("older", 0))})


class AboutForm(forms.Form):
    """What a confirmation is about, from its address or from what it sent: a job done again, a snapshot."""

    again = IdField()
    snapshot = IdField()

    def ids(self) -> tuple[int | None, int | None]:
        """What fits of them; the rest is left out."""
        self.is_valid()
        return self.cleaned_data.get("again"), self.cleaned_data.get("snapshot")


class SettleForm(forms.Form):
    """What became of a job whose outcome the API never showed, according to a person."""

    resolution = forms.ChoiceField(
        label="What became of it?",
        choices=[(Resolution.HAPPENED, "It happened"), (Resolution.DID_NOT, "It did not happen")],
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it happened."},
    )
    reason = forms.CharField(
        label="How do you know?",
        help_text="At least 5 characters, kept in the audit trail. For example “uptime on it says 4 minutes”.",
        min_length=5,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_resolution(self) -> Resolution:
        return Resolution(self.cleaned_data["resolution"])


class ChangesForm(forms.Form):
    """What an open page knows: up to which change, which rows it shows, and what it says of them."""

    since = forms.IntegerField(min_value=0, max_value=LARGEST_ID)
    page = forms.CharField(max_length=20)
    ids = forms.CharField(required=False, max_length=4000)
    shown = forms.CharField(required=False, max_length=20)
    alarms = forms.CharField(required=False, max_length=60)

    def clean_ids(self) -> list[int]:
        parts: str = self.cleaned_data["ids"]
        ids = [int(part) for part in parts.split(",") if part.isascii() and part.isdigit() and len(part) < 19]
        return ids[:100]

    def asked(self) -> dict[str, Any] | None:
        return self.cleaned_data if self.is_valid() else None
