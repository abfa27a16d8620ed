"""What gunicorn serves. It refuses to start when a check of ours finds an error, as every command does.

The code is loaded before the supervisor's gate, if there is one; whatever may fail, or wants the static files, comes
behind it, when `manage.py prepare` has had its say.
"""

import gc
import os
from importlib import import_module

import django
from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.db import connections

from lswpanel.supervisor import gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")

django.setup(set_prefix=False)
import_module(settings.ROOT_URLCONF)

gate.wait()

from lswpanel import keychecks, starting  # noqa: E402  (needs loaded settings)
from lswpanel.checks import TAG  # noqa: E402

starting.refuse_what_is_missing()
if problems := [str(message) for message in run_checks(tags=[TAG]) if message.level >= ERROR]:
    raise ImproperlyConfigured("\n".join(problems))
keychecks.refuse_unprepared()
keychecks.refuse_others()
# Under --preload the children would share the connection.
connections.close_all()

application = get_wsgi_application()

# Under --preload the children share what was loaded; looking through it for garbage would copy it.
gc.freeze()
