"""What Django would decode before any middleware of ours runs: decoded here, so that a broken request gets a page.

`malformed` is looked at by `middleware.refuse_malformed`, which stands inside everything that sets headers.
"""

import codecs
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

Environ = dict[str, Any]


# What would move the panel away from the root of its address; the last two are what a proxy sent as headers.
ELSEWHERE = ("SCRIPT_NAME", "HTTP_SCRIPT_NAME", "HTTP_PATH_INFO")


class PanelRequest(WSGIRequest):
    """A request in UTF-8, the only encoding that pages of ours send, at the root of the address."""

    malformed = False

    def __init__(self, environ: Environ) -> None:
        # FORCE_SCRIPT_NAME keeps Django from reading it; but pages would lead to other addresses than the proxy's.
        self.malformed = any(environ.get(name) for name in ELSEWHERE)
        super().__init__(environ)

    def _set_content_type_params(self, meta: Environ) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs do not know it
            charset = (self.content_params or {}).get("charset", "utf-8")
            sound = codecs.lookup(charset).name == "utf-8"
        except (LookupError, ValueError, SuspiciousOperation):
            # The last one: naming an encoding makes Django read the address's fields here, which may be too many.
            sound = False
        if not sound:
            self.malformed = True
            self.content_type, self.content_params, self._encoding = "", {}, None


class PanelHandler(WSGIHandler):
    request_class = PanelRequest
