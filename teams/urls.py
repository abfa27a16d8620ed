from django.urls import include, path

from teams.views import audit, people, setup

app_name = "teams"

of_team = [
    path("audit/", audit.audit_list, name="audit_list"),
    path("audit/verify/", audit.audit_verify, name="audit_verify"),
    path("audit/checkpoints/", audit.audit_checkpoints, name="audit_checkpoints"),
    path("audit/<int:sequence>/", audit.audit_detail, name="audit_detail"),
    path("members/", people.member_list, name="member_list"),
    path("roles/", people.role_list, name="role_list"),
]
urlpatterns = [
    path("setup/<str:token>/", setup.setup, name="setup"),
    path("profile/", people.profile, name="profile"),
    path("t/<slug:team>/", include(of_team)),
]
