"""What gunicorn serves. It refuses to start when a check of ours finds an error, as every command does.

The code is loaded before the supervisor's gate, if there is one; whatever may fail, or wants the static files, comes
behind it, when `manage.py prepare` has had its say.
"""

import gc
import os
from importlib import import_module

import django
from django.conf import settings

from lswpanel.supervisor import gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")

django.setup(set_prefix=False)
import_module(settings.ROOT_URLCONF)

gate.wait()

from lswpanel import serving  # noqa: E402  (needs loaded settings)
from lswpanel.requests import PanelHandler  # noqa: E402

serving.refuse_unsafe()

application = PanelHandler()

# Under --preload the children share what was loaded; looking through it for garbage would copy it.
gc.freeze()
