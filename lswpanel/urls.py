from django.urls import include, path

from lswpanel import views

handler500 = views.server_error
urlpatterns = [
    path("", views.home, name="home"),
    path("healthz/", views.healthz, name="healthz"),
    path("csp-report/", views.csp_report, name="csp_report"),
    path("accounts/", include("teams.urls_accounts")),
    path("", include("teams.urls")),
    path("t/<slug:team>/", include("jobs.urls")),
    path("t/<slug:team>/", include("servers.urls")),
]
