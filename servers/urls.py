from django.urls import path

from servers.views import api_keys, calendar, credentials, naming, servers, traffic

app_name = "servers"

urlpatterns = [
    path("servers/", servers.server_list, name="server_list"),
    path("servers.csv", servers.server_export, name="server_export"),
    path("servers/<int:server_id>/", servers.server_detail, name="server_detail"),
    path("servers/<int:server_id>/refresh/", servers.server_refresh, name="server_refresh"),
    path("servers/<int:server_id>/rename/", naming.server_rename, name="server_rename"),
    path("servers/<int:server_id>/note/", naming.server_note, name="server_note"),
    path("servers/<int:server_id>/credentials/", credentials.credential_list, name="credential_list"),
    path(
        "servers/<int:server_id>/credentials/refresh/",
        credentials.credential_refresh,
        name="credential_refresh",
    ),
    path(
        "servers/<int:server_id>/credentials/reveal/", credentials.credential_reveal, name="credential_reveal"
    ),
    path("servers/<int:server_id>/credentials/store/", credentials.credential_store, name="credential_store"),
    path(
        "servers/<int:server_id>/readings/<str:subject>/refresh/",
        servers.reading_refresh,
        name="reading_refresh",
    ),
    path("servers/<int:server_id>/traffic/", traffic.server_traffic, name="server_traffic"),
    path("servers/<int:server_id>/traffic/csv/", traffic.server_traffic_csv, name="server_traffic_csv"),
    path("servers/<int:server_id>/traffic/limit/", traffic.server_quota, name="server_quota"),
    path("traffic/", traffic.team_traffic, name="team_traffic"),
    path("contracts/", calendar.contract_list, name="contract_list"),
    path("contracts.ics", calendar.contract_export, name="contract_export"),
    path("api-keys/", api_keys.api_key_list, name="api_key_list"),
    path("api-keys/new/", api_keys.api_key_new, name="api_key_new"),
    path("api-keys/<int:api_key_id>/rename/", api_keys.api_key_rename, name="api_key_rename"),
    path("api-keys/<int:api_key_id>/refresh/", api_keys.api_key_refresh, name="api_key_refresh"),
    path("api-keys/<int:api_key_id>/remove/", api_keys.api_key_remove, name="api_key_remove"),
]
