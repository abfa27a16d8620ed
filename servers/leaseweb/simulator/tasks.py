"""The course of each action: which states a server or a snapshot passes, and when.

Snapshots move as in CloudStack, on which the product runs. Every function returns a plan: pairs of a
duration in seconds of the world's clock and the change at its end. With `fails` the provider accepts the
action and then does not manage it, which the API shows only by what it does not do.
"""

from collections.abc import Callable
from functools import partial

from .catalogue import install
from .model import Behaviour, Durations, RefusedError, Server, Snapshot, Step, Task, Template

Plan = list[tuple[float, Callable[[], None]]]


def _server(server: Server, state: str) -> Callable[[], None]:
    return partial(setattr, server, "state", state)


def _snapshot(snapshot: Snapshot, state: str) -> Callable[[], None]:
    return partial(setattr, snapshot, "state", state)


def _nothing() -> None:
    """The end of a stretch in which a reader sees no change."""


def power_on(server: Server, times: Durations, *, fails: bool) -> Plan:
    end = "STOPPED" if fails else "RUNNING"
    return [(times.accept, _server(server, "STARTING")), (times.start, _server(server, end))]


def power_off(server: Server, times: Durations, *, fails: bool) -> Plan:
    end = "RUNNING" if fails else "STOPPED"
    return [(times.accept, _server(server, "STOPPING")), (times.stop, _server(server, end))]


def reboot(server: Server, times: Durations, *, fails: bool) -> Plan:
    """A reboot that fails leaves the server off."""
    plan = [(times.accept, _server(server, "STOPPING"))]
    if fails:
        return [*plan, (times.reboot_stop, _server(server, "STOPPED"))]
    return [
        *plan,
        (times.reboot_stop, _server(server, "STARTING")),
        (times.reboot_start, _server(server, "RUNNING")),
    ]


def quick_reboot(times: Durations) -> Plan:
    """The machine is back before anybody can see it gone."""
    return [(times.accept, _nothing), (times.quick_reboot, _nothing)]


def reinstall(
    server: Server, template: Template, times: Durations, *, fails: bool, behaviour: Behaviour
) -> Plan:
    """Ends in the state it began with, unless the platform does otherwise.

    One that fails leaves the old system and the old password.
    """
    change = _nothing if fails else partial(install, server, template)
    start: Plan = [(0.0, _server(server, "STARTING")), (times.start, _server(server, "RUNNING"))]
    if server.state == "STOPPED":
        return [(times.accept, _nothing), (times.install, change), *(start * behaviour.boots_installed)]
    stop: Plan = [(times.accept, _server(server, "STOPPING")), (times.stop, _server(server, "STOPPED"))]
    return [*stop, (times.install, change), *(start * (not behaviour.stays_off))]


def snapshot_create(server: Server, snapshot: Snapshot, times: Durations, *, fails: bool) -> Plan:
    def allocate() -> None:
        server.snapshots[snapshot.id] = snapshot

    return [
        (times.accept, allocate),
        (times.allocate, _snapshot(snapshot, "CREATING")),
        (times.create, _snapshot(snapshot, "ERROR" if fails else "READY")),
    ]


def snapshot_restore(server: Server, snapshot: Snapshot, times: Durations, *, fails: bool) -> Plan:
    """The disk comes back, and the system that was on it. CloudStack says READY after a failure, too."""

    def finish() -> None:
        snapshot.state = "READY"
        if not fails:
            server.template = snapshot.template

    return [(times.accept, _snapshot(snapshot, "REVERTING")), (times.revert, finish)]


def snapshot_delete(server: Server, snapshot: Snapshot, times: Durations, *, fails: bool) -> Plan:
    def finish() -> None:
        if fails:
            snapshot.state = "ERROR"
        else:
            server.snapshots.pop(snapshot.id, None)

    return [(times.accept, _snapshot(snapshot, "EXPUNGING")), (times.expunge, finish)]


def start_task(server: Server, kind: str, plan: Plan, *, at: float, stuck: bool = False) -> None:
    """Makes the server busy. A stuck task reaches its last state but one and stays there for ever."""
    steps = []
    for seconds, effect in plan:
        at += seconds
        steps.append(Step(at, effect))
    server.task = Task(kind, steps[:-1] if stuck else steps, stuck=stuck)


def run_task(server: Server, *, until: float) -> None:
    """Takes the steps that are due."""
    task = server.task
    if task is None:
        return
    while task.steps and task.steps[0].at <= until:
        step = task.steps.pop(0)
        server.remember(step.at)
        step.effect()
        server.remember(step.at)
    if not task.steps and not task.stuck:
        server.task = None


def require_free(server: Server) -> None:
    """CloudStack does one thing at a time on a machine."""
    if server.task is not None:
        raise RefusedError(409, f"Another task ({server.task.kind}) is active on resource '{server.id}'")
