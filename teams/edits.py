"""Two people edit the same thing: who saves second is told what the first one wrote, and asked."""

import hashlib
from typing import Any

from django import forms

CONFLICT = 409


class ChangedMeanwhile(Exception):
    """What is kept is no longer what the form was opened with; `kept` is what it is now. Nothing was written."""

    def __init__(self, kept: Any) -> None:
        super().__init__("Somebody changed this meanwhile.")
        self.kept = kept


def mark(kept: str | int | None) -> str:
    """Tells one kept value from another; nothing kept has the empty mark."""
    return hashlib.sha256(str(kept).encode()).hexdigest()[:16] if kept else ""


def demand_unchanged(kept: str | int | None, seen: str | None) -> None:
    """Raise ChangedMeanwhile unless `seen` is the mark of what is kept. Under the lock that every writer takes.

    Names may be given without having looked at the old one: None is the mark of whatever is kept.
    """
    if seen is not None and mark(kept) != seen:
        raise ChangedMeanwhile(kept)


class EditForm(forms.Form):
    """Carries the mark of what it was opened with. Without one, it was opened on nothing."""

    seen = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    @property
    def opened_with(self) -> str | None:
        """The mark that was sent; None where none was."""
        return self.cleaned_data["seen"] if "seen" in self.data else None

    def opened_on(self, kept: str | int | None) -> None:
        """Show what was typed once more, to be saved over `kept`, which the person has seen now."""
        self.data = dict(self.data.items()) | {"seen": mark(kept)}
