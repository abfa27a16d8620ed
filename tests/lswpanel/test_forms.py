"""Our template for a choice says what Django's own says."""

import re

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates

BETWEEN_TAGS = re.compile(r">\s+<")
CHOICES = [
    ("", "any"),
    ('<"&', '</option><script>alert("1")</script>'),
    ("group", [("1", "one"), ("2", "two")]),
    (3, "a number"),
]


class Form(forms.Form):
    """A choice with everything a choice can have."""

    wish = forms.ChoiceField(choices=CHOICES, required=False, widget=forms.Select(attrs={"class": "wide"}))


def drawn(form: forms.Form) -> str:
    return BETWEEN_TAGS.sub("><", str(form["wish"]).strip())


@pytest.mark.once
@pytest.mark.parametrize("value", ["", '<"&', "2", "3", "no such choice"])
def test_choice_is_drawn_as_django_draws_it(value: str) -> None:
    assert drawn(Form({"wish": value})) == drawn(Form({"wish": value}, renderer=DjangoTemplates()))
    assert "<script>" not in drawn(Form({"wish": value}))
