"""What views of several apps answer with beside 200."""

from django.forms import BaseForm

UNPROCESSABLE = 422


def status_of(form: BaseForm) -> int:
    """The status of a page with `form` on it: one that came back is only shown again when something is wrong."""
    return UNPROCESSABLE if form.is_bound else 200
