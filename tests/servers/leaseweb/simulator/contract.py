"""The published contract, and how an answer is held against it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator, oas30_format_checker

from .talk import Reply

CONTRACT = json.loads(
    (Path(__file__).parents[3] / "data" / "leaseweb" / "virtualservers-v2.contract.json").read_text()
)
PATHS: dict[str, dict[str, Any]] = CONTRACT["paths"]
OPERATIONS = [
    (method.upper(), path.removeprefix("/cloud/v2"))
    for path, methods in PATHS.items()
    for method in methods
    if method != "parameters"
]

# Leaseweb's API standards, for the statuses that this contract leaves open.
GENERAL_ERROR = {
    "type": "object",
    "required": ["errorCode", "errorMessage", "correlationId"],
    "properties": {
        "errorCode": {"type": "string"},
        "errorMessage": {"type": "string"},
        "correlationId": {"type": "string"},
        "errorDetails": {"type": "object"},
    },
}
_OPTIONAL = {"networkTraffic"}


def responses(method: str, template: str) -> dict[str, Any]:
    return dict(PATHS[f"/cloud/v2{template}"][method.lower()]["responses"])


@cache
def schema_for(method: str, template: str, status: int) -> dict[str, Any] | None:
    """The schema of that answer; None when the contract gives the status no body."""
    documented = responses(method, template).get(str(status), {})
    content = documented.get("content", {}).get("application/json")
    return content["schema"] if content else None


def check(reply: Reply, method: str, template: str) -> None:
    """Raises unless the answer is one that the contract, or for other statuses the general rule, allows."""
    schema = schema_for(method, template, reply.status)
    if reply.status == 404 and schema is None:  # the snapshot list, whose 404 the contract forgot
        schema = schema_for("GET", "/virtualServers/{virtualServerId}", 404)
    if reply.status == 204:
        assert reply.body == b""
        assert "content-type" not in reply.headers
        return
    assert reply.headers["content-type"] == "application/json"
    OAS30Validator(schema or GENERAL_ERROR, format_checker=oas30_format_checker).validate(reply.json)
    if reply.status < 300:
        assert schema is not None, f"{method} {template} does not answer {reply.status}"
        check_fields(reply.json, schema)


def check_fields(value: Any, schema: dict[str, Any]) -> None:
    """The schemas require next to nothing; this asks for every field they know, and for no other."""
    if value is None:
        assert schema.get("nullable")
    elif schema.get("type") == "object":
        known = set(schema["properties"])
        assert set(value) <= known
        assert known - set(value) <= _OPTIONAL
        for name, item in value.items():
            check_fields(item, schema["properties"][name])
    elif schema.get("type") == "array":
        for item in value:
            check_fields(item, schema["items"])
