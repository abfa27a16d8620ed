"""Fields that forms of several apps have in common."""

from collections.abc import Iterable
from typing import Any

from django import forms

LARGEST_ID = 2**63 - 1
LONGEST_SEARCH = 100
MISSING = "This form was incomplete. Reload the page and enter it again."
# What keeps browsers and password managers (1Password, LastPass, Bitwarden, Dashlane) out of a field beside a secret.
UNFILLED = {
    "autocomplete": "off",
    "autocapitalize": "none",
    "spellcheck": "false",
    "data-1p-ignore": "true",
    "data-lpignore": "true",
    "data-bwignore": "true",
    "data-form-type": "other",
}


class SecretInput(forms.PasswordInput):
    """A secret that is not the sign-in. Chromium fills "off" with the saved sign-in, but never "new-password"."""

    def __init__(self) -> None:
        super().__init__({**UNFILLED, "autocomplete": "new-password"}, render_value=False)


class GivenField(forms.CharField):
    """A text that may be emptied: an empty one is a wish, but one that did not arrive at all is an error."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def clean(self, value: Any) -> str:
        if value is None:
            raise forms.ValidationError(MISSING, code="missing")
        return super().clean(value)


class IdField(forms.IntegerField):
    """The id of a row. One that no column could hold does not fit, so it never gets as far as the database."""

    def __init__(
        self, *, label: str = "", required: bool = False, widget: type[forms.Widget] = forms.HiddenInput
    ) -> None:
        super().__init__(label=label, required=required, widget=widget, min_value=1, max_value=LARGEST_ID)


class SearchField(forms.CharField):
    """Words to look for; what goes on for too long is cut, not told off."""

    def __init__(self, placeholder: str) -> None:
        attrs = {"type": "search", "placeholder": placeholder, "autocomplete": "off"}
        super().__init__(label="Search", required=False, widget=forms.TextInput(attrs))

    def clean(self, value: Any) -> str:
        """The words, as far as they count."""
        return super().clean(value)[:LONGEST_SEARCH]


class SortField(forms.ChoiceField):
    """The column that a list is sorted by; with a minus the other way round."""

    def __init__(self, names: Iterable[str]) -> None:
        choices = [(sign + name, name) for name in names for sign in ("", "-")]
        super().__init__(choices=choices, required=False, widget=forms.HiddenInput)
