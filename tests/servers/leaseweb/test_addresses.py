from __future__ import annotations

import pytest

from servers.leaseweb import check_base_url
from servers.leaseweb.addresses import path_of, username_part


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://api.leaseweb.com/cloud/v2", "https://api.leaseweb.com/cloud/v2"),
        ("https://api.leaseweb.com/cloud/v2/", "https://api.leaseweb.com/cloud/v2"),
        ("https://proxy.example:8443/leaseweb/cloud/v2", "https://proxy.example:8443/leaseweb/cloud/v2"),
        ("http://127.0.0.1:8000/cloud/v2", "http://127.0.0.1:8000/cloud/v2"),
        ("http://127.8.9.1/cloud/v2", "http://127.8.9.1/cloud/v2"),
        ("http://localhost:1/cloud/v2", "http://localhost:1/cloud/v2"),
        ("http://[::1]:8000/cloud/v2", "http://[::1]:8000/cloud/v2"),
    ],
)
def test_check_base_url_takes_https_and_loopback(address: str, kept: str) -> None:
    assert check_base_url(address) == kept


@pytest.mark.req("X10")
@pytest.mark.parametrize(
    "address",
    [
        "",
        "api.leaseweb.com/cloud/v2",
        "https://api.leaseweb.com",
        "https://api.leaseweb.com/cloud/v1",
        "https://api.leaseweb.com/cloud/v2/virtualServers",
        "https://api.leaseweb.com/../cloud/v2",
        "https://api.leaseweb.com/%2e%2e/cloud/v2",
        "http://api.leaseweb.com/cloud/v2",
        "http://127.0.0.1.example.com/cloud/v2",
        "http://localhost.example.com/cloud/v2",
        "http://169.254.169.254/cloud/v2",
        "http://[::ffff:127.0.0.1]/cloud/v2",
        "http://2130706433/cloud/v2",
        "http://0x7f.1/cloud/v2",
        "http://0.0.0.0/cloud/v2",
        "http://127.1/cloud/v2",
        "https://999.1.1.1/cloud/v2",
        "https://[::zz]/cloud/v2",
        "https://user@api.leaseweb.com/cloud/v2",
        "https://user:pass@api.leaseweb.com/cloud/v2",
        "https://api.leaseweb.com/cloud/v2?x=1",
        "https://api.leaseweb.com?/cloud/v2",
        "https://api.leaseweb.com/cloud/v2#x",
        "https://api.leaseweb.com#/cloud/v2",
        "https://evil.example\\@api.leaseweb.com/cloud/v2",
        "https://evil.example\\api.leaseweb.com/cloud/v2",
        "https://api.leaseweb.com:0/cloud/v2",
        "https://api.leaseweb.com:99999/cloud/v2",
        "https://api.leaseweb.com:\u0663\u0663/cloud/v2",
        "https://api..leaseweb.com/cloud/v2",
        f"https://{'a' * 64}.com/cloud/v2",
        "https://api.leaseweb.com/cloud/v2\n",
        "https://api.lease\tweb.com/cloud/v2",
        "https://\u0430pi.leaseweb.com/cloud/v2",
        "file:///cloud/v2",
        "ftp://api.leaseweb.com/cloud/v2",
        "gopher://127.0.0.1/cloud/v2",
    ],
)
def test_check_base_url_refuses_everything_else(address: str) -> None:
    with pytest.raises(ValueError, match="address of the Leaseweb API"):
        check_base_url(address)


def test_check_base_url_names_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="user name"):
        check_base_url("https://key@api.leaseweb.com/cloud/v2")
    with pytest.raises(ValueError, match="query"):
        check_base_url("https://api.leaseweb.com/cloud/v2?a=b")
    with pytest.raises(ValueError, match="fragment"):
        check_base_url("https://api.leaseweb.com/cloud/v2#a")
    with pytest.raises(ValueError, match="must be https"):
        check_base_url("http://api.leaseweb.com/cloud/v2")


def test_path_of_joins_ids() -> None:
    assert path_of("222903") == "/222903"
    assert path_of("a.b_c-D", "9" * 64) == f"/a.b_c-D/{'9' * 64}"


@pytest.mark.req("X10")
@pytest.mark.parametrize(
    "part", ["", ".", "..", "a/b", "a%2fb", "a b", "é", "9" * 65, "a\n", "a?b", "a#b", "a\\b", "٣", None, 5]
)
def test_path_of_refuses_what_is_no_id(part: object) -> None:
    with pytest.raises(ValueError, match="An id"):
        path_of(part)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("username", "part"),
    [("root", "/root"), ("a/b", "/a%2Fb"), ("100%", "/100%25"), ("a b?#", "/a%20b%3F%23"), ("ü", "/%C3%BC")],
)
def test_username_part_encodes_everything_special(username: str, part: str) -> None:
    assert username_part(username) == part


@pytest.mark.req("X10")
@pytest.mark.parametrize("username", ["", ".", "..", "a\nb", "a\x00", "\ud800", "u" * 257, None])
def test_username_part_refuses_what_cannot_be_a_name(username: object) -> None:
    with pytest.raises(ValueError, match="user name"):
        username_part(username)  # type: ignore[arg-type]
