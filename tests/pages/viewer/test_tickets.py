"""Pixels go to the one who may see them, once, and to nobody else."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette

from imaging.store import Repository
from pages.ui import resources
from pages.ui.account import sign_in as gate
from pages.ui.viewer import route
from pages.ui.viewer.packets import PixelPacket
from pages.ui.viewer.tickets import LIFE, TicketStore
from pages.ui.wall.cookie import NAME

CONTENT = bytes(range(256)) * 9000  # more than one part


class Clock:
    """Time that passes when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def packet() -> PixelPacket:
    return PixelPacket("f1-x", (CONTENT[:10], memoryview(CONTENT)[10:]))


def test_a_ticket_is_good_once() -> None:
    counter, mine = TicketStore(), packet()
    ticket = counter.give(mine, session="a", sign_in="s")
    found = counter.take(ticket)
    assert found is not None and found[1] is mine and found[0].session == "a"
    assert counter.take(ticket) is None and counter.take("") is None


def test_a_page_drawn_again_says_the_same_until_the_ticket_is_used() -> None:
    counter, mine = TicketStore(), packet()
    ticket = counter.give(mine, session="a", sign_in="s")
    assert counter.give(mine, session="a", sign_in="s") == ticket
    assert counter.give(mine, session="b", sign_in="s") != ticket
    assert counter.give(mine, session="a", sign_in="t") != ticket
    counter.take(ticket)
    assert counter.give(mine, session="a", sign_in="s") != ticket


def test_a_ticket_ends() -> None:
    clock, mine = Clock(), packet()
    counter = TicketStore(clock)
    ticket = counter.give(mine, session="a", sign_in="s")
    clock.now += LIFE * 0.6
    assert counter.give(mine, session="a", sign_in="s") != ticket, "it had little time left"
    clock.now += LIFE * 0.4
    assert counter.take(ticket) is None


def test_a_ticket_ends_with_the_session_that_held_the_pixels() -> None:
    counter, mine = TicketStore(), packet()
    ticket = counter.give(mine, session="a", sign_in="s")
    del mine
    gc.collect()
    assert counter.take(ticket) is None


class Browser:
    """Asks the route as a browser would."""

    def __init__(self, admits: Any = lambda sign_in, cookies: True, base: str = "") -> None:
        self.app = Starlette(routes=[route.pixel_route(admits, base)])

    def ask(
        self, ticket: str, *, path: str = "/film", method: str = "POST", **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer."""
        sent = {"host": "here:1", route.HEADER: ticket, **headers}
        pairs = [(k.replace("_", "-").lower().encode(), v.encode()) for k, v in sent.items()]
        scope = {
            "type": "http", "method": method, "path": path, "headers": pairs, "query_string": b"",
        }  # fmt: skip
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        # In a thread: Playwright leaves a running loop behind in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: asyncio.run(self.app(scope, receive, send))).result()
        told = {k.decode(): v.decode() for k, v in messages[0]["headers"]}
        return messages[0]["status"], told, b"".join(m.get("body", b"") for m in messages[1:])


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Which sessions are connected; the running one is "mine"."""
    found = {"mine"}
    runtime = SimpleNamespace(is_active_session=lambda name: name in found)
    monkeypatch.setattr(route, "get_instance", lambda: runtime)
    context = SimpleNamespace(session_id="mine")
    monkeypatch.setattr(route, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(route, "_open", False)
    return found


def test_without_a_route_there_are_no_tickets(sessions: set[str]) -> None:
    assert route.ticket(packet(), "") is None


def test_the_pixels_come_whole_and_are_kept_nowhere(sessions: set[str]) -> None:
    browser, mine = Browser(), packet()
    ticket = route.ticket(mine, "")
    assert ticket is not None
    status, headers, body = browser.ask(
        ticket, origin="http://here:1", sec_fetch_site="same-origin"
    )
    assert status == 200 and body == CONTENT and headers["cache-control"] == "no-store"
    assert browser.ask(ticket)[0] == 403, "once only"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "null"},
    ],
)
def test_another_site_is_refused(sessions: set[str], headers: dict[str, str]) -> None:
    browser, mine = Browser(), packet()
    ticket = route.ticket(mine, "")
    assert ticket is not None
    status, _, body = browser.ask(ticket, **headers)
    assert (status, body) == (403, b"")


def test_unknown_tickets_and_bare_addresses_are_refused(sessions: set[str]) -> None:
    browser, mine = Browser(), packet()
    assert route.ticket(mine, "")
    for guess in ("", "x", "f1-x"):
        assert browser.ask(guess)[0] == 403
    assert browser.ask("", method="GET")[0] == 405


def test_the_ticket_of_a_session_that_is_gone_is_refused(sessions: set[str]) -> None:
    browser, mine = Browser(), packet()
    ticket = route.ticket(mine, "")
    assert ticket is not None
    sessions.clear()
    assert browser.ask(ticket)[0] == 403


def test_the_guard_hears_the_sign_in_and_the_cookies(sessions: set[str]) -> None:
    heard: list[Any] = []
    browser = Browser(lambda sign_in, cookies: heard.append((sign_in, dict(cookies))), "base/path")
    mine = packet()
    ticket = route.ticket(mine, "token")
    assert ticket is not None
    assert browser.ask(ticket, path="/base/path/film", cookie="a=b")[0] == 403
    assert heard == [("token", {"a": "b"})]


def test_only_the_browser_that_signed_in_is_admitted(
    store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = SimpleNamespace(single_reader="", behind_tls=False)
    monkeypatch.setattr(resources, "settings", lambda: alone)
    monkeypatch.setattr(resources, "repository", lambda: store)
    store.accounts.create("kim", "Dr Kim", "a long password", first=True)
    _, token = store.accounts.sign_in("kim", "a long password")
    assert gate.admits(token, {NAME: token})
    assert not gate.admits(token, {}) and not gate.admits(token, {NAME: "other"})
    assert not gate.admits("", {NAME: ""}) and not gate.admits("", {})
    alone.single_reader = "Dr Alone"
    assert not gate.admits(token, {NAME: token}), "of before the server was started for one reader"
    mine = store.accounts.open_alone("Dr Alone")
    assert gate.admits(mine, {NAME: mine}) and not gate.admits("", {})
    alone.single_reader = ""
    assert gate.admits(token, {NAME: token}) and not gate.admits(mine, {NAME: mine})
    store.accounts.sign_out(token)
    assert not gate.admits(token, {NAME: token})
