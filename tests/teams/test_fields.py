"""Every field for a secret, in whatever form: browsers and password managers keep out of those that are no sign-in."""

from collections.abc import Iterator

from django import forms

import servers.credential_forms
import servers.forms
import teams.account_forms
import teams.forms
from teams.fields import UNFILLED, SecretInput

MODULES = (servers.credential_forms, servers.forms, teams.account_forms, teams.forms)
# Where a person gives the panel's own password, a manager is welcome.
SIGN_IN = {
    ("LoginForm", "password"),
    ("ReauthenticateForm", "password"),
    ("ChangePasswordForm", "oldpassword"),
}


def secrets() -> Iterator[tuple[str, str, forms.Field]]:
    """Every field of every form that a browser hides, with the names of both."""
    for module in MODULES:
        for name, form in vars(module).items():
            if not (isinstance(form, type) and issubclass(form, forms.Form)):
                continue
            for field_name, field in form.base_fields.items():
                if isinstance(field.widget, forms.PasswordInput):
                    yield name, field_name, field


def test_secret_that_is_no_sign_in_is_filled_by_no_browser() -> None:
    found = list(secrets())
    assert {("ApiKeyForm", "key"), ("StoreForm", "password"), ("StoreForm", "again")} <= {
        (form, name) for form, name, _ in found
    }
    for form, name, field in found:
        wanted = "current-password" if (form, name) in SIGN_IN else "new-password"
        assert field.widget.attrs["autocomplete"] == wanted, (form, name)
        assert not field.widget.render_value, (form, name)


def test_own_secret_tells_every_password_manager_to_keep_out() -> None:
    """Each of them reads a word of its own, and none reads those of the others."""
    words = {"data-1p-ignore", "data-lpignore", "data-bwignore", "data-form-type"}
    own = [field for _, _, field in secrets() if isinstance(field.widget, SecretInput)]
    assert len(own) >= 3
    for field in own:
        assert words <= set(field.widget.attrs)
    names = (
        servers.forms.ApiKeyForm.base_fields["name"],
        servers.credential_forms.StoreForm.base_fields["username"],
    )
    assert all(field.widget.attrs.items() >= UNFILLED.items() for field in names)
