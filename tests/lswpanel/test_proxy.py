"""Behind a proxy that speaks https: one that says so is believed, one that does not is explained."""

from typing import Any

import pytest
import structlog
from django.test import Client

PAGE = "/accounts/login/"


@pytest.fixture
def public(settings: Any) -> None:
    settings.HTTPS = settings.SECURE_SSL_REDIRECT = True
    settings.TRUSTED_PROXY_COUNT = 1
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.ALLOWED_HOSTS = ["panel.example.com"]


@pytest.fixture
def browser(public: None) -> Client:
    return Client(headers={"host": "panel.example.com"})


def test_request_of_which_the_proxy_says_nothing_is_explained_and_logged_once(browser: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        answers = [browser.get(PAGE) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {400}
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in answers[0].content.decode()
    assert answers[0]["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answers[0]["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in answers[0]
    assert [entry["log_level"] for entry in logs] == ["error"]


@pytest.mark.django_db
def test_request_of_which_the_proxy_says_something_goes_on(browser: Client) -> None:
    assert browser.get(PAGE, headers={"x-forwarded-proto": "https"}).status_code == 200
    moved = browser.get(PAGE, headers={"x-forwarded-proto": "http"})
    assert (moved.status_code, moved["Location"]) == (301, f"https://panel.example.com{PAGE}")


@pytest.mark.django_db
def test_health_and_style_sheets_are_asked_without_the_proxy(browser: Client) -> None:
    assert browser.get("/healthz/").status_code == 200
    sheet = browser.get("/static/css/base.css")
    assert sheet.status_code == 200
    sheet.close()


@pytest.mark.django_db
def test_panel_without_a_proxy_asks_for_no_header(client: Client) -> None:
    assert client.get(PAGE).status_code == 200
