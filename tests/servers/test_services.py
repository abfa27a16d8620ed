"""Acts on API keys: tried before they are kept, kept sealed, and their text found nowhere."""

import logging
import threading
import traceback
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection

from audit.models import AuditEvent, Outcome
from audit.verify import verify
from jobs.models import Job
from servers import live, services
from servers.leaseweb import AuthError, Secret
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerKey
from servers.services import KeyRefused
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeJob, MakeServer
from tests.servers.conftest import Cloud
from tests.support.engine_room import access_of

pytestmark = pytest.mark.django_db
CANARY = "demo-canary-4b1f9e0c7d2a8356"


@pytest.fixture
def access(admin: User, team: Team) -> Access:
    return access_of(admin, team)


def add(access: Access, text: str = CANARY, *, name: str = "Main") -> ApiKey:
    return services.api_key_add(
        team=access.team, name=name, key=Secret.api_key(text), actor=access.actor, user=access.user
    )


def actions(team: Team) -> list[str]:
    return list(
        AuditEvent.objects.filter(chain=team.pk).order_by("sequence").values_list("action", flat=True)
    )


def whole_database() -> str:
    """Every value of every row of our own tables."""
    models = [
        model
        for name in ("audit", "teams", "servers", "jobs")
        for model in apps.get_app_config(name).get_models()
    ]
    return "\n".join(str(row) for model in models for row in model._default_manager.values())


# --- Adding a key -----------------------------------------------------------------------------------------------


def test_key_is_kept_after_one_live_reading(cloud: Cloud, access: Access) -> None:
    cloud.sim.world.add_servers(cloud.sim.world.account("main"), count=200)
    api_key = add(access)
    assert len(cloud.calls()) == 1, "somebody waits: one page, however many there are"
    assert (api_key.unseal(), api_key.created_by, api_key.health) == (
        CANARY,
        access.user,
        ApiKey.Health.UNTRIED,
    )
    (entry,) = AuditEvent.objects.filter(chain=access.team.pk)
    assert (entry.action, entry.actor_id, entry.actor_role) == ("api_key.add", access.user.pk, "admin")
    assert entry.after == {"name": "Main", "fingerprint": api_key.fingerprint}
    assert Server.objects.count() == 0, "reading them all is a worker's"


REFUSALS: list[tuple[Fault, dict[str, Any], str, int | None]] = [
    (Fault.EMPTY_401, {}, "does not accept this API key", 401),
    (
        Fault.REFUSE,
        {"status": 403, "body": {"errorMessage": "Ask Marit"}},
        "Ask Marit",
        403,
    ),
    (Fault.UNAVAILABLE, {}, "trouble answering", 503),
    (Fault.NOT_JSON, {}, "cannot be used", 200),
    (Fault.CLOSE_AFTER_EXECUTE, {}, "did not answer", None),
]


@pytest.mark.parametrize(("fault", "options", "words", "status"), REFUSALS)
def test_key_that_cannot_read_is_not_kept_and_the_attempt_is_audited(
    cloud: Cloud, access: Access, fault: Fault, options: dict[str, Any], words: str, status: int | None
) -> None:
    cloud.sim.faults.add(fault, operation="listServers", **options)
    with pytest.raises(KeyRefused, match=words) as refused:
        add(access)
    assert not ApiKey.objects.exists()
    (entry,) = AuditEvent.objects.filter(chain=access.team.pk)
    assert (entry.action, entry.outcome, entry.target_label) == ("api_key.refused", Outcome.REFUSED, "Main")
    assert (entry.reason, entry.upstream_status) == (str(refused.value), status)
    assert entry.correlation_id == refused.value.correlation_id
    assert entry.correlation_id == (cloud.calls()[0].correlation_id if status else "")
    assert verify(access.team.pk).intact


def test_unreachable_leaseweb_is_said_and_audited(access: Access) -> None:
    with pytest.raises(KeyRefused, match="cannot reach Leaseweb"):
        add(access)
    assert actions(access.team) == ["api_key.refused"]


def test_name_in_use_is_refused_before_anybody_is_asked(cloud: Cloud, access: Access) -> None:
    add(access)
    with pytest.raises(ValidationError, match="a key called “Main” already"):
        add(access, "demo-another-key")
    assert len(cloud.calls()) == 1
    assert ApiKey.objects.get().unseal() == CANARY


@pytest.mark.parametrize("name", ["", " ", "x" * 81])
def test_name_that_does_not_fit_is_refused_before_anybody_is_asked(
    cloud: Cloud, access: Access, name: str
) -> None:
    with pytest.raises(ValidationError):
        add(access, name=name)
    assert (cloud.calls(), ApiKey.objects.count(), actions(access.team)) == ([], 0, [])


def test_name_is_free_in_another_team_and_after_the_removal(
    cloud: Cloud, access: Access, outsider: User
) -> None:
    services.api_key_remove(access, add(access))
    assert add(access).pk
    assert add(access_of(outsider, Team.objects.get(slug="south-ops"))).pk


