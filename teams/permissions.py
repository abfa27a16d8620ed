"""The table that decides who may do what. Pure: no request, no database; the roles page is rendered from it."""

from enum import StrEnum


class Permission(StrEnum):
    """`noun:verb`; the value is what entries and pages show."""

    API_KEYS_MANAGE = "api_keys:manage"
    AUDIT_EXPORT = "audit:export"
    AUDIT_SEE = "audit:see"
    CREDENTIALS_REVEAL = "credentials:reveal"
    CREDENTIALS_STORE = "credentials:store"
    EXPORT_LISTS = "lists:export"
    JOBS_CANCEL_ANY = "jobs:cancel_any"
    JOBS_CANCEL_OWN = "jobs:cancel_own"
    JOBS_SEE = "jobs:see"
    JOBS_SETTLE_ANY = "jobs:settle_any"
    JOBS_SETTLE_POWER = "jobs:settle_power"
    LABELS_MANAGE = "labels:manage"
    MEMBERS_MANAGE = "members:manage"
    MEMBERS_SEE = "members:see"
    OWNERS_MANAGE = "owners:manage"
    SERVERS_POWER = "servers:power"
    SERVERS_REFRESH = "servers:refresh"
    SERVERS_REINSTALL = "servers:reinstall"
    SERVERS_RENAME = "servers:rename"
    SERVERS_SEE = "servers:see"
    SNAPSHOTS_CREATE = "snapshots:create"
    SNAPSHOTS_DELETE = "snapshots:delete"
    SNAPSHOTS_RESTORE = "snapshots:restore"
    TEAM_DELETE = "team:delete"
    TEAM_RETENTION = "team:retention"
    TEAM_SETTINGS = "team:settings"
    TEAM_TRANSFER = "team:transfer"
    TRAFFIC_QUOTA = "traffic:quota"
    TRAFFIC_SEE = "traffic:see"


class Role(StrEnum):
    VIEWER = "viewer"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"
    OWNER = "owner"


P = Permission
_VIEWER = frozenset({P.SERVERS_SEE, P.JOBS_SEE, P.TRAFFIC_SEE})
_AUDITOR = _VIEWER | {P.MEMBERS_SEE, P.AUDIT_SEE, P.AUDIT_EXPORT}
_OPERATOR = _VIEWER | {
    P.SERVERS_POWER,
    P.SERVERS_RENAME,
    P.SERVERS_REFRESH,
    P.SNAPSHOTS_CREATE,
    P.JOBS_CANCEL_OWN,
    P.JOBS_SETTLE_POWER,
    P.EXPORT_LISTS,
}
_ADMIN = _OPERATOR | {
    P.SERVERS_REINSTALL,
    P.SNAPSHOTS_RESTORE,
    P.SNAPSHOTS_DELETE,
    P.CREDENTIALS_REVEAL,
    P.CREDENTIALS_STORE,
    P.JOBS_CANCEL_ANY,
    P.JOBS_SETTLE_ANY,
    P.API_KEYS_MANAGE,
    P.LABELS_MANAGE,
    P.MEMBERS_SEE,
    P.MEMBERS_MANAGE,
    P.AUDIT_SEE,
    P.AUDIT_EXPORT,
    P.TEAM_SETTINGS,
    P.TRAFFIC_QUOTA,
}
_OWNER = _ADMIN | {P.OWNERS_MANAGE, P.TEAM_TRANSFER, P.TEAM_RETENTION, P.TEAM_DELETE}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.AUDITOR: frozenset(_AUDITOR),
    Role.OPERATOR: frozenset(_OPERATOR),
    Role.ADMIN: frozenset(_ADMIN),
    Role.OWNER: frozenset(_OWNER),
}

PERMISSION_TEXT: dict[Permission, str] = {
    P.API_KEYS_MANAGE: "Add, rename and remove API keys",
    P.AUDIT_EXPORT: "Export the audit trail",
    P.AUDIT_SEE: "Read the audit trail",
    P.CREDENTIALS_REVEAL: "Reveal server passwords",
    P.CREDENTIALS_STORE: "Store server passwords at Leaseweb",
    P.EXPORT_LISTS: "Export lists",
    P.JOBS_CANCEL_ANY: "Cancel anybody's queued jobs",
    P.JOBS_CANCEL_OWN: "Cancel own queued jobs",
    P.JOBS_SEE: "See jobs and their evidence",
    P.JOBS_SETTLE_ANY: "Settle any job whose outcome is unknown",
    P.JOBS_SETTLE_POWER: "Settle power jobs whose outcome is unknown",
    P.LABELS_MANAGE: "Edit labels",
    P.MEMBERS_MANAGE: "Invite, change and remove members",
    P.MEMBERS_SEE: "See the members",
    P.OWNERS_MANAGE: "Add and remove owners",
    P.SERVERS_POWER: "Power on, power off, reboot",
    P.SERVERS_REFRESH: "Ask for a fresh reading",
    P.SERVERS_REINSTALL: "Reinstall servers",
    P.SERVERS_RENAME: "Rename servers",
    P.SERVERS_SEE: "See servers",
    P.SNAPSHOTS_CREATE: "Create snapshots",
    P.SNAPSHOTS_DELETE: "Delete snapshots",
    P.SNAPSHOTS_RESTORE: "Restore snapshots",
    P.TEAM_DELETE: "Delete the team",
    P.TEAM_RETENTION: "Set how long entries are kept",
    P.TEAM_SETTINGS: "Change team settings",
    P.TEAM_TRANSFER: "Transfer ownership",
    P.TRAFFIC_QUOTA: "Set the traffic limit of a server",
    P.TRAFFIC_SEE: "See traffic",
}

ROLE_TEXT: dict[Role, str] = {
    Role.VIEWER: "sees servers, jobs and traffic, and changes nothing",
    Role.AUDITOR: "sees what a viewer sees, the members, and the audit trail",
    Role.OPERATOR: "runs the servers: power, names, snapshots, own jobs",
    Role.ADMIN: "runs everything, and manages keys, members and settings",
    Role.OWNER: "may do all of it, and decides about owners and the team itself",
}

# The first half of a permission's value, in the order and with the heading under which the roles page shows it.
SUBJECT_TEXT: dict[str, str] = {
    "servers": "Servers",
    "snapshots": "Snapshots",
    "credentials": "Server passwords",
    "traffic": "Traffic",
    "jobs": "Jobs",
    "lists": "Lists",
    "labels": "Labels",
    "api_keys": "API keys",
    "members": "Members",
    "owners": "Owners",
    "audit": "Audit trail",
    "team": "Team",
}


def roles_with(permission: Permission) -> list[str]:
    """The roles that include `permission`, for questions to the database."""
    return [role.value for role, held in ROLE_PERMISSIONS.items() if permission in held]


def allows(role: str, permission: Permission) -> bool:
    """Whether `role` includes `permission`; a role that this version does not know allows nothing."""
    try:
        return permission in ROLE_PERMISSIONS[Role(role)]
    except ValueError:
        return False
