"""Forms of people: each names its fields one by one, so that nothing else a request carries is taken (X18)."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Any

from django import forms

from audit.actions import AuditAction
from audit.models import Outcome
from teams.fields import GivenField, IdField
from teams.models import User, time_zones


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=User.Theme.choices)


class ProfileForm(forms.Form):
    name = GivenField(
        max_length=100,
        help_text="How others see you, also in the audit trail. Without one it is your e-mail address.",
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    time_zone = forms.ChoiceField(help_text="Every time on every page is shown in this zone.")
    theme = forms.ChoiceField(choices=User.Theme.choices, widget=forms.RadioSelect, label="Light or dark")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = zone_choices()  # type: ignore[attr-defined]


class SetupForm(forms.Form):
    name = forms.CharField(
        max_length=100, label="Your name", widget=forms.TextInput({"autocomplete": "name"})
    )
    email = forms.EmailField(
        max_length=254,
        label="E-mail address",
        help_text="You sign in with it.",
        widget=forms.EmailInput({"autocomplete": "username"}),
    )
    password = forms.CharField(
        max_length=1000,
        strip=False,
        help_text="At least 12 characters. A sentence is easier to remember than a puzzle.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    team_name = forms.CharField(
        max_length=80,
        label="Name of the first team",
        help_text="A team shares API keys and servers. More teams can follow.",
        widget=forms.TextInput({"autocomplete": "organization"}),
    )


class AuditFilter(forms.Form):
    """What the address of the audit list may say."""

    action = forms.ChoiceField(required=False, choices=[("", "any")])
    actor = forms.ChoiceField(required=False, label="Who")
    outcome = forms.ChoiceField(required=False, choices=[("", "any"), *Outcome.choices])
    server = IdField()

    def __init__(self, *args: Any, actors: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].choices = [("", "any"), *_actions_by_subject()]  # type: ignore[attr-defined]
        self.fields["actor"].choices = [("", "anybody"), *actors]  # type: ignore[attr-defined]


class AccountFilter(forms.Form):
    """What the address of a list about accounts may say. `person` is whoever acted, or whose account it was."""

    action = forms.ChoiceField(required=False)
    person = forms.ChoiceField(required=False, label="Whose")
    outcome = forms.ChoiceField(required=False, choices=[("", "any"), *Outcome.choices])

    def __init__(
        self, *args: Any, people: list[tuple[str, str]], actions: Iterable[AuditAction], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].choices = [("", "any"), *_actions_by_subject(actions)]  # type: ignore[attr-defined]
        self.fields["person"].choices = [("", "anybody"), *people]  # type: ignore[attr-defined]


def _actions_by_subject(
    actions: Iterable[AuditAction] = AuditAction,
) -> list[tuple[str, list[tuple[str, str]]]]:
    """The acts under their nouns, as a select shows groups."""
    in_order = sorted((action.value, str(action.label)) for action in actions)
    groups = groupby(in_order, key=lambda choice: choice[0].partition(".")[0])
    return [(noun.replace("_", " "), list(choices)) for noun, choices in groups]


@lru_cache(maxsize=1)
def zone_choices() -> list[tuple[str, Any]]:
    """UTC, then every zone that has a place, grouped by its part of the world."""
    places = sorted(name for name in time_zones() if _is_place(name))
    by_region = groupby(places, key=lambda name: name.partition("/")[0])
    grouped = [(region, [(name, _place(name)) for name in names]) for region, names in by_region]
    return [("UTC", "UTC"), *grouped]


REGIONS = {
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
}


def _is_place(name: str) -> bool:
    return name.partition("/")[0] in REGIONS and "/" in name


def _place(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", ", ")
