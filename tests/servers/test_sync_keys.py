"""Several keys that see the same servers: which one is used, and who takes over when it cannot be."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from servers import passes, services, sync
from servers.leaseweb import AuthError, NotFound, VirtualServer
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerKey
from servers.sync import Reading
from teams.models import Team, User
from tests.servers.conftest import Cloud, whole_pass
from tests.support.engine_room import access_of

pytestmark = pytest.mark.django_db
ONE, TWO = "demo-key-one", "demo-key-two"


@pytest.fixture
def keys(cloud: Cloud) -> tuple[ApiKey, ApiKey]:
    """Two keys of one account, both read; the first one is in use everywhere."""
    one, two = cloud.key(ONE), cloud.key(TWO)
    cloud.sync(one)
    cloud.sync(two)
    return one, two


def used() -> set[int | None]:
    return set(Server.objects.values_list("api_key", flat=True))


def test_second_key_adds_links_and_no_servers(cloud: Cloud, keys: tuple[ApiKey, ApiKey]) -> None:
    assert Server.objects.count() == 12
    assert ServerKey.objects.count() == 24
    assert used() == {keys[0].pk}


def test_server_that_another_key_still_sees_is_not_gone(cloud: Cloud, keys: tuple[ApiKey, ApiKey]) -> None:
    one, two = keys
    cloud.sim.world.account("empty", servers=0)
    cloud.sim.keys.add(ONE, account="empty")
    before = dict(Server.objects.values_list("pk", "changed_seq"))
    assert cloud.sync(one).gone == ()
    assert ServerKey.objects.filter(api_key=one).count() == 12, (
        "so many at once are not believed the first time"
    )
    assert cloud.sync(one).gone == ()
    assert used() == {two.pk}, "the key that no longer sees them must not be used for them"
    assert not ServerKey.objects.filter(api_key=one).exists()
    assert all(server.changed_seq > before[server.pk] for server in Server.objects.all())
    cloud.sim.keys.add(TWO, account="empty")
    cloud.sync(two)
    assert len(cloud.sync(two).gone) == 12


def test_detail_reading_without_the_server_hands_it_to_the_other_key(
    cloud: Cloud, keys: tuple[ApiKey, ApiKey]
) -> None:
    one, two = keys
    server = Server.objects.earliest("pk")
    cloud.sim.faults.add(Fault.REFUSE, operation="getServer", status=404)
    with pytest.raises(NotFound):
        sync.read_server(one, server.upstream_id)
    sync.mark_gone(server, one.pk)
    server.refresh_from_db()
    assert (server.api_key, server.gone_at) == (two, None)
    sync.mark_gone(server, two.pk)
    server.refresh_from_db()
    assert server.gone_at is not None
    assert ApiKey.objects.get(pk=one.pk).failures == 0, "a missing server is not the key's fault"


def test_removed_key_leaves_its_servers_to_the_other_one(
    keys: tuple[ApiKey, ApiKey], owner: User, team: Team
) -> None:
    one, two = keys
    before = max(Server.objects.values_list("changed_seq", flat=True))
    services.api_key_remove(access_of(owner, team), one)
    assert used() == {two.pk}
    assert min(Server.objects.values_list("changed_seq", flat=True)) > before
    services.api_key_remove(access_of(owner, team), two)
    assert used() == {None}
    assert Server.objects.filter(gone_at=None).count() == 12


def test_keyless_servers_take_the_next_key_that_sees_them(
    cloud: Cloud, keys: tuple[ApiKey, ApiKey], owner: User
) -> None:
    for api_key in keys:
        services.api_key_remove(access_of(owner, cloud.team), api_key)
    before = max(Server.objects.values_list("changed_seq", flat=True))
    third = cloud.key("demo-key-three")
    cloud.sync(third)
    assert used() == {third.pk}
    assert min(Server.objects.values_list("changed_seq", flat=True)) > before, "their buttons work again"


def test_refused_key_hands_its_servers_to_one_that_works(cloud: Cloud, keys: tuple[ApiKey, ApiKey]) -> None:
    one, two = keys
    cloud.sim.keys.revoke(ONE)
    for trusted in (one, two):
        with pytest.raises(AuthError):
            cloud.sync(one)
        cloud.sync(two)
        assert used() == {trusted.pk}


@pytest.mark.req("G7")
@pytest.mark.parametrize("how", ["listing", "server"])
def test_reading_that_outlived_its_key_writes_nothing(
    cloud: Cloud, keys: tuple[ApiKey, ApiKey], owner: User, how: str
) -> None:
    """The key is removed while its list pass is under way; no server may end up with it again."""
    one, _ = keys
    for api_key in keys:
        services.api_key_remove(access_of(owner, cloud.team), api_key)
    begun, servers = timezone.now() + timedelta(seconds=1), (VirtualServer("1"), VirtualServer("2"))
    if how == "listing":
        assert not passes.apply(one, whole_pass(begun, *servers))
    else:
        assert not sync.apply_server(one, Reading(begun, servers))
    assert (Server.objects.count(), used(), ServerKey.objects.count()) == (12, {None}, 0)
    assert ApiKey.objects.get(pk=one.pk).health == ApiKey.Health.WORKING


@pytest.mark.django_db(transaction=True)
def test_key_removed_during_readings_ends_whole_and_gone(cloud: Cloud, owner: User) -> None:
    """Readings and the removal at once: no deadlock, no error, and no link to the key is left."""
    api_key = cloud.key(ONE)
    cloud.sync(api_key)
    failures: list[BaseException] = []
    start = threading.Barrier(3)

    def at_once(work: Any) -> None:
        try:
            start.wait(timeout=120)
            work()
        except Exception as error:  # noqa: BLE001  (a thread's error would vanish; the test shows it)
            failures.append(error)
        finally:
            connection.close()

    def read() -> None:
        items = tuple(VirtualServer(server.upstream_id, reference="read") for server in Server.objects.all())
        for _ in range(5):
            passes.apply(api_key, whole_pass(timezone.now(), *items))

    works = [read, read, lambda: services.api_key_remove(access_of(owner, cloud.team), api_key)]
    threads = [threading.Thread(target=at_once, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert used() == {None}
    assert not ServerKey.objects.filter(api_key=api_key).exists()
    assert ApiKey.objects.get(pk=api_key.pk).sealed == ""
