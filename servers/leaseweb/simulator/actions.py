"""What may be done to a server, and what is in the way.

Each function checks, then begins. It returns whether the action was carried out: false only when the fault
is to accept and ignore it. Leaseweb documents few conditions; where it is silent, CloudStack's rules stand
in, and the answer is 409. Powering on what runs, or off what is stopped, is accepted and changes nothing.
"""

import re
from datetime import datetime
from uuid import uuid4

from . import tasks
from .catalogue import templates_for
from .model import CREDENTIAL_TYPES, Ending, NotFoundError, RefusedError, Server, Snapshot
from .tasks import require_free
from .world import World

_SNAPSHOT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 ]*")
_LONGEST_SNAPSHOT_NAME = 255


def require_state(server: Server, state: str) -> None:
    if server.state != state:
        raise RefusedError(409, f"Resource '{server.id}' is {server.state}; this action needs {state}")


def power_on(world: World, server: Server, *, ending: Ending) -> bool:
    require_free(server)
    if server.state == "RUNNING":
        return ending is not Ending.IGNORED
    require_state(server, "STOPPED")
    plan = tasks.power_on(server, world.durations, fails=ending is Ending.FAILS)
    return world.begin(server, "powerOn", plan, ending=ending)


def power_off(world: World, server: Server, *, ending: Ending) -> bool:
    require_free(server)
    if server.state == "STOPPED":
        return ending is not Ending.IGNORED
    require_state(server, "RUNNING")
    plan = tasks.power_off(server, world.durations, fails=ending is Ending.FAILS)
    return world.begin(server, "powerOff", plan, ending=ending)


def reboot(world: World, server: Server, *, ending: Ending) -> bool:
    require_free(server)
    require_state(server, "RUNNING")
    plan = tasks.reboot(server, world.durations, fails=ending is Ending.FAILS)
    if world.behaviour.quick_reboot and ending is not Ending.FAILS:
        plan = tasks.quick_reboot(world.durations)
    return world.begin(server, "reboot", plan, ending=ending)


def reinstall(world: World, server: Server, template_id: str, *, ending: Ending) -> bool:
    template = next((each for each in templates_for(server) if each.id == template_id), None)
    if template is None:
        raise invalid("operatingSystemId", "This operating system is not available for this server.")
    require_free(server)
    if server.state not in {"RUNNING", "STOPPED"}:
        require_state(server, "RUNNING")
    if server.snapshots and world.behaviour.reinstall_refuses_snapshots:
        raise RefusedError(409, f"Resource '{server.id}' has snapshots")
    plan = tasks.reinstall(
        server, template, world.durations, fails=ending is Ending.FAILS, behaviour=world.behaviour
    )
    return world.begin(server, "reinstall", plan, ending=ending)


def create_snapshot(world: World, server: Server, name: str, *, ending: Ending, now: datetime) -> bool:
    if not _SNAPSHOT_NAME.fullmatch(name) or len(name) > _LONGEST_SNAPSHOT_NAME:
        raise invalid("name", "A name starts with a letter and holds letters, numbers and spaces only.")
    require_free(server)
    require_state(server, "RUNNING")
    if not server.snapshots_included:
        raise invalid("virtualServerId", "Snapshots are not included in the pack of this server.")
    if any(snapshot.name == name for snapshot in server.snapshots.values()):
        raise RefusedError(409, f"A snapshot named '{name}' already exists")
    if len(server.snapshots) >= world.behaviour.snapshot_limit:
        raise RefusedError(409, f"Resource '{server.id}' has reached its maximum number of snapshots")
    snapshot = Snapshot(str(uuid4()), name, now, "ALLOCATED", server.template)
    plan = tasks.snapshot_create(server, snapshot, world.durations, fails=ending is Ending.FAILS)
    return world.begin(server, "createSnapshot", plan, ending=ending)


def restore_snapshot(world: World, server: Server, snapshot_id: str, *, ending: Ending) -> bool:
    snapshot = find_snapshot(server, snapshot_id)
    require_free(server)
    require_state(server, "RUNNING")
    if snapshot.state != "READY":
        raise RefusedError(409, f"Snapshot '{snapshot_id}' is {snapshot.state}; this action needs READY")
    plan = tasks.snapshot_restore(server, snapshot, world.durations, fails=ending is Ending.FAILS)
    return world.begin(server, "restoreSnapshot", plan, ending=ending)


def delete_snapshot(world: World, server: Server, snapshot_id: str, *, ending: Ending) -> bool:
    snapshot = find_snapshot(server, snapshot_id)
    require_free(server)
    plan = tasks.snapshot_delete(server, snapshot, world.durations, fails=ending is Ending.FAILS)
    return world.begin(server, "deleteSnapshot", plan, ending=ending)


def rename(server: Server, reference: str, *, ending: Ending) -> bool:
    """Takes effect at once, also while the server is busy."""
    if ending is Ending.IGNORED:
        return False
    server.reference = reference
    return True


def store_credential(server: Server, values: dict[str, str], *, ending: Ending) -> bool:
    """Changes what the API shows; a real machine would keep its own password."""
    if values["type"] not in CREDENTIAL_TYPES:
        raise invalid("type", "The value you selected is not a valid choice.")
    if ending is Ending.IGNORED:
        return False
    server.credentials[(values["type"], values["username"])] = values["password"]
    return True


def find_snapshot(server: Server, snapshot_id: str) -> Snapshot:
    if snapshot_id not in server.snapshots:
        raise NotFoundError(snapshot_id)
    return server.snapshots[snapshot_id]


def invalid(field: str, complaint: str) -> RefusedError:
    return RefusedError(400, "Validation Failed", details={field: [complaint]})
