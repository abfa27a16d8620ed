"""The list of servers as a table for machines: one value a column, fixed units, dates in ISO 8601."""

from collections.abc import Callable, Iterator

from servers import facts, queries
from servers.models import Server
from servers.queries import Filters
from teams.access import Access
from teams.csv_export import MOST_ROWS

COLUMNS: dict[str, Callable[[Server], object]] = {
    "name": lambda server: server.shown_name,
    "reference": lambda server: server.reference,
    "leaseweb_id": lambda server: server.upstream_id,
    "panel_id": lambda server: server.pk,
    "state": lambda server: server.state,
    "as_of": lambda server: server.seen_at,
    "gone_since": lambda server: server.gone_at,
    "data_centre": lambda server: server.data_center,
    "system": lambda server: server.template,
    "main_ip": facts.main_ip,
    "ips": lambda server: " ".join(str(ip.get("ip", "")) for ip in server.ips),
    "cpu_cores": lambda server: server.cpu_cores,
    "memory_mib": facts.memory_mib,
    "storage_gb": facts.storage_gb,
    "iso": facts.iso,
    "iso_id": lambda server: server.iso_id,
    "firewall": lambda server: server.firewall_state,
    "offering": lambda server: server.service_offering,
    "service_level": lambda server: server.sla,
    "contract_id": lambda server: server.contract_id,
    "contract_starts_on": lambda server: server.contract_starts_on,
    "contract_ends_on": lambda server: server.contract_ends_on,
    "billing_cycle": lambda server: server.billing_cycle,
    "billing_frequency": lambda server: server.billing_frequency,
    "price": lambda server: server.price,
    "currency": lambda server: server.currency,
    "traffic_limit": lambda server: server.traffic_limit,
    "traffic_unit": lambda server: server.traffic_unit,
    "traffic_plan": lambda server: server.traffic_plan,
    "customer_id": lambda server: server.customer_id,
    "cloud_server_id": lambda server: server.cloud_server_id,
    "api_key": lambda server: server.api_key.name if server.api_key else "",
    "first_seen": lambda server: server.first_seen_at,
    "note": lambda server: server.note,
}


def rows(access: Access, filters: Filters) -> Iterator[list[object]]:
    """Every server that the list with these filters shows, in its order. One query, read as it is asked for."""
    wanted = queries.server(access).filter(queries.conditions(access, filters))
    ordered = wanted.order_by(*filters.order.columns())[: MOST_ROWS + 1]
    for server in ordered.iterator(chunk_size=500):
        yield [value(server) for value in COLUMNS.values()]
