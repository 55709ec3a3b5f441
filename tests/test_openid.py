"""Signing in by a real provider, through the wall of a running server; and out, from both sides."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from imaging.review.roles import EVERYDAY
from imaging.store import Repository
from pages.ui.wall.cookie import NAME
from tests.browser.lightbox import Server
from tests.openid.harness import ProviderBrowser, RealProvider

pytestmark = [pytest.mark.slow]
PASSWORD = "correct horse battery"
PATIENCE = 60.0
SOON = 10.0  # seconds until a sign-in that ended at the provider has ended here
FROM_THERE = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
_LINK = re.compile(r'href="(/sign-in/provider[^"]*)"')


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Path
) -> Iterator[tuple[Server, RealProvider]]:
    home = tmp_path_factory.mktemp("openid") / "home"
    with closing(Repository.open(home)) as store:
        store.accounts.create("root", "The Administrator", PASSWORD, roles=EVERYDAY)
    found = Server(home, checkpoint_folder.parent, reader="")
    provider = RealProvider(home.parent / "provider", found.address)
    found.add_variables(provider.variables)
    provider.start()
    found.start()
    yield found, provider
    found.stop()
    provider.stop()


def sign_in(
    server: Server, provider: RealProvider
) -> tuple[requests.Session, str, ProviderBrowser]:
    """A browser that is signed in as kim, the cookie's value, and the browser at the provider."""
    browser, elsewhere = provider.session(), provider.browser()
    door = browser.get(server.address, timeout=PATIENCE)
    assert door.status_code == 403 and "127.0.0.1" in door.text
    begin = urljoin(server.address, unescape(_LINK.findall(door.text)[0]))
    there = browser.get(begin, allow_redirects=False, timeout=PATIENCE)
    back = elsewhere.sign_in(there.headers["location"], "kim")
    # the browser leaves out cookies that are for our own pages; the wall has it ask once more
    bare = requests.get(back, headers=FROM_THERE, allow_redirects=False, timeout=PATIENCE)
    assert bare.status_code == 200 and 'http-equiv="refresh"' in bare.text
    assert "set-cookie" not in bare.headers
    entered = browser.get(back, allow_redirects=False, timeout=PATIENCE)
    assert entered.status_code == 303, entered.text
    assert is_in(server, str(browser.cookies[NAME]))
    return browser, str(browser.cookies[NAME]), elsewhere


def is_in(server: Server, token: str) -> bool:
    """Whether that cookie opens the program."""
    answer = requests.get(server.address, cookies={NAME: token}, timeout=PATIENCE)
    return answer.status_code == 200 and "/sign-in" not in answer.text


def is_out_soon(server: Server, token: str) -> bool:
    end = time.monotonic() + SOON
    while is_in(server, token):
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def test_who_comes_back_from_the_provider_is_signed_in(
    server: tuple[Server, RealProvider],
) -> None:
    sign_in(*server)


def test_a_sign_in_that_ends_at_the_provider_ends_here_within_seconds(
    server: tuple[Server, RealProvider],
) -> None:
    """The provider itself tells, by a POST without origin and cookie (back-channel logout)."""
    _, token, elsewhere = sign_in(*server)
    elsewhere.sign_out()
    assert is_out_soon(server[0], token)


def test_the_cookie_of_a_sign_in_that_was_left_opens_nothing(
    server: tuple[Server, RealProvider],
) -> None:
    lightbox, _ = server
    browser, token, _ = sign_in(*server)
    own = {"Origin": lightbox.address}
    left = browser.post(
        f"{lightbox.address}/sign-in", data={"leave": "1"}, headers=own, timeout=PATIENCE
    )
    assert left.status_code == 200 and "/session/end?" in left.text
    assert not is_in(lightbox, token)


def test_only_a_server_may_tell_without_an_origin_and_there_alone(
    server: tuple[Server, RealProvider],
) -> None:
    address, form = server[0].address, {"logout_token": "e30.e30.AA"}
    told = requests.post(f"{address}/sign-in/ended", data=form, timeout=PATIENCE)
    assert told.status_code == 400, "heard, and not believed"
    for path, headers in (
        ("/sign-in/ended", {"Origin": "https://evil.example"}),
        ("/sign-in/ended", {"Sec-Fetch-Site": "cross-site"}),
        ("/sign-in", {}),
        ("/sign-in/returned", {}),
        ("/sign-in/ended/more", {}),
        ("/_stcore/upload_file/1/2", {}),
    ):
        answer = requests.post(f"{address}{path}", data=form, headers=headers, timeout=PATIENCE)
        assert answer.status_code in (403, 405), path
    foreign = {"Host": "evil.example"}
    answer = requests.post(f"{address}/sign-in/ended", headers=foreign, timeout=PATIENCE)
    assert answer.status_code == 421


def test_the_provider_is_asked_only_once_somebody_signs_in(
    tmp_path: Path, checkpoint_folder: Path, server: tuple[Server, RealProvider]
) -> None:
    """And one that does not answer leaves the local accounts."""
    with closing(Repository.open(tmp_path / "home")) as store:
        store.accounts.create("root", "The Administrator", PASSWORD, roles=EVERYDAY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        issuer = f"https://127.0.0.1:{listener.getsockname()[1]}"
        lightbox = Server(tmp_path / "home", checkpoint_folder.parent, reader="")
        lightbox.add_variables({**server[1].variables, "LIGHTBOX_OIDC_ISSUER": issuer})
        lightbox.start()
        try:
            form = {"name": "root", "password": PASSWORD}
            own = {"Origin": lightbox.address}
            entered = requests.post(
                f"{lightbox.address}/sign-in", data=form, headers=own, allow_redirects=False,
                timeout=PATIENCE,
            )  # fmt: skip
            assert entered.status_code == 303
            assert is_in(lightbox, str(entered.cookies[NAME]))
            with pytest.raises(TimeoutError):
                listener.accept()
        finally:
            lightbox.stop()
    with closing(Repository.open(tmp_path / "home")) as store:
        assert "break-glass" in [line.deed.value for line in store.audit.entries()]
    assert server[1].variables["LIGHTBOX_OIDC_CLIENT_SECRET_FILE"] not in lightbox.log.read_text()
