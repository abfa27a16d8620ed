"""Everything that a browser has to complain about while a test uses it."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# The browser itself turns a refusal by the policy into an event; saying it aloud puts it beside the other complaints.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`);
});
"""
# Chromium writes this for every page that is meant to be a 403, 404 or 422.
ANSWER_IS_AN_ERROR = "Failed to load resource: the server responded with a status of"


class Watch:
    """Listens to all pages of a context; `complaints` is to stay empty.

    The status of a page is the business of the test that opened it, so it is no complaint; that of anything a page
    loads by itself is one.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._web_error)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(ANSWER_IS_AN_ERROR):
            self.complaints.append(f"{message.type}: {message.text} at {message.location.get('url')}")

    def _web_error(self, error: WebError) -> None:
        self.complaints.append(f"exception: {error.error}")

    def _failed(self, request: Request) -> None:
        """Leaving a page ends what it was asking for; that is no failure."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if "/csp-report/" in response.url:
            self.complaints.append(f"policy report from {response.request.headers.get('referer')}")
        elif response.status >= 400 and not response.request.is_navigation_request():
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")
