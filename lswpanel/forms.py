"""How forms look, and that files are refused."""

from typing import Any, NoReturn

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.forms.renderers import TemplatesSetting


class PanelFormRenderer(TemplatesSetting):
    """Forms and fields are drawn by our own templates, so that all of them look and read the same."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"


class RefuseUploads(FileUploadHandler):
    """No page takes a file, so none is read (X17)."""

    def new_file(self, *_: Any, **__: Any) -> NoReturn:
        raise SuspiciousOperation("This panel takes no files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> NoReturn:
        raise SuspiciousOperation("This panel takes no files.")

    def file_complete(self, file_size: int) -> None:
        return None
