"""Messages to people in a cookie of the panel's own name; those too long for it go into the session, as in Django."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class PanelCookieStorage(CookieStorage):
    cookie_name = settings.MESSAGE_COOKIE_NAME


class PanelStorage(FallbackStorage):
    storage_classes = (PanelCookieStorage, SessionStorage)
