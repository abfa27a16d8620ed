"""`manage.py sync` against exactly the contract's examples: every documented field stands on a page, read correctly."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from jobs.engine import run_once
from servers.leaseweb import Secret
from servers.models import ApiKey, Server
from teams.models import Team, User
from tests.cast import ClientOf
from tests.contract.upstream import ContractUpstream, example
from tests.support.pages import text_of
from tests.support.proof import prove

SERVERS = "/cloud/v2/virtualServers"
ONE = f"{SERVERS}/{{virtualServerId}}"
LISTED: list[dict[str, Any]] = example(SERVERS, "get", 200)["virtualServers"]


@pytest.fixture
def upstream(settings: Any) -> Iterator[ContractUpstream]:
    """It serves the two servers of the example, to the letter."""
    with ContractUpstream() as found:
        found.servers = {each["id"]: each for each in LISTED}
        snapshots = example(f"{ONE}/snapshots", "get", 200)["snapshots"]
        found.snapshots = {each["id"]: list(snapshots) for each in LISTED}
        settings.LEASEWEB_API_URL, settings.CALL_BUDGET_PER_MINUTE = found.base_url, 1_000_000
        yield found


@pytest.fixture
def browser(upstream: ContractUpstream, team: Team, admin: User, client_of: ClientOf) -> Client:
    api_key = ApiKey(team=team, name="Contract")
    api_key.seal(Secret(upstream.key))
    api_key.save()
    call_command("sync", stdout=io.StringIO())
    browser = client_of(admin)
    prove(browser, admin)
    return browser


def plain(value: Any) -> str:
    return str(value)


# Where a field of a server is found in the example, the words before it on the page, and how it is written there.
FIELDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "id": ("Server id", plain),
    "reference": ("Reference", lambda value: value or "none"),
    "customerId": ("Customer", plain),
    "dataCenter": ("Data centre", plain),
    "cloudServerId": ("Cloud server id", lambda value: value or "—"),
    "state": ("Refresh", str.lower),
    "firewallState": ("Firewall", str.lower),
    "template": ("Operating system", plain),
    "serviceOffering": ("Offering", plain),
    "sla": ("Service level", plain),
    "contract.id": ("Contract", plain),
    "contract.startsAt": ("Started", {"2016-02-01T00:00:00+0200": "1 Feb 2016"}.__getitem__),
    "contract.endsAt": ("Runs until", {"2017-01-31T00:00:00+0200": "31 Jan 2017"}.__getitem__),
    "contract.billingCycle": ("Invoice", "every {} months".format),
    "contract.billingFrequency": ("Price", {"MONTH": "4.70 EUR per month"}.__getitem__),
    "contract.pricePerFrequency": ("Price", {4.7: "4.70"}.__getitem__),
    "contract.currency": ("Price", "4.70 {}".format),
    "hardware.cpu.cores": ("Processor", lambda cores: f"{cores} core"),
    "hardware.memory.unit": ("Memory", {"MB": ""}.__getitem__),
    "hardware.memory.amount": ("Memory", {1024: "1 GiB", 2048: "2 GiB"}.__getitem__),
    "hardware.storage.unit": ("Storage", {"GB": ""}.__getitem__),
    "hardware.storage.amount": ("Storage", "{} GB".format),
    "iso": ("ISO image", {None: "none attached"}.__getitem__),
    "iso.id": ("ISO image Knoppix", plain),
    "iso.name": ("ISO image", plain),
    "iso.displayName": ("ISO image", plain),
    "ips.ip": ("Addresses", plain),
    "ips.version": ("Addresses", lambda version: ""),
    "ips.type": ("Addresses", lambda kind: ""),
}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of the example with its place; the elements of a list share one."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    else:
        yield path, value


@pytest.mark.parametrize("upstream_id", [each["id"] for each in LISTED])
def test_every_field_of_a_server_is_shown(
    browser: Client, upstream: ContractUpstream, upstream_id: str
) -> None:
    server = Server.objects.get(upstream_id=upstream_id)
    shown = text_of(browser.get(f"/t/north-ops/servers/{server.pk}/").content)
    missing = []
    for path, value in leaves(upstream.servers[upstream_id]):
        label, written = FIELDS[path]
        if f"{label} {written(value)}".strip() not in shown:
            missing.append(f"{path}: “{label} {written(value)}”")
    assert missing == [], shown
    assert f"{LISTED[0]['ips'][0]['type'].lower()} IPv4" in shown


def test_server_without_a_reference_has_a_readable_name(browser: Client) -> None:
    assert [*Server.objects.order_by("upstream_id").values_list("shown_name", flat=True)] == [
        "Web server",
        "Server 301708",
    ]


def test_snapshots_are_shown_with_name_state_and_time(browser: Client) -> None:
    server = Server.objects.get(upstream_id="222903")
    shown = text_of(browser.get(f"/t/north-ops/servers/{server.pk}/snapshots/").content)
    assert "snapshot1 ready 21 Feb 2023, 14:44" in shown
    assert "snapshot2 ready 21 Feb 2023, 14:46" in shown
    snapshot = server.snapshots.get(name="snapshot1")
    page = text_of(browser.get(f"/t/north-ops/servers/{server.pk}/snapshots/{snapshot.pk}/").content)
    assert "5ab92117-4801-4f86-ad3a-8c5b12ba1b18" in page


def test_templates_can_be_chosen(browser: Client) -> None:
    server = Server.objects.get(upstream_id="222903")
    page = browser.get(f"/t/north-ops/servers/{server.pk}/jobs/new/reinstall/").content
    for each in example(f"{ONE}/templates", "get", 200)["templates"]:
        assert each["name"] in text_of(page)
        assert f'value="{each["id"]}"' in page.decode()


def test_credentials_are_listed_and_the_password_is_shown_when_asked(browser: Client) -> None:
    server = Server.objects.get(upstream_id="222903")
    credentials = f"/t/north-ops/servers/{server.pk}/credentials/"
    listed = text_of(browser.get(credentials).content)
    assert "root" in listed
    assert "password123" not in listed
    revealed = browser.post(f"{credentials}reveal/?type=OPERATING_SYSTEM&username=root")
    assert "password123" in text_of(revealed.content)


def test_traffic_is_shown_in_both_directions(browser: Client) -> None:
    server = Server.objects.get(upstream_id="222903")
    page = f"/t/north-ops/servers/{server.pk}/traffic/?first=2016-01-01&last=2016-01-31&granularity=DAY"
    browser.get(page)
    run_once()
    shown = text_of(browser.get(page).content)
    for figure in ("3.40 kB up", "340 B down"):
        assert figure in shown, shown
