"""What people type about servers and keys. The filters tell nobody off: what does not fit is left out."""

from django import forms
from django.views.decorators.debug import sensitive_variables

from servers import contract_queries
from servers.leaseweb import Secret, looks_like_key
from servers.models import ApiKey, Server
from servers.queries import SORTS, Facets, Filters
from servers.services import KEY_AS_NAME
from teams.edits import EditForm
from teams.fields import UNFILLED, GivenField, IdField, SearchField, SecretInput, SortField
from teams.names import single_spaced

LONGEST_REFERENCE = 255
STATES = [("", "any state"), *Server.State.choices]
ENDS = [
    ("", "within a year"),
    ("30", "within 30 days"),
    ("90", "within 90 days"),
    ("all", "at any time"),
]
GONE = [("", "listed by Leaseweb"), ("yes", "gone"), ("all", "all")]


class ServerFilterForm(forms.Form):
    q = SearchField("Name, id or address")
    state = forms.ChoiceField(choices=STATES, required=False)
    place = forms.CharField(label="Data centre", required=False, max_length=64, widget=forms.Select)
    template = forms.CharField(label="System", required=False, max_length=200, widget=forms.Select)
    key = IdField(label="API key", widget=forms.Select)
    gone = forms.ChoiceField(label="Show", choices=GONE, required=False)
    live = forms.BooleanField(label="Only with a job in flight", required=False)
    sort = SortField(SORTS)

    def filters(self) -> Filters:
        """What can be used of the URL."""
        self.is_valid()
        found = {name: value for name, value in self.cleaned_data.items() if value}
        return Filters(**found)

    def offer(self, facets: Facets, keys: list[ApiKey]) -> None:
        """Fill the choices with what there is; a choice of one is no choice and is taken away."""
        self._choose("place", [(name, name) for name in facets.places], "anywhere")
        self._choose("template", [(name, name) for name in facets.templates], "any system")
        self._choose("key", [(str(key.pk), key.name) for key in keys], "any key")

    def _choose(self, name: str, choices: list[tuple[str, str]], anything: str) -> None:
        if len(choices) < 2 and not self.cleaned_data.get(name):
            del self.fields[name]
            return
        self.fields[name].widget.choices = [("", anything), *choices]


class ContractFilterForm(forms.Form):
    q = SearchField("Name, id or address")
    within = forms.ChoiceField(label="Ends", choices=ENDS, required=False)

    def filters(self) -> contract_queries.Filters:
        """What can be used of the URL."""
        self.is_valid()
        return contract_queries.Filters(**{name: value for name, value in self.cleaned_data.items() if value})


class ServerNameForm(EditForm):
    """The reference of a server at Leaseweb. Line breaks and runs of spaces become one space."""

    reference = GivenField(
        label="Name",
        max_length=LONGEST_REFERENCE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-focus": True}),
    )

    def clean_reference(self) -> str:
        return single_spaced(self.cleaned_data["reference"])


class ServerNoteForm(EditForm):
    note = GivenField(
        max_length=2000,
        help_text="For your team alone; Leaseweb never sees it. No passwords: everybody in the team can read this.",
        widget=forms.Textarea(attrs={"rows": 8}),
    )


class ApiKeyNameForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        help_text="What your team calls it, for example the account it belongs to.",
        widget=forms.TextInput(attrs=UNFILLED),
    )

    def clean_name(self) -> str:
        """A key that was typed here by mistake is not sent back to the browser either (K3)."""
        name = single_spaced(self.cleaned_data["name"])
        if looks_like_key(name):
            self.data = dict(self.data.items()) | {"name": ""}
            raise forms.ValidationError(KEY_AS_NAME)
        return name


class ApiKeyRenameForm(EditForm, ApiKeyNameForm):
    pass


class ApiKeyForm(ApiKeyNameForm):
    """A new key. It is never shown again: not on this form either, when something else on it is wrong (K3)."""

    key = forms.CharField(
        label="API key",
        help_text="From the Customer Portal, under API keys. It is tried at once, then kept encrypted.",
        widget=SecretInput,
    )

    @sensitive_variables()
    def clean_key(self) -> Secret:
        try:
            return Secret.api_key(self.cleaned_data["key"])
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None
