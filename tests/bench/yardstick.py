"""The yardstick: a bare Django view as somebody would write it in an afternoon, served like the panel.

Sessions and accounts, one query, 50 rows of 10 columns, two links and a date a row, nothing included; about 22 kB.
It shares the panel's database options and secrets (from the same environment) and nothing else. This one module is
settings, URLs, views and what gunicorn serves. `python -m tests.bench.yardstick` fills the database of DATABASE_URL
and prints the session cookie of somebody who is signed in.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from lswpanel import settings as panel

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Rows</title><link rel="stylesheet" href="/static/rows.css"></head>
<body>
<h1>Rows of {{ request.user.username }}</h1>
<table class="table">
<thead><tr><th>Name</th><th>State</th><th>Place</th><th>System</th><th>Address</th><th>Owner</th><th>Cores</th>\
<th>Memory</th><th>Seen</th><th>Change</th></tr></thead>
<tbody>
{% for row in rows %}<tr id="row-{{ row.pk }}">
<th scope="row"><a href="{% url "row" row.pk %}">{{ row.name }}</a></th>
<td class="state">{{ row.state }}</td>
<td class="place">{{ row.place }}</td>
<td class="system">{{ row.system }}</td>
<td class="address">{{ row.address }}</td>
<td class="owner">{{ row.owner }}</td>
<td class="number">{{ row.cores }}</td>
<td class="number">{{ row.memory }} GB</td>
<td class="seen">{{ row.seen|date:"Y-m-d H:i" }}</td>
<td><a class="button" href="{% url "change" row.pk %}">Change</a></td>
</tr>
{% endfor %}</tbody>
</table>
</body>
</html>
"""
LOADER = ("django.template.loaders.locmem.Loader", {"rows.html": TEMPLATE})
ROWS, SHOWN = 1000, 50

settings.configure(
    SECRET_KEY=panel.SECRET_KEY,
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF="tests.bench.yardstick",
    DATABASES=panel.DATABASES,
    DEFAULT_AUTO_FIELD=panel.DEFAULT_AUTO_FIELD,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [("django.template.loaders.cached.Loader", [LOADER])],
                "context_processors": ["django.template.context_processors.request"],
            },
        }
    ],
    USE_I18N=False,
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402  (needs the settings above)
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


class Row(models.Model):
    name = models.CharField(max_length=80)
    state = models.CharField(max_length=20)
    place = models.CharField(max_length=20)
    system = models.CharField(max_length=80)
    address = models.CharField(max_length=40)
    owner = models.CharField(max_length=40)
    cores = models.IntegerField()
    memory = models.IntegerField()
    seen = models.DateTimeField()

    objects: ClassVar[models.Manager["Row"]] = models.Manager()

    class Meta:
        app_label = "yardstick"

    def __str__(self) -> str:
        return self.name


@login_required
def rows(request: HttpRequest) -> HttpResponse:
    return render(request, "rows.html", {"rows": Row.objects.order_by("pk")[:SHOWN]})


@login_required
def row(request: HttpRequest, pk: int) -> HttpResponse:
    """Only a target for the links of the list."""
    return HttpResponse(f"row {pk}")


urlpatterns = [
    path("rows/", rows, name="rows"),
    path("rows/<int:pk>/", row, name="row"),
    path("rows/<int:pk>/change/", row, name="change"),
]
application = get_wsgi_application()


def fill() -> str:
    """Tables, rows and a signed-in person; returns `name=value` of the session cookie."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Row)
    Row.objects.bulk_create(_rows())
    client = Client()
    client.force_login(get_user_model().objects.create_user("somebody"))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _rows() -> list[Row]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Row(
            name=f"web-{number:04}.example.com",
            state="RUNNING",
            place="AMS-01",
            system="Ubuntu 24.04 LTS (x86_64)",
            address=f"10.0.{number // 250}.{number % 250}",
            owner="North Operations",
            cores=4,
            memory=8,
            seen=start + timedelta(minutes=number),
        )
        for number in range(ROWS)
    ]


if __name__ == "__main__":
    sys.stdout.write(f"{fill()}\n")
