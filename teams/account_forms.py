"""django-allauth's forms in the panel's words, and without placeholders, which would say each label twice."""

from typing import Any

from allauth.account import forms
from allauth.account.adapter import get_adapter

ADDRESS = "E-mail address"


class LabelsOnly:
    """Mixed into a form: drops the placeholders of its widgets and names its address field as all other forms do."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = ADDRESS if name in ("login", "email") else field.label


class LoginForm(LabelsOnly, forms.LoginForm):
    pass


class ReauthenticateForm(LabelsOnly, forms.ReauthenticateForm):
    pass


class ChangePasswordForm(LabelsOnly, forms.ChangePasswordForm):
    def clean_oldpassword(self) -> str:
        """Whoever sits at somebody's open session gets no more tries here than at the sign-in (X5)."""
        adapter, typed = get_adapter(), str(self.cleaned_data["oldpassword"])
        if not adapter.reauthenticate(self.user, typed):
            raise adapter.validation_error("enter_current_password")
        return typed


class ResetPasswordForm(LabelsOnly, forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(LabelsOnly, forms.ResetPasswordKeyForm):
    pass
