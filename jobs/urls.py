from django.urls import path

from jobs.views import changes, external, job_new, jobs, overview, snapshots

app_name = "jobs"

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("changes/", changes.changes, name="changes"),
    path("jobs/", jobs.job_list, name="job_list"),
    path("jobs.csv", jobs.job_export, name="job_export"),
    path("jobs/<int:job_id>/", jobs.job_detail, name="job_detail"),
    path("jobs/<int:job_id>/cancel/", jobs.job_cancel, name="job_cancel"),
    path("jobs/<int:job_id>/call-off/", jobs.follow_up_call_off, name="follow_up_call_off"),
    path("jobs/<int:job_id>/settle/", jobs.job_settle, name="job_settle"),
    path("external/", external.external_list, name="external_list"),
    path("servers/<int:server_id>/jobs/new/<str:kind>/", job_new.job_new, name="job_new"),
    path("snapshots/", snapshots.snapshot_list, name="snapshot_list"),
    path("servers/<int:server_id>/snapshots/", snapshots.server_snapshots, name="server_snapshots"),
    path(
        "servers/<int:server_id>/snapshots/<int:snapshot_id>/",
        snapshots.snapshot_detail,
        name="snapshot_detail",
    ),
    path(
        "servers/<int:server_id>/snapshots/<int:snapshot_id>/refresh/",
        snapshots.snapshot_refresh,
        name="snapshot_refresh",
    ),
]
