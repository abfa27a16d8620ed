"""The pages of django-allauth that this panel uses; sign-up and the rest are not routed."""

from allauth.account import views
from django.urls import path, re_path

from teams.access import public_view

urlpatterns = [
    path("login/", public_view(views.login), name="account_login"),
    path("logout/", public_view(views.logout), name="account_logout"),
    path("confirm/", public_view(views.reauthenticate), name="account_reauthenticate"),
    path("password/change/", public_view(views.password_change), name="account_change_password"),
    path("password/reset/", public_view(views.password_reset), name="account_reset_password"),
    path("password/reset/done/", public_view(views.password_reset_done), name="account_reset_password_done"),
    # The key has a hyphen of its own, so what stands before the first one is the person.
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)/$",
        public_view(views.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        public_view(views.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("inactive/", public_view(views.account_inactive), name="account_inactive"),
]
