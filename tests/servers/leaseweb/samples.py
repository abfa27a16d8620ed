"""Answers as the API gives them, for tests to vary."""

from __future__ import annotations

from typing import Any


def server(**changes: Any) -> dict[str, Any]:
    """A whole server as in Leaseweb's examples; ``changes`` replace keys."""
    return {
        "id": "222903",
        "reference": "Web server",
        "customerId": "1301178860",
        "dataCenter": "AMS-01",
        "cloudServerId": None,
        "state": "STOPPED",
        "firewallState": "DISABLED",
        "template": "Ubuntu 14.04 64 40 20140707T1340",
        "serviceOffering": "S",
        "sla": "Bronze",
        "contract": {
            "id": "30000778",
            "startsAt": "2016-02-01T00:00:00+0200",
            "endsAt": "2017-01-31T00:00:00+0200",
            "billingCycle": 12,
            "billingFrequency": "MONTH",
            "pricePerFrequency": 4.7,
            "currency": "EUR",
        },
        "hardware": {
            "cpu": {"cores": 1},
            "memory": {"unit": "MB", "amount": 1024},
            "storage": {"unit": "GB", "amount": 40},
        },
        "iso": None,
        "ips": [{"ip": "10.11.116.130", "version": 4, "type": "PUBLIC"}],
        **changes,
    }


def snapshot(**changes: Any) -> dict[str, Any]:
    return {
        "id": "a3d6eb8c-8b3c-4b1f-9a1b-0d5e0c2f7a11",
        "name": "Before upgrade",
        "created_at": "2016-12-31T01:00:59+00:00",
        "state": "READY",
        **changes,
    }


def job(**changes: Any) -> dict[str, Any]:
    return {
        "id": "cs01.0d5e0c2f-8b3c-4b1f-9a1b-a3d6eb8c7a11",
        "name": "virtualServers.powerOn",
        "status": "PENDING",
        "createdAt": "2016-12-31T01:00:59+00:00",
        **changes,
    }


def page(key: str, entries: list[Any], total: Any = None, **metadata: Any) -> dict[str, Any]:
    """A page of a list; the total is left out when it is None."""
    known = {"offset": 0, "limit": 10, **metadata, **({} if total is None else {"totalCount": total})}
    return {key: entries, "_metadata": known}


def series(values: list[Any], unit: str = "B") -> dict[str, Any]:
    return {"unit": unit, "values": values}


def traffic(up: Any, down: Any, **metadata: Any) -> dict[str, Any]:
    known = {
        "from": "2016-01-01T00:00:00+00:00",
        "to": "2016-01-31T23:59:59+00:00",
        "granularity": "DAY",
        "aggregation": "SUM",
        **metadata,
    }
    return {"_metadata": known, "metrics": {"DATATRAFFIC_UP": up, "DATATRAFFIC_DOWN": down}}
