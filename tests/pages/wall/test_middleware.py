"""The wall round an app that would answer anything: what reaches it, and what every answer says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from imaging.errors import StoreError
from pages.ui.wall.cookie import NAME
from pages.ui.wall.middleware import Rules, Wall, asked_for, own_path

HOST = "films.ward.example:8501"
OWN = {"host": HOST, "origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
COOKIE = {"cookie": f"{NAME}=good"}


def find(cookies: Mapping[str, str]) -> str:
    """One sign-in is good."""
    return "good" if cookies.get(NAME) == "good" else ""


RULES = Rules(
    hosts=frozenset({"films.ward.example"}),
    find=find,
    without_sign_in=("sign-in",),
    door=PlainTextResponse("door", status_code=403),
)


def ask(
    path: str, headers: Mapping[str, str], *, method: str = "GET", rules: Rules = RULES
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of an answer; behind the wall all is "inside"."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    wall = Wall(PlainTextResponse("inside"), rules)
    with ThreadPoolExecutor(1) as pool:  # Playwright may have left a running loop in this thread
        pool.submit(lambda: asyncio.run(wall(scope, receive, send))).result()
    told = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return messages[0]["status"], told, b"".join(m.get("body", b"") for m in messages[1:]).decode()


def test_the_own_page_of_a_signed_in_browser_gets_through() -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert ask("/film", {**OWN, **COOKIE}, method=method)[2] == "inside"
    assert ask("/", {"host": HOST, **COOKIE})[2] == "inside", "typed into the address line"


@pytest.mark.parametrize("path", ["/", "/review", "/media/x", "/_stcore/metrics", "/film"])
def test_without_a_sign_in_there_is_only_the_door(path: str) -> None:
    assert ask(path, {"host": HOST, "sec-fetch-dest": "document"})[::2] == (403, "door")
    assert ask(path, {**OWN, "sec-fetch-dest": "image"})[::2] == (403, "")
    assert ask(path, OWN, method="POST")[::2] == (403, "")
    assert ask(path, {**OWN, "cookie": f"{NAME}=bad"}, method="POST")[::2] == (403, "")


def test_the_program_and_the_door_are_open() -> None:
    for path in ("/_stcore/health", "/static/js/index.js", "/sign-in", "/favicon.png"):
        assert ask(path, {"host": HOST})[2] == "inside"
    for path in ("/statics", "/_stcore/health/x", "/sign-in-not", "/static-x/a"):
        assert ask(path, {"host": HOST})[2] != "inside", path


@pytest.mark.parametrize("path", ["/_stcore/upload_file/a/b", "/_stcore/agent/mcp", "/auth/login"])
def test_ways_in_that_no_page_uses_are_shut(path: str) -> None:
    for method in ("GET", "PUT", "POST"):
        assert ask(path, {**OWN, **COOKIE}, method=method)[0] == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "films.ward.example.evil.org",
        "films.ward.example@evil.example",
        "",
        "a b",
    ],
)
def test_only_own_names_are_answered(host: str) -> None:
    assert ask("/", {**COOKIE, "host": host})[0] == 421


def test_a_name_may_be_written_in_other_ways() -> None:
    for host in ("FILMS.ward.example:1", "films.ward.example.", "films.ward.example"):
        assert ask("/", {**COOKIE, "host": host})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://films.ward.example"},
        {"origin": "http://films.ward.example:8502"},
        {"origin": f"https://{HOST}"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
)
def test_another_page_gets_nothing_to_see(headers: dict[str, str]) -> None:
    """A cookie is sent whatever the port of the page; only the wall tells them apart."""
    said = {"host": HOST, **COOKIE, **headers}
    assert ask("/media/x", said)[::2] == (403, "") and ask("/sign-in", said)[0] == 403


def test_a_link_from_another_site_is_followed_by_a_page_of_ours() -> None:
    """So that the browser sends the cookie, which it keeps back from other sites' links."""
    linked = {
        "host": HOST,
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    status, _, body = ask("/review", linked)
    assert status == 200 and 'content="0; url=/review"' in body
    assert ask("/review", {**linked, "origin": "https://pacs.example"}, method="POST")[0] == 403


def test_an_address_leads_nowhere_else() -> None:
    for text in ("//evil.example", "/\\evil.example", "\t//evil.example", "https://evil.example"):
        assert own_path(text).startswith("/") and own_path(text)[1] not in "/\\"
    raw = b"//evil.example/a"
    assert asked_for({"raw_path": raw, "query_string": b"b=c"}) == "/evil.example/a?b=c"


def test_a_proxy_counts_where_it_was_declared() -> None:
    forwarded = {**OWN, **COOKIE, "x-forwarded-for": "10.0.0.7"}
    assert ask("/", forwarded)[0] == 403
    declared = replace(RULES, behind_proxy=True, secure=True)
    assert ask("/", forwarded, rules=declared)[0] == 403, "browsers come by https"
    assert ask("/", {**forwarded, "origin": f"https://{HOST}"}, rules=declared)[0] == 200


def test_a_store_that_cannot_be_asked_opens_nothing() -> None:
    def fail(_cookies: Mapping[str, str]) -> str:
        raise StoreError("The records cannot be read.")

    status, _, body = ask("/", {"host": HOST, **COOKIE}, rules=replace(RULES, find=fail))
    assert status == 503 and body == "The records cannot be read."


def test_below_a_base_path_the_same_holds() -> None:
    rules = replace(RULES, base_path="some/where")
    assert ask("/some/where/sign-in", {"host": HOST}, rules=rules)[2] == "inside"
    assert ask("/some/where/review", {"host": HOST}, rules=rules)[2] == "door"
    upload = {**OWN, **COOKIE}
    path = "/some/where/_stcore/upload_file/a/b"
    assert ask(path, upload, method="PUT", rules=rules)[0] == 403


@pytest.mark.parametrize("path", ["/", "/media/x", "/film", "/static/js/index.js", "/sign-in"])
def test_every_answer_says_what_a_browser_may_do_with_it(path: str) -> None:
    for headers in ({"host": HOST}, {"host": HOST, **COOKIE}, {"host": "evil.example"}):
        _, told, _ = ask(path, headers)
        policy = told["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
        assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
        assert (f"connect-src 'self' ws://{HOST}" in policy) is (headers["host"] == HOST)
        assert "evil" not in policy
        assert told["x-frame-options"] == "DENY" and told["referrer-policy"] == "same-origin"
        assert told["x-content-type-options"] == "nosniff"
        assert told["cross-origin-resource-policy"] == "same-origin"
        kept = path.startswith("/static/")
        assert kept or told["cache-control"] == "no-store"


def test_another_server_posts_without_an_origin_where_it_may_and_nowhere_else() -> None:
    rules = replace(RULES, from_servers=("sign-in/ended",))
    server = {"host": HOST}
    assert ask("/sign-in/ended", server, method="POST", rules=rules)[2] == "inside"
    for path, headers, method in (
        ("/sign-in/ended", {**server, "origin": "https://evil.example"}, "POST"),
        ("/sign-in/ended", {**server, "sec-fetch-site": "cross-site"}, "POST"),
        ("/sign-in/ended", server, "PUT"),
        ("/sign-in/ended/x", server, "POST"),
        ("/sign-in", server, "POST"),
        ("/", server, "POST"),
    ):
        assert ask(path, headers, method=method, rules=rules)[0] == 403, (path, method)
    assert ask("/sign-in/ended", {"host": "evil.example"}, method="POST", rules=rules)[0] == 421
    proxied = {**server, "x-forwarded-for": "10.0.0.1"}
    assert ask("/sign-in/ended", proxied, method="POST", rules=rules)[0] == 403
    assert ask("/sign-in/ended", server, method="POST")[0] == 403, "only where it is named"
