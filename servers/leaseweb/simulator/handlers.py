"""One function for each of the 17 operations: from a request to an answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs
from uuid import uuid4

from . import actions
from .actions import invalid
from .answers import Answer, job_json, json_answer, page_json, server_json, snapshot_json, timestamp
from .catalogue import templates_for
from .faults import Fault
from .model import CREDENTIAL_TYPES, Account, Ending, NotFoundError, RefusedError, Server
from .traffic import GRANULARITIES, Point, series
from .world import World

T = TypeVar("T")
_DEFAULT_LIMIT = 10


@dataclass
class Call:
    """A request that was let in, and the fault that strikes it, if any.

    `executed`, `job` and `detail` are filled in for the journal.
    """

    world: World
    account: Account
    params: dict[str, str]
    query: str
    body: bytes
    ending: Ending = Ending.NORMAL
    fault: Fault | None = None
    executed: bool = False
    job: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def server(self) -> Server:
        return self.world.server(self.params["server"], account=self.account)

    def query_value(self, name: str) -> str | None:
        return parse_qs(self.query).get(name, [None])[-1]

    def text_fields(self, *names: str) -> dict[str, str]:
        """Those fields of the JSON body. Raises RefusedError unless each is there and is text."""
        data = _decode(self.body)
        wrong = {
            name: ["This value should be a string."] for name in names if not isinstance(data.get(name), str)
        }
        if wrong:
            raise RefusedError(400, "Validation Failed", details=wrong)
        return {name: data[name] for name in names}

    def accepted(self, name: str, *, prefix: str = "") -> Answer:
        """202 with a job, which no operation can read back."""
        self.job = f"{prefix}{uuid4()}"
        return json_answer(202, job_json(self.job, name, created_at=self.world.wall()))


def _decode(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise RefusedError(400, "The request body is not a valid JSON object")
    return data


def list_servers(call: Call) -> Answer:
    return _page(call, "virtualServers", call.world.fleet(call.account), partial(_listed, call))


def _listed(call: Call, server: Server) -> dict[str, Any]:
    lag = call.world.behaviour.list_lag
    if not lag:
        return server_json(server)
    state, template = server.as_of(call.world.now() - lag)
    return server_json(server) | {"state": state, "template": template}


def get_server(call: Call) -> Answer:
    return json_answer(200, server_json(call.server()))


def update_server(call: Call) -> Answer:
    server = call.server()
    reference = call.text_fields("reference")["reference"]
    call.detail["reference"] = reference
    call.executed = actions.rename(server, reference, ending=call.ending)
    return json_answer(200, server_json(server))


def power_on(call: Call) -> Answer:
    call.executed = actions.power_on(call.world, call.server(), ending=call.ending)
    return call.accepted("virtualServers.powerOn", prefix="cs01.")


def power_off(call: Call) -> Answer:
    call.executed = actions.power_off(call.world, call.server(), ending=call.ending)
    return call.accepted("virtualServers.powerOff", prefix="cs01.")


def reboot(call: Call) -> Answer:
    call.executed = actions.reboot(call.world, call.server(), ending=call.ending)
    return call.accepted("virtualServers.reboot", prefix="cs01.")


def reinstall(call: Call) -> Answer:
    server = call.server()
    template_id = call.text_fields("operatingSystemId")["operatingSystemId"]
    call.detail["operatingSystemId"] = template_id
    call.executed = actions.reinstall(call.world, server, template_id, ending=call.ending)
    return call.accepted("virtualServers.reinstall", prefix="cs01.")


def store_credential(call: Call) -> Answer:
    server = call.server()
    values = call.text_fields("username", "password", "type")
    call.detail.update(username=values["username"], type=values["type"])
    call.executed = actions.store_credential(server, values, ending=call.ending)
    return Answer(204)


def list_credentials(call: Call) -> Answer:
    kind = _credential_type(call)
    names = [username for type_, username in call.server().credentials if type_ == kind]
    return _page(call, "credentials", names, lambda name: {"type": kind, "username": name})


def get_credential(call: Call) -> Answer:
    kind, username = _credential_type(call), call.params["username"]
    password = call.server().credentials.get((kind, username))
    if password is None:
        raise NotFoundError(username)
    return json_answer(200, {"type": kind, "username": username, "password": password})


def get_traffic(call: Call) -> Answer:
    server, now = call.server(), call.world.wall()
    granularity = _choice(call, "granularity", GRANULARITIES)
    aggregation = _choice(call, "aggregation", ("SUM",))
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start, end = _moment(call, "from", default=month), _moment(call, "to", default=now)
    if start >= end:
        raise invalid("from", "This value should be before 'to'.")
    points = series(server, granularity, start=start, end=end, now=now)
    asked = {
        "from": timestamp(start),
        "to": timestamp(end),
        "granularity": granularity,
        "aggregation": aggregation,
    }
    metrics = {"DATATRAFFIC_UP": _metric(points, "up"), "DATATRAFFIC_DOWN": _metric(points, "down")}
    return json_answer(200, {"_metadata": asked, "metrics": metrics})


def list_templates(call: Call) -> Answer:
    """The whole list at once: no paging is documented here, though `_metadata` speaks of a limit of 10."""
    items = [{"id": each.id, "name": each.name} for each in templates_for(call.server())]
    metadata = {"totalCount": len(items), "limit": _DEFAULT_LIMIT, "offset": 0}
    return json_answer(200, {"_metadata": metadata, "templates": items})


def list_snapshots(call: Call) -> Answer:
    return _page(call, "snapshots", list(call.server().snapshots.values()), snapshot_json)


def create_snapshot(call: Call) -> Answer:
    server = call.server()
    name = call.text_fields("name")["name"]
    call.detail["name"] = name
    now = call.world.wall()
    call.executed = actions.create_snapshot(call.world, server, name, ending=call.ending, now=now)
    return call.accepted("virtualServer.createVMSnapshot")


def get_snapshot(call: Call) -> Answer:
    return json_answer(200, snapshot_json(actions.find_snapshot(call.server(), call.params["snapshot"])))


def delete_snapshot(call: Call) -> Answer:
    server, snapshot_id = call.server(), _noted_snapshot(call)
    call.executed = actions.delete_snapshot(call.world, server, snapshot_id, ending=call.ending)
    return call.accepted("virtualServer.deleteVMSnapshot")


def restore_snapshot(call: Call) -> Answer:
    server, snapshot_id = call.server(), _noted_snapshot(call)
    call.executed = actions.restore_snapshot(call.world, server, snapshot_id, ending=call.ending)
    return call.accepted("virtualServer.restoreVMSnapshot")


def _noted_snapshot(call: Call) -> str:
    call.detail["snapshotId"] = call.params["snapshot"]
    return call.params["snapshot"]


def _page(call: Call, key: str, items: list[T], as_json: Callable[[T], dict[str, Any]]) -> Answer:
    """One page of `items` under `key`, as it is or as the fault of this call tells it."""
    limit = min(_number(call, "limit", default=_DEFAULT_LIMIT, least=1), call.world.behaviour.max_limit)
    offset = _number(call, "offset", default=0, least=0)
    told = _told(items, call.fault)
    start = 0 if call.fault is Fault.REPEAT_PAGE else offset
    shown = told[start : start + limit][:: 2 if call.fault is Fault.SHORT_PAGE else 1]
    page = page_json(key, [as_json(each) for each in shown], total=len(told), limit=limit, offset=offset)
    return json_answer(200, page)


def _told(items: list[T], fault: Fault | None) -> list[T]:
    if fault is Fault.EMPTY_LIST:
        return []
    return items[: len(items) // 2] if fault is Fault.HALF_LIST else items


def _number(call: Call, name: str, *, default: int, least: int) -> int:
    text = call.query_value(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise invalid(name, f"This value should be a whole number of at least {least}.")
    return int(text)


def _choice(call: Call, name: str, choices: tuple[str, ...]) -> str:
    """A query value out of `choices`; the first of them when it is left out."""
    value = call.query_value(name) or choices[0]
    if value not in choices:
        raise invalid(name, "The value you selected is not a valid choice.")
    return value


def _moment(call: Call, name: str, *, default: datetime) -> datetime:
    text = call.query_value(name)
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(name, "This value is not a valid datetime.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _metric(points: list[Point], direction: str) -> dict[str, Any]:
    values = [{"timestamp": timestamp(point.stamp), "value": getattr(point, direction)} for point in points]
    return {"unit": "B", "values": values}


def _credential_type(call: Call) -> str:
    if call.params["type"] not in CREDENTIAL_TYPES:
        raise NotFoundError(call.params["type"])
    return call.params["type"]


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "listServers": list_servers,
    "getServer": get_server,
    "updateServer": update_server,
    "powerOn": power_on,
    "powerOff": power_off,
    "reboot": reboot,
    "reinstall": reinstall,
    "storeCredential": store_credential,
    "listCredentials": list_credentials,
    "getCredential": get_credential,
    "getTraffic": get_traffic,
    "listTemplates": list_templates,
    "listSnapshots": list_snapshots,
    "createSnapshot": create_snapshot,
    "getSnapshot": get_snapshot,
    "deleteSnapshot": delete_snapshot,
    "restoreSnapshot": restore_snapshot,
}
