"""Answers and their JSON, field for field as the API documents them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .model import NotFoundError, RefusedError, Server, Snapshot

JSON = "application/json"
HTML = "text/html; charset=utf-8"
CORRELATION_HEADER = "APIGW-CORRELATION-ID"

DOCUMENTED_503 = {
    "errorCode": "TEMPORARILY_UNAVAILABLE",
    "errorMessage": "The server is currently unable to handle the request due to a temporary overloading or "
    "maintenance of the server.",
}
_STANDARD_ERRORS = {
    401: ("401", "You are not authorized to view this resource."),
    403: ("ACCESS_DENIED", "The access token is expired or invalid."),
    405: ("405", "Method not allowed"),
    429: ("429", "Too many requests"),
    500: (
        "SERVER_ERROR",
        "The server encountered an unexpected condition that prevented it from fulfilling the request.",
    ),
    503: (DOCUMENTED_503["errorCode"], DOCUMENTED_503["errorMessage"]),
}


@dataclass
class Answer:
    """A finished answer. An empty body has no content type."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(status: int, data: Any) -> Answer:
    return Answer(status, json.dumps(data).encode(), JSON)


def html_answer(status: int, title: str) -> Answer:
    """What a proxy in front of the API says."""
    heading = f"{status} {title}"
    page = f"<html>\r\n<head><title>{heading}</title></head>\r\n<body><h1>{heading}</h1></body></html>"
    return Answer(status, page.encode(), HTML)


def error_answer(status: int, *, correlation_id: str) -> Answer:
    """The usual body of an error status."""
    code, message = _STANDARD_ERRORS.get(status, (str(status), "The request could not be processed."))
    return json_answer(status, {"correlationId": correlation_id, "errorCode": code, "errorMessage": message})


def refusal_answer(refusal: RefusedError, *, correlation_id: str) -> Answer:
    """404 as documented, with a number for its code; everything else in Leaseweb's general form."""
    if isinstance(refusal, NotFoundError):
        return json_answer(404, _not_found(refusal, correlation_id))
    data: dict[str, Any] = {
        "correlationId": correlation_id,
        "errorCode": str(refusal.status),
        "errorMessage": refusal.message,
    }
    if refusal.details is not None:
        data["errorDetails"] = refusal.details
    return json_answer(refusal.status, data)


def _not_found(refusal: NotFoundError, correlation_id: str) -> dict[str, Any]:
    return {
        "correlationId": correlation_id,
        "errorCode": 404,
        "errorMessage": refusal.message,
        "reference": "https://www.leaseweb.com/contact",
        "userMessage": f"Resource with id '{refusal.identifier}' not found.",
    }


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def server_json(server: Server) -> dict[str, Any]:
    offering = server.offering
    data = {
        "id": server.id,
        "reference": server.reference,
        "customerId": server.customer_id,
        "dataCenter": server.data_center,
        "cloudServerId": None,
        "state": server.state,
        "firewallState": server.firewall_state,
        "template": server.template,
        "serviceOffering": offering.name,
        "sla": server.sla,
        "contract": server.contract,
        "hardware": {
            "cpu": {"cores": offering.cores},
            "memory": {"unit": "MB", "amount": offering.memory_mb},
            "storage": {"unit": "GB", "amount": offering.storage_gb},
        },
        "iso": server.iso,
        "ips": server.ips,
    }
    if server.network_traffic is not None:
        data["networkTraffic"] = server.network_traffic
    return data


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "state": snapshot.state,
        "created_at": timestamp(snapshot.created_at),
    }


def job_json(job_id: str, name: str, *, created_at: datetime) -> dict[str, Any]:
    return {"id": job_id, "name": name, "status": "PENDING", "createdAt": timestamp(created_at)}


def page_json(
    key: str, items: list[dict[str, Any]], *, total: int, limit: int, offset: int
) -> dict[str, Any]:
    """The `items` of a page under `key`, with the `_metadata` that all lists have."""
    return {key: items, "_metadata": {"totalCount": total, "offset": offset, "limit": limit}}


def without_half(data: Any) -> Any:
    """Every second field of each server (or of the whole object) left out; the id stays."""
    if isinstance(data, Mapping) and isinstance(data.get("virtualServers"), list):
        return {**data, "virtualServers": [without_half(each) for each in data["virtualServers"]]}
    if not isinstance(data, Mapping):
        return data
    return {name: value for number, (name, value) in enumerate(data.items()) if number % 2 == 0}
