"""The same API without a socket."""

import httpx
import pytest

from servers.leaseweb.simulator import Fault, Simulator
from servers.leaseweb.simulator.wsgi import NEED_A_SOCKET


def client(simulator: Simulator) -> httpx.Client:
    headers = {"X-LSW-Auth": Simulator.key, "APIGW-CORRELATION-ID": "here"}
    return httpx.Client(
        transport=httpx.WSGITransport(simulator.wsgi), base_url="http://simulator", headers=headers
    )


def test_reads_and_actions_work_without_a_socket() -> None:
    simulator = Simulator(servers=12)
    with client(simulator) as http:
        page = http.get("/cloud/v2/virtualServers", params={"limit": 3})
        assert page.headers["apigw-correlation-id"] == "here"
        server_id = page.json()["virtualServers"][2]["id"]
        assert (
            http.put(f"/cloud/v2/virtualServers/{server_id}", json={"reference": "x"}).json()["reference"]
            == "x"
        )
        assert http.post(f"/cloud/v2/virtualServers/{server_id}/reboot").status_code == 202
    assert [entry.status for entry in simulator.journal] == [200, 200, 202]


def test_faults_of_the_answer_work_without_a_socket() -> None:
    simulator = Simulator(servers=1)
    simulator.faults.add(Fault.HTML_504)
    with client(simulator) as http:
        assert http.get("/cloud/v2/virtualServers").status_code == 504


@pytest.mark.parametrize("fault", sorted(NEED_A_SOCKET))
def test_faults_of_the_connection_need_a_socket(fault: Fault) -> None:
    simulator = Simulator(servers=1)
    simulator.faults.add(fault)
    with client(simulator) as http, pytest.raises(RuntimeError, match=fault):
        http.get("/cloud/v2/virtualServers")
