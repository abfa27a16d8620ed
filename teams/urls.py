from django.urls import include, path

from teams.views import audit, installation, people, setup

app_name = "teams"

of_team = [
    path("audit/", audit.audit_list, name="audit_list"),
    path("audit/verify/", audit.audit_verify, name="audit_verify"),
    path("audit/checkpoints/", audit.audit_checkpoints, name="audit_checkpoints"),
    path("audit/<int:sequence>/", audit.audit_detail, name="audit_detail"),
    path("members/", people.member_list, name="member_list"),
    path("members/sign-ins/", people.sign_in_list, name="sign_in_list"),
    path("members/sign-ins/<int:sequence>/", people.sign_in_detail, name="sign_in_detail"),
    path("roles/", people.role_list, name="role_list"),
]
of_installation = [
    path("", installation.installation_list, name="installation_list"),
    path("verify/", installation.installation_verify, name="installation_verify"),
    path("changes/", installation.installation_changes, name="installation_changes"),
    path("checkpoints/", installation.installation_checkpoints, name="installation_checkpoints"),
    path("<int:sequence>/", installation.installation_detail, name="installation_detail"),
]
urlpatterns = [
    path("setup/<str:token>/", setup.setup, name="setup"),
    path("profile/", people.profile, name="profile"),
    path("installation/", include(of_installation)),
    path("t/<slug:team>/", include(of_team)),
]
