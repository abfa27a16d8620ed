"""Where the pages about passwords are, what people type there, and what Leaseweb was asked."""

from servers.models import Server, ServerReading
from tests.support.engine_room import EngineRoom

ROOT = "?type=OPERATING_SYSTEM&username=root"
TYPED = {
    "type": "CONTROL_PANEL",
    "username": "web master",
    "password": "c0rrect horse",
    "again": "c0rrect horse",
}


def url(server: Server, act: str = "") -> str:
    return f"/t/north-ops/servers/{server.pk}/credentials/{act}"


def row_of(server: Server) -> ServerReading:
    return ServerReading.objects.get(server=server, subject="credentials")


def password_of(room: EngineRoom, server: Server) -> str:
    return room.sim.world.server(server.upstream_id).credentials["OPERATING_SYSTEM", "root"]


def calls(room: EngineRoom, operation: str = "getCredential") -> int:
    return len(room.sim.journal.entries(operation))
