"""What people type about passwords of servers. None is ever sent back to a browser from here."""

from typing import Any

from django import forms
from django.views.decorators.debug import sensitive_variables

from servers.leaseweb import CredentialType, Secret, is_username
from teams.fields import UNFILLED, SecretInput

KINDS = [
    (CredentialType.OPERATING_SYSTEM.value, "Operating system"),
    (CredentialType.CONTROL_PANEL.value, "Control panel"),
]
LONGEST_PASSWORD = 256
UNASKABLE = "The API takes user names of 1 to 256 printable characters, and neither “.” nor “..”."


class CredentialForm(forms.Form):
    """Which credential is meant, from the address of the page."""

    type = forms.ChoiceField(choices=KINDS)
    username = forms.CharField(max_length=256, strip=False)

    def wanted(self) -> tuple[CredentialType, str] | None:
        """None when the address names none."""
        if not self.is_valid():
            return None
        return CredentialType(self.cleaned_data["type"]), self.cleaned_data["username"]


class RevealForm(forms.Form):
    reason = forms.CharField(
        label="Why do you need it?",
        required=False,
        max_length=300,
        help_text="Kept in the audit trail, for example “ticket 4711, console login”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _password_field(label: str, **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=LONGEST_PASSWORD, strip=False, widget=SecretInput, **options
    )


class StoreForm(forms.Form):
    """A password for the portal. Whatever is wrong with the form, the password has to be entered again."""

    type = forms.ChoiceField(choices=KINDS)
    username = forms.CharField(
        label="User",
        max_length=256,
        help_text="For example root, Administrator or admin. An unknown one is added.",
        widget=forms.TextInput(attrs=UNFILLED),
    )
    password = _password_field("Password")
    again = _password_field("The same password again")

    def clean_type(self) -> CredentialType:
        return CredentialType(self.cleaned_data["type"])

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if not is_username(username):
            raise forms.ValidationError(UNASKABLE)
        return username

    @sensitive_variables()
    def clean_password(self) -> Secret:
        return _fitting(self.cleaned_data["password"])

    @sensitive_variables()
    def clean_again(self) -> Secret:
        again = Secret(self.cleaned_data["again"])
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise forms.ValidationError("The two are not the same. Enter both again.")
        return again


@sensitive_variables()
def _fitting(password: str) -> Secret:
    """A line break or a tab would be typed by nobody at a login; such a password was pasted by mistake."""
    if not password.isprintable():
        raise forms.ValidationError(
            "A password is one line of printable characters, without tabs or line breaks."
        )
    return Secret(password)