@pytest.mark.django_db(transaction=True)
def test_same_name_twice_at_once_is_kept_once(cloud: Cloud, access: Access) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def adder() -> None:
        start.wait(timeout=120)
        try:
            add(access)
            outcomes.append("kept")
        except ValidationError:
            outcomes.append("taken")
        finally:
            connection.close()

    threads = [threading.Thread(target=adder) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "taken"]
    assert actions(access.team) == ["api_key.add"]


def test_third_live_call_of_a_process_is_turned_away(cloud: Cloud, access: Access) -> None:
    """Two requests wait for Leaseweb; the third one is told so at once and asks nobody."""
    inside, leave = threading.Semaphore(0), threading.Event()

    def wait_inside() -> None:
        with live._place():
            inside.release()
            assert leave.wait(timeout=120)

    waiting = [threading.Thread(target=wait_inside) for _ in range(live.AT_ONCE)]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        assert inside.acquire(timeout=120)
    with pytest.raises(KeyRefused, match="waiting for Leaseweb in other requests"):
        add(access)
    assert (cloud.calls(), ApiKey.objects.count()) == ([], 0)
    leave.set()
    for thread in waiting:
        thread.join()
    assert add(access).pk, "the places are free again"


def test_place_is_given_back_when_the_call_fails(cloud: Cloud) -> None:
    cloud.sim.keys.revoke(CANARY)
    for _ in range(live.AT_ONCE + 2):
        with pytest.raises(AuthError):
            live.try_key(Secret(CANARY))


# --- The text of a key ------------------------------------------------------------------------------------------


@pytest.mark.req("A9")
@pytest.mark.req("K4")
@pytest.mark.req("K5")
@pytest.mark.parametrize(
    "fault", [None, Fault.EMPTY_401, Fault.HTML_504, Fault.HALF_BODY, Fault.RESET_BEFORE_READ]
)
def test_text_of_a_key_is_in_no_row_no_log_and_no_exception(
    cloud: Cloud, access: Access, caplog: pytest.LogCaptureFixture, capfd: Any, fault: Fault | None
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = ""
    if fault:
        cloud.sim.faults.add(fault, operation="listServers")
        with pytest.raises(KeyRefused) as refused:
            add(access)
        shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
    else:
        shown = repr(vars(add(access)))
    captured = capfd.readouterr()
    for where in (whole_database(), caplog.text, shown, captured.out, captured.err):
        assert CANARY not in where


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    "text", ["", "short", "x" * 257, "has space inside", "line\r\nbreak", "keyé-1234567", "tab\tkey-1234"]
)
def test_text_that_no_header_can_carry_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="An API key") as refused:
        Secret.api_key(text)
    assert text == "" or text not in str(refused.value)


# --- What else people do to keys --------------------------------------------------------------------------------


def test_removed_key_is_wiped_and_its_history_stays(
    access: Access, api_key: ApiKey, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(access.team, api_key=api_key)
    job = make_job(server, "reboot", "succeeded")
    services.api_key_remove(access, api_key)
    gone = ApiKey.objects.get(pk=api_key.pk)
    assert (gone.sealed, gone.removed_at is None, gone.name) == ("", False, "Main account")
    assert not ServerKey.objects.exists()
    assert Job.objects.get(pk=job.pk).api_key == gone
    entry = AuditEvent.objects.get(action="api_key.remove")
    assert entry.before == {"name": "Main account", "fingerprint": api_key.fingerprint}


def test_renamed_key_is_audited_with_both_names(access: Access, api_key: ApiKey) -> None:
    services.api_key_rename(access, api_key, "New name")
    assert ApiKey.objects.get().name == "New name"
    entry = AuditEvent.objects.get(action="api_key.rename")
    assert (entry.before, entry.after) == ({"name": "Main account"}, {"name": "New name"})


def test_key_cannot_take_the_name_of_another(access: Access, api_key: ApiKey, make_api_key: Any) -> None:
    other = make_api_key(access.team, name="Other")
    with pytest.raises(ValidationError, match="already"):
        services.api_key_rename(access, other, api_key.name)
    assert actions(access.team) == []


@pytest.mark.parametrize("name", ["", "\n", "x" * 81])
def test_key_keeps_its_name_when_the_new_one_does_not_fit(access: Access, api_key: ApiKey, name: str) -> None:
    with pytest.raises(ValidationError):
        services.api_key_rename(access, api_key, name)
    assert ApiKey.objects.get().name == "Main account"


def test_wish_for_a_reading_is_kept_and_audited_once(
    access: Access, api_key: ApiKey, make_server: MakeServer
) -> None:
    server = make_server(access.team, api_key=api_key)
    ask_for_all(access, api_key, server)
    access.team.refresh_from_db()
    ask_for_all(access, api_key, server)
    found = Server.objects.get()
    assert ApiKey.objects.get().refresh_asked_at is not None
    assert found.refresh_asked_at is not None
    assert found.readings.get(subject="snapshots").asked_at is not None
    assert found.changed_seq == access.team.cursor
    assert actions(access.team) == ["server.refresh"] * 3


def ask_for_all(access: Access, api_key: ApiKey, server: Server) -> None:
    services.api_key_ask_reading(access, api_key)
    services.server_ask_reading(access, server)
    services.detail_ask_reading(access, server, "snapshots")
