import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.valkey import Valkey

pytestmark = [pytest.mark.processes, pytest.mark.once]


def test_broker_starts_empty(broker: Valkey) -> None:
    with broker.client() as client:
        client.set("left", "behind")
    broker.flush()
    with broker.client() as client:
        assert client.dbsize() == 0


def test_broker_refuses_a_client_without_the_password(broker: Valkey) -> None:
    path = broker.client().connection_pool.connection_kwargs["path"]
    stranger = redis.Redis(unix_socket_path=path, retry=Retry(NoBackoff(), retries=0))
    with stranger as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_killed_broker_can_be_started_again(broker: Valkey) -> None:
    broker.kill()
    with broker.client() as client, pytest.raises(redis.ConnectionError):
        client.ping()
    broker.start()
    with broker.client() as client:
        assert client.ping()
