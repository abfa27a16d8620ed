import pytest
from django.core.exceptions import ValidationError
from django.db.models import Model

from servers.models import ApiKey
from teams.models import Team
from teams.names import fitting_name, single_spaced


@pytest.mark.parametrize("text", ["North Ops", "  North\n\tOps ", "North\u2003Ops\r\n"])
def test_single_spaced_leaves_one_space_between_words(text: str) -> None:
    assert single_spaced(text) == "North Ops"


@pytest.mark.parametrize("model", [Team, ApiKey])
def test_fitting_name_is_single_spaced(model: type[Model]) -> None:
    assert fitting_name(model, " Main  account ") == "Main account"
    assert fitting_name(model, "x" * 80) == "x" * 80


@pytest.mark.parametrize("model", [Team, ApiKey])
@pytest.mark.parametrize("text", ["", " \n ", "x" * 81])
def test_fitting_name_says_what_does_not_fit(model: type[Model], text: str) -> None:
    with pytest.raises(ValidationError) as complaint:
        fitting_name(model, text)
    assert list(complaint.value.message_dict) == ["name"]
