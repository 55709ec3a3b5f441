"""Names of this server, and who a proxy says it forwards."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from pages.ui.wall.openings import opened_address
from pages.ui.wall.origins import client_address, host_name, own_hosts


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("127.0.0.1:8501", "127.0.0.1"),
        ("LOCALHOST", "localhost"),
        ("[::1]:8501", "::1"),
        ("name.", "name"),
        ("name:port", ""),
        ("name:99999", ""),
        ("user@name", ""),
        ("name/path", ""),
        ("", ""),
        ("[::1", ""),
    ],
)
def test_a_host_header_is_a_name_and_maybe_a_port(header: str, name: str) -> None:
    assert host_name(header) == name


def test_every_address_is_no_name() -> None:
    loopback = own_hosts("127.0.0.1", ())
    assert loopback == {"127.0.0.1", "localhost", "::1"}
    assert own_hosts("", ()) == own_hosts("0.0.0.0", ()) == own_hosts("::", ()) == loopback
    assert own_hosts("[fd00::7]", ("films",)) - loopback == {"fd00::7", "films"}


def test_the_nearest_proxy_says_whom_it_forwards() -> None:
    said = Headers({"x-forwarded-for": "1.1.1.1, 10.0.0.7"})
    assert client_address(said, "127.0.0.1", behind_proxy=True) == "10.0.0.7"
    assert client_address(said, "127.0.0.1", behind_proxy=False) == "127.0.0.1"
    assert client_address(Headers({}), "127.0.0.1", behind_proxy=True) == "127.0.0.1"


def test_the_told_address_is_one_that_a_browser_here_can_open() -> None:
    assert opened_address("", 1, "", secure=False) == "http://127.0.0.1:1/"
    assert opened_address("::1", 1, "/base/", secure=True) == "https://[::1]:1/base"
