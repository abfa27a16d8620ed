"""Guessing one account's password from many networks is slow, and keeps its owner out of nothing."""

import contextlib
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory, override_settings

from audit.models import AuditEvent
from audit.origin import Actor
from lswpanel.settings import PASSWORD_HASHERS
from teams import passwords, services
from teams.models import KnownAddress, SignInAllowance, User
from teams.passwords import Busy, Gate
from teams.sign_in import BURST, EVERY, KNOWN_FOR, TooSoon, use_allowance
from tests.support.stack import Stack

pytestmark = [pytest.mark.django_db, pytest.mark.req("X5")]
PASSWORD = "correct horse battery"
ANN = "ann@example.com"


@pytest.fixture
def person() -> User:
    return User.objects.create_user(ANN, PASSWORD, name="Ann")


def sign_in(client: Client, address: str, *, login: str = ANN, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": login, "password": password}, REMOTE_ADDR=address)


def attack(tries: int, *, login: str = ANN, net: str = "198.51") -> list[int]:
    """The statuses of so many guesses, each from a network of its own."""
    return [
        sign_in(Client(), f"{net}.{number}.1", login=login, password="a guess").status_code
        for number in range(tries)
    ]


def failures() -> int:
    return AuditEvent.objects.filter(action="login.fail").count()


def test_tries_from_many_networks_are_not_evaluated_beyond_the_allowance(person: User) -> None:
    assert attack(BURST + 5) == [200] * BURST + [429] * 5
    assert failures() == BURST
    answer = sign_in(Client(), "203.0.113.1")
    assert answer.status_code == 429, "the right password neither"
    assert 0 < int(answer["Retry-After"]) <= EVERY.total_seconds()
    assert 'data-way="back"' in answer.content.decode(), "and what was typed elsewhere is kept on that way"


def test_time_in_the_database_gives_tries_back(person: User) -> None:
    attack(BURST + 1)
    SignInAllowance.objects.update(full_at=F("full_at") - EVERY)
    assert attack(3, net="192.0") == [200, 429, 429]
    SignInAllowance.objects.update(full_at=F("full_at") - timedelta(days=3))
    assert attack(BURST + 1, net="203.0") == [200] * BURST + [429]


@pytest.mark.req("X6")
def test_name_that_is_no_account_is_slowed_down_alike(person: User) -> None:
    assert attack(BURST + 1, login="nobody@example.com") == attack(BURST + 1)


@pytest.mark.parametrize("spelling", ["ANN@EXAMPLE.COM", " Ann@example.com ", "ann@\uff45xample.com", ANN])
def test_other_spellings_of_the_address_share_its_allowance(person: User, spelling: str) -> None:
    """Also one that this database takes for another account: one made with a language may take it for the same."""
    attack(BURST)
    assert sign_in(Client(), "203.0.113.1", login=spelling).status_code == 429
    assert failures() == BURST


@pytest.mark.django_db(transaction=True)
def test_tries_that_come_together_do_not_get_past_the_allowance(rf: RequestFactory) -> None:
    def one(number: int) -> bool:
        try:
            use_allowance(rf.post("/accounts/login/"), email=ANN, ip=f"198.51.{number}.1")
        except TooSoon:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as crowd:
        assert sum(crowd.map(one, range(BURST + 14))) == BURST


def test_right_password_uses_nothing_up(person: User) -> None:
    for number in range(BURST + 1):
        assert sign_in(Client(), f"203.0.113.{number}").status_code == 302
    attack(BURST + 1)
    assert failures() == BURST


def test_owner_signs_in_from_an_address_that_is_known(person: User) -> None:
    assert sign_in(Client(), "203.0.113.1").status_code == 302
    attack(BURST + 1)
    assert sign_in(Client(), "203.0.113.1").status_code == 302
    assert sign_in(Client(), "203.0.113.2").status_code == 429
    KnownAddress.objects.update(used_at=F("used_at") - KNOWN_FOR - timedelta(days=1))
    assert sign_in(Client(), "203.0.113.1").status_code == 429, "it was long ago"


def test_address_of_ipv6_is_known_by_its_network(person: User) -> None:
    assert sign_in(Client(), "2001:db8:0:1::5").status_code == 302
    attack(BURST + 1)
    assert sign_in(Client(), "2001:db8:0:1:aaaa::9").status_code == 302
    assert sign_in(Client(), "2001:db8:0:2::5").status_code == 429


def test_owner_signs_in_with_a_browser_that_is_known(client: Client, person: User) -> None:
    assert sign_in(client, "203.0.113.1").status_code == 302
    client.post("/accounts/logout/")
    attack(BURST + 1)
    assert sign_in(client, "192.0.2.7").status_code == 302


def test_browser_is_known_to_the_accounts_alone_that_it_signed_in_to(client: Client, person: User) -> None:
    User.objects.create_user("eve@example.com", PASSWORD)
    assert sign_in(client, "203.0.113.1", login="eve@example.com").status_code == 302
    attack(BURST + 1)
    client.post("/accounts/logout/")
    assert sign_in(client, "192.0.2.7").status_code == 429


def test_stolen_cookie_of_a_browser_has_an_allowance_too(client: Client, person: User) -> None:
    sign_in(client, "203.0.113.1")
    stolen = client.cookies["device-8000"].value
    statuses = []
    for number in range(BURST + 2):
        thief = Client()
        thief.cookies["device-8000"] = stolen
        statuses.append(sign_in(thief, f"198.51.{number}.1", password="a guess").status_code)
    assert statuses == [200] * BURST + [429] * 2


@pytest.mark.parametrize("cookie", ["x", "a:b:c", "W10:1abcde:x"])
def test_cookie_of_ones_own_making_is_worth_nothing(person: User, cookie: str) -> None:
    attack(BURST)
    client = Client()
    client.cookies["device-8000"] = cookie
    assert sign_in(client, "203.0.113.1").status_code == 429


def test_try_that_was_not_evaluated_does_not_count_for_its_address(person: User) -> None:
    attack(BURST)
    assert [sign_in(Client(), "203.0.113.1").status_code for _ in range(8)] == [429] * 8
    SignInAllowance.objects.all().delete()
    assert sign_in(Client(), "203.0.113.1").status_code == 302


# --- What hashing costs -----------------------------------------------------------------------------------------


def test_two_are_hashed_at_once_four_wait_and_the_seventh_is_sent_away() -> None:
    gate, full, lock = passwords._gate, threading.Event(), threading.Lock()
    inside, most, sent_away = [0], [0], [0]

    def hashing() -> None:
        try:
            with gate.turn():
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                full.wait(60)
                with lock:
                    inside[0] -= 1
        except Busy:
            sent_away[0] += 1
            full.set()

    threads = [threading.Thread(target=hashing) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most[0], sent_away[0]) == (2, 1)
    hashing()
    assert sent_away[0] == 1, "and every place is free again"


def test_whoever_is_sent_away_is_told_so_and_keeps_the_try(
    client: Client, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(at_once=1, waiting=0)
    monkeypatch.setattr(passwords, "_gate", gate)
    with gate.turn():
        answers = [sign_in(client, "203.0.113.1") for _ in range(BURST + 1)]
        # Who has no account has something hashed, too, so that the time it takes tells nothing (X6).
        answers += [sign_in(client, "203.0.113.1", login="nobody@example.com")]
    assert {(answer.status_code, answer["Retry-After"]) for answer in answers} == {(503, "5")}
    assert answers[0]["X-Frame-Options"] == "DENY"
    assert failures() == 0
    assert sign_in(client, "203.0.113.1").status_code == 302


class Old(Argon2PasswordHasher):
    time_cost, memory_cost, parallelism = 1, 16, 2


def test_password_hashed_at_another_cost_is_hashed_anew_by_signing_in(client: Client, person: User) -> None:
    User.objects.update(password=Old().encode(PASSWORD, "a salt of the past"))
    with override_settings(PASSWORD_HASHERS=PASSWORD_HASHERS):
        assert sign_in(client, "203.0.113.1").status_code == 302
        assert client.get("/profile/").status_code == 200
    person.refresh_from_db()
    assert "$m=32768,t=3,p=1$" in person.password


def test_fresh_proof_that_hashes_anew_keeps_the_session(client: Client, person: User) -> None:
    User.objects.update(password=Old().encode(PASSWORD, "a salt of the past"))
    person.refresh_from_db()
    client.force_login(person)
    assert client.post("/accounts/confirm/", {"password": PASSWORD}).status_code == 302
    assert client.get("/profile/").status_code == 200


@pytest.mark.once
@pytest.mark.processes
@pytest.mark.req("X17")
def test_strangers_and_verifications_and_half_requests_at_once_cost_the_web_server_little_memory(
    stack: Stack,
) -> None:
    """Each stranger from an address and with a name of its own, so that nothing but the gate holds them back."""
    services.owner_create(email=ANN, password=PASSWORD, team_name="North", name="Ann", actor=Actor())
    url = stack.web(TRUSTED_PROXY_COUNT="1")
    with contextlib.ExitStack() as cleanup, ThreadPoolExecutor(28) as crowd:
        owner = cleanup.enter_context(visitor(url, "203.0.113.1"))
        assert guess(owner, ANN, PASSWORD).status_code == 302
        for _ in range(50):
            half = cleanup.enter_context(socket.create_connection(("127.0.0.1", httpx.URL(url).port)))
            half.sendall(
                b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\nlogin="
            )
        strangers = [crowd.submit(stranger, url, number) for number in range(20)]
        wishes = [crowd.submit(wish_to_verify, owner) for _ in range(8)]
        assert [owner.get(page).status_code for page in ("/t/north/", "/healthz/", "/profile/")] == [200] * 3
        answers = [each.result() for each in strangers]
        assert [each.result().status_code for each in wishes] == [302] * 8
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert [answer for answer in answers if answer.status_code == 200]
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)
    assert max(peak_memory(process.pid) for process in stack.web_server.family()) <= 250 * 1024 * 1024


def visitor(url: str, address: str) -> httpx.Client:
    headers = {"X-Forwarded-For": address, "Referer": url}
    return httpx.Client(base_url=url, headers=headers, timeout=60)


def stranger(url: str, number: int) -> httpx.Response:
    with visitor(url, f"198.51.{number}.1") as browser:
        return guess(browser, f"p{number}@example.com", "a guess")


def guess(browser: httpx.Client, login: str, password: str) -> httpx.Response:
    form = {"csrfmiddlewaretoken": token(browser, "/accounts/login/"), "login": login, "password": password}
    return browser.post("/accounts/login/", data=form)


def wish_to_verify(browser: httpx.Client) -> httpx.Response:
    form = {"csrfmiddlewaretoken": token(browser, "/t/north/audit/verify/")}
    return browser.post("/t/north/audit/verify/", data=form)


def token(browser: httpx.Client, page: str) -> str:
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(page).text)[0]


def peak_memory(pid: int) -> int:
    """The most bytes that a process ever held in memory (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024
