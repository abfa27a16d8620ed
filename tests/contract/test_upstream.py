"""The second upstream keeps to the contract, and differs where the contract allows it."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from tests.contract.upstream import CONTRACT, ContractUpstream, example

SERVER = "/virtualServers/{virtualServerId}"
LISTS = [
    "/virtualServers",
    f"{SERVER}/snapshots",
    f"{SERVER}/templates",
    f"{SERVER}/credentials/{{credentialType}}",
]
OPERATIONS = [
    (method, path)
    for path, methods in CONTRACT["paths"].items()
    for method in methods
    if method != "parameters"
]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def upstream() -> Iterator[ContractUpstream]:
    with ContractUpstream() as running:
        yield running


def ask(upstream: ContractUpstream, method: str, path: str, body: Any = None, *, key: str = "") -> Reply:
    """`path` begins after `/cloud/v2`; its placeholders are filled in with the first server and what it has."""
    url = urlsplit(upstream.base_url)
    server_id = next(iter(upstream.servers))
    target = url.path + path.format(
        virtualServerId=server_id,
        snapshotId=upstream.snapshots[server_id][0]["id"],
        credentialType="OPERATING_SYSTEM",
        username="root",
    )
    connection = HTTPConnection(url.hostname or "", url.port, timeout=120)
    payload = None if body is None else json.dumps(body)
    connection.request(method.upper(), target, body=payload, headers={"X-LSW-Auth": key or upstream.key})
    with connection.getresponse() as response:
        reply = Reply(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
    connection.close()
    return reply


def sample_body(method: str, path: str) -> Any:
    content = CONTRACT["paths"][path][method].get("requestBody", {}).get("content", {})
    return content["application/json"]["examples"]["example"]["value"] if content else None


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_succeeds_as_documented(upstream: ContractUpstream, method: str, path: str) -> None:
    reply = ask(upstream, method, path.removeprefix("/cloud/v2"), sample_body(method, path))
    documented = CONTRACT["paths"][path][method]["responses"][str(reply.status)]
    assert reply.status < 300
    if "content" in documented:
        schema = documented["content"]["application/json"]["schema"]
        OAS30Validator(schema, format_checker=oas30_format_checker).validate(reply.json)
    else:
        assert reply.body == b""


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_wrong_key_is_401_without_a_body(upstream: ContractUpstream, method: str, path: str) -> None:
    reply = ask(upstream, method, path.removeprefix("/cloud/v2"), key="wrong")
    assert (reply.status, reply.body) == (401, b"")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_answer_has_a_correlation_id(upstream: ContractUpstream, method: str, path: str) -> None:
    reply = ask(upstream, method, path.removeprefix("/cloud/v2"), sample_body(method, path))
    assert not [name for name in reply.headers if "correlation" in name]


def test_servers_are_the_examples_and_copies_of_them(upstream: ContractUpstream) -> None:
    first, second, *others = upstream.servers.values()
    documented = example("/cloud/v2/virtualServers", "get", 200)["virtualServers"]
    assert (first["id"], second["id"]) == (documented[0]["id"], documented[1]["id"])
    assert first["template"] == documented[0]["template"]
    assert len(others) == 21


def test_pages_are_clamped_to_ten(upstream: ContractUpstream) -> None:
    pages = [
        ask(upstream, "get", f"/virtualServers?limit=50&offset={offset}").json for offset in (0, 10, 20, 30)
    ]
    assert [len(page["virtualServers"]) for page in pages] == [10, 10, 3, 0]
    assert {page["_metadata"]["limit"] for page in pages} == {10}
    assert [each["id"] for page in pages for each in page["virtualServers"]] == list(upstream.servers)


@pytest.mark.parametrize("path", LISTS)
def test_lists_page_by_offset(upstream: ContractUpstream, path: str) -> None:
    whole = ask(upstream, "get", path).json
    name = next(name for name in whole if name != "_metadata")
    second = ask(upstream, "get", f"{path}?limit=1&offset=1").json
    assert second[name] == whole[name][1:2]


def test_objects_have_fields_nobody_documented(upstream: ContractUpstream) -> None:
    server = ask(upstream, "get", SERVER).json
    schema = CONTRACT["paths"][f"/cloud/v2{SERVER}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert set(server) - set(schema["schema"]["properties"]) == {"salesOrgId", "platform", "controlPanel"}


def test_quota_is_spelt_in_small_letters(upstream: ContractUpstream) -> None:
    spelt = [set(each["networkTraffic"]) for each in upstream.servers.values() if "networkTraffic" in each]
    assert spelt
    assert all(keys == {"type", "trafficType", "datatrafficLimit", "datatrafficUnit"} for keys in spelt)


@pytest.mark.parametrize(
    ("action", "states"),
    [
        ("powerOn", ["STOPPED", "RUNNING"]),
        ("powerOff", ["STOPPED", "STOPPED"]),
        ("reboot", ["STOPPED", "RUNNING"]),
    ],
)
def test_power_job_is_completed_and_done_at_once(
    upstream: ContractUpstream, action: str, states: list[str]
) -> None:
    before = ask(upstream, "get", SERVER).json["state"]
    job = ask(upstream, "post", f"{SERVER}/{action}").json
    assert (job["status"], job["name"]) == ("COMPLETED", f"virtualServers.{action}")
    assert [before, ask(upstream, "get", SERVER).json["state"]] == states


def test_reinstall_changes_the_template_at_once(upstream: ContractUpstream) -> None:
    ask(upstream, "post", f"{SERVER}/reinstall", {"operatingSystemId": "CENTOS_7_64_PLESK"})
    assert ask(upstream, "get", SERVER).json["template"] == "CENTOS_7_64_PLESK as installed"


def test_snapshot_is_ready_at_once_and_gone_at_once(upstream: ContractUpstream) -> None:
    ask(upstream, "post", f"{SERVER}/snapshots", {"name": "Mine"})
    newest = ask(upstream, "get", f"{SERVER}/snapshots").json["snapshots"][-1]
    assert (newest["name"], newest["state"]) == ("Mine", "READY")
    path = f"{SERVER}/snapshots/{newest['id']}"
    assert ask(upstream, "post", f"{path}/restore").json["status"] == "COMPLETED"
    assert ask(upstream, "delete", path).json["status"] == "COMPLETED"
    assert ask(upstream, "get", path).status == 404


def test_rename_is_seen_at_once(upstream: ContractUpstream) -> None:
    assert ask(upstream, "put", SERVER, {"reference": "new"}).json["reference"] == "new"
    assert ask(upstream, "get", SERVER).json["reference"] == "new"


def test_stored_credential_is_read_back(upstream: ContractUpstream) -> None:
    body = {"username": "a/b", "password": "x", "type": "CONTROL_PANEL"}
    assert ask(upstream, "put", f"{SERVER}/credentials", body).status == 204
    shown = ask(upstream, "get", f"{SERVER}/credentials/CONTROL_PANEL/a%2Fb").json
    assert body.items() <= shown.items()
    assert ask(upstream, "get", f"{SERVER}/credentials/CONTROL_PANEL/nobody").status == 404


@pytest.mark.parametrize("path", ["/virtualServers/999", "/virtualServers/999/powerOn", "/nothing"])
def test_unknown_things_are_404_with_a_code_in_quotes(upstream: ContractUpstream, path: str) -> None:
    reply = ask(upstream, "post" if path.endswith("powerOn") else "get", path)
    assert (reply.status, reply.json["errorCode"]) == (404, "404")


def test_journal_holds_every_request_in_order(upstream: ContractUpstream) -> None:
    ask(upstream, "get", "/virtualServers", key="wrong")
    ask(upstream, "put", SERVER, {"reference": "new"})
    assert [(call.method, call.status, call.body) for call in upstream.journal] == [
        ("GET", 401, None),
        ("PUT", 200, {"reference": "new"}),
    ]
