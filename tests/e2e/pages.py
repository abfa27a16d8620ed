"""The table of all pages: for each name of the URLconf the addresses that show it in a house."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.urls import reverse

from jobs.kinds import KINDS as JOB_KINDS
from servers.models import Server
from teams.permissions import Permission, Role, allows
from tests.e2e.house import House
from tests.test_urls import EVERY

ANSWERS_NO_GET = {
    "csp_report",
    "jobs:follow_up_call_off",
    "jobs:job_cancel",
    "jobs:job_settle",
    "jobs:snapshot_refresh",
    "servers:api_key_refresh",
    "servers:credential_refresh",
    "servers:reading_refresh",
    "servers:server_refresh",
}
IS_NO_PAGE = {
    "healthz",
    "home",
    "jobs:changes",
    "jobs:job_export",
    "servers:contract_export",
    "teams:audit_checkpoints",
    "teams:installation_changes",
    "teams:installation_checkpoints",
    "servers:server_export",
    "servers:server_traffic_csv",
}
KINDS = ("power_on", "power_off", "reboot")


class Visit(NamedTuple):
    """A page of `team` (empty for pages that belong to none), and the right that it takes."""

    address: str
    team: str = ""
    right: Permission | None = None
    status: int = 200

    def expected(self, role: str, house: House) -> int:
        """The status for somebody who is `role` in the house, and owner of its empty team if they own the house."""
        if self.team == house.empty_team.slug and role != Role.OWNER:
            return 404
        return 403 if self.right and not allows(role, self.right) else self.status


Visits = Callable[[House], Iterable[Visit]]


def visit(name: str, house: House, *, query: str = "", empty: bool = False, **ids: object) -> Visit:
    team = house.empty_team.slug if empty else house.team.slug
    kind = JOB_KINDS.get(str(ids.get("kind")))
    right = kind.permission if kind else EVERY[name][1].callback.permission
    return Visit(reverse(name, kwargs={"team": team, **ids}) + query, team, right)


def of_team(name: str, *queries: str) -> Visits:
    """A page without an id, with these query strings."""
    return lambda house: [visit(name, house, query=query) for query in ("", *queries)]


def also_empty(name: str, *queries: str) -> Visits:
    """The same, and in the team where nothing has happened yet."""
    return lambda house: [*of_team(name, *queries)(house), visit(name, house, empty=True)]


def of_no_team(name: str, status: int = 200, **arguments: str) -> Visits:
    return lambda house: [Visit(reverse(name, kwargs=arguments or None), status=status)]


def of_servers(name: str, *which: int, query: str = "") -> Visits:
    """Of the nasty servers, then one that is gone, one without a key, and a bare one; of all without `which`."""

    def visits(house: House) -> Iterable[Visit]:
        odd = _odd(house)
        chosen = [odd[number] for number in which] or odd
        return [visit(name, house, query=query, server_id=server.pk) for server in chosen]

    return visits


def traffic_pages(house: House) -> Iterable[Visit]:
    """The ranges of one with figures and a failed reading; then one without a key, and the bare one."""
    full, *others = _odd(house)
    queries = ("?range=12m", "?range=24h&granularity=5MIN", "?range=30d&granularity=NONE")
    bad = visit("servers:server_traffic", house, query="?first=2026-11-20&last=2026-11-02", server_id=full.pk)
    return [
        *(visit("servers:server_traffic", house, query=query, server_id=full.pk) for query in ("", *queries)),
        *(visit("servers:server_traffic", house, server_id=server.pk) for server in others[-2:]),
        bad._replace(status=422),
    ]


def limits(house: House) -> Iterable[Visit]:
    """One that the contract tells, one that somebody set."""
    wanted = (house.servers[1], house.servers[-1])
    return [visit("servers:server_quota", house, server_id=server.pk) for server in wanted]


def confirmations(house: House) -> Iterable[Visit]:
    """What speaks for and against each kind: a state, a live job, a key that is refused, no key, no server."""
    pairs = zip(_odd(house)[3:], KINDS * 3, strict=False)
    power = [visit("jobs:job_new", house, server_id=server.pk, kind=kind) for server, kind in pairs]
    return [*power, *_creations(house), *_of_snapshots(house)]


def _creations(house: House) -> Iterable[Visit]:
    """A reinstall of a server with every snapshot and system, and of one whose systems are not known yet."""
    stored, unread = house.stored, house.servers[-1]
    return [
        visit("jobs:job_new", house, server_id=server.pk, kind=kind, query=query)
        for server, kind, query in (
            (stored, "reinstall", ""),
            (stored, "reinstall", "?q=nothing-like-it"),
            (unread, "reinstall", ""),
            (stored, "snapshot_create", ""),
        )
    ]


def _of_snapshots(house: House) -> Iterable[Visit]:
    """Going back and deleting, for a nasty name, a broken one, and one that is gone."""
    return [
        visit("jobs:job_new", house, server_id=house.stored.pk, kind=kind, query=f"?snapshot={snapshot.pk}")
        for kind in ("snapshot_restore", "snapshot_delete")
        for snapshot in (house.snapshots[4], house.snapshots[3], house.snapshots[-1])
    ]


def snapshots_of_servers(house: House) -> Iterable[Visit]:
    """Every state and nasty name; a server without key, whose snapshots nobody can read; and a bare one."""
    servers = (house.stored, house.servers[-2], house.servers[-1])
    return [visit("jobs:server_snapshots", house, server_id=server.pk) for server in servers]


def snapshot_pages(house: House) -> Iterable[Visit]:
    return [
        visit("jobs:snapshot_detail", house, server_id=snapshot.server_id, snapshot_id=snapshot.pk)
        for snapshot in house.snapshots
    ]


def _odd(house: House) -> list[Server]:
    return [*house.servers[:6], *house.servers[-3:]]


def job_pages(house: House) -> Iterable[Visit]:
    return [visit("jobs:job_detail", house, job_id=job.pk) for job in house.jobs.values()]


def of_key(name: str) -> Visits:
    return lambda house: [visit(name, house, api_key_id=key.pk) for key in list(house.keys.values())[3:5]]


def entries(house: House) -> Iterable[Visit]:
    return [visit("teams:audit_detail", house, sequence=entry.sequence) for entry in house.entries[::3]]


def account_entries(name: str, *, team: bool = False) -> Visits:
    """Entries of the installation: what happened to the accounts of members, each with a nasty name."""

    def visits(house: House) -> Iterable[Visit]:
        numbers = [entry.sequence for entry in house.account_entries[:3]]
        if team:
            return [visit(name, house, sequence=number) for number in numbers]
        return [Visit(reverse(name, kwargs={"sequence": number})) for number in numbers]

    return visits


PAGES: dict[str, Visits] = {
    "account_change_password": of_no_team("account_change_password"),
    "account_inactive": of_no_team("account_inactive"),
    "account_login": of_no_team("account_login"),
    "account_logout": of_no_team("account_logout"),
    "account_reauthenticate": of_no_team("account_reauthenticate"),
    "account_reset_password": of_no_team("account_reset_password"),
    "account_reset_password_done": of_no_team("account_reset_password_done"),
    "account_reset_password_from_key": of_no_team("account_reset_password_from_key", uidb36="1", key="no"),
    "account_reset_password_from_key_done": of_no_team("account_reset_password_from_key_done"),
    "jobs:external_list": also_empty("jobs:external_list", "?what=state", "?what=vanished&server=1"),
    "jobs:job_detail": job_pages,
    "jobs:job_list": also_empty("jobs:job_list", "?status=live", "?kind=reboot&status=skipped&mine=on"),
    "jobs:job_new": confirmations,
    "jobs:overview": also_empty("jobs:overview"),
    "jobs:server_snapshots": snapshots_of_servers,
    "jobs:snapshot_detail": snapshot_pages,
    "jobs:snapshot_list": also_empty("jobs:snapshot_list", "?gone=all&sort=name", "?q=nothing-like-it"),
    "servers:api_key_list": also_empty("servers:api_key_list"),
    "servers:api_key_new": of_team("servers:api_key_new"),
    "servers:api_key_remove": of_key("servers:api_key_remove"),
    "servers:api_key_rename": of_key("servers:api_key_rename"),
    "servers:contract_list": also_empty("servers:contract_list", "?within=all", "?q=nothing-like-it"),
    "servers:credential_list": of_servers("servers:credential_list", 0, 1, 2, -3, -1),
    "servers:credential_reveal": of_servers(
        "servers:credential_reveal", 0, query="?type=OPERATING_SYSTEM&username=root"
    ),
    "servers:credential_store": of_servers("servers:credential_store", 4, query="?username=root"),
    "servers:server_detail": of_servers("servers:server_detail"),
    "servers:server_list": also_empty("servers:server_list", "?q=nothing-like-it", "?gone=all&sort=-place"),
    "servers:server_note": of_servers("servers:server_note", 4),
    "servers:server_rename": of_servers("servers:server_rename", 4, -3),
    "servers:server_quota": limits,
    "servers:server_traffic": traffic_pages,
    "servers:team_traffic": also_empty("servers:team_traffic", "?sort=percent"),
    "teams:audit_detail": entries,
    "teams:audit_list": also_empty("teams:audit_list", "?outcome=failed"),
    "teams:audit_verify": also_empty("teams:audit_verify"),
    "teams:installation_detail": account_entries("teams:installation_detail"),
    "teams:installation_list": of_no_team("teams:installation_list"),
    "teams:installation_verify": of_no_team("teams:installation_verify"),
    "teams:member_list": of_team("teams:member_list"),
    "teams:profile": of_no_team("teams:profile"),
    "teams:role_list": of_team("teams:role_list"),
    "teams:sign_in_detail": account_entries("teams:sign_in_detail", team=True),
    "teams:sign_in_list": also_empty("teams:sign_in_list", "?action=login.end"),
    "teams:setup": of_no_team("teams:setup", status=410, token="made-up"),
}
