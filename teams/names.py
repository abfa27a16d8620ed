"""Names that people type, as they are kept."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model


def single_spaced(text: str) -> str:
    """`text` without space around it; every line break, tab or run of spaces inside becomes one space."""
    return " ".join(text.split())


def fitting_name(model: type[Model], text: str) -> str:
    """`text` single-spaced, if the field `name` of `model` takes it.

    Raises ValidationError under "name" when it is empty or too long.
    """
    name = single_spaced(text)
    field: Any = model._meta.get_field("name")
    try:
        field.clean(name, None)
    except ValidationError as error:
        raise ValidationError({"name": error.messages}) from None
    return name
