"""The wall: ASGI middleware round everything that the server answers, sockets among it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imaging.errors import AssistantError
from pages.ui.wall.ended import session_in, without_deeds
from pages.ui.wall.headers import security_headers
from pages.ui.wall.origins import (
    comes_from_own_page,
    is_foreign_link,
    is_forwarded,
    is_no_browser,
    is_ours,
)

# Streamlit's own, without which no page of ours works less: its uploader keeps what anybody sends
# in memory, its agents' interface runs pages. Ours come in by `pages.ui.intake`.
_CLOSED = ("_stcore/upload_file", "_stcore/agent", "oauth2callback", "auth")
# The program that every browser runs, the same for all, and whether the server lives.
_PUBLIC = ("static", "favicon.png", "manifest.json")
_HEALTH = "_stcore/health"
_MOST_SESSIONS = 10_000  # whose owners are remembered; older ones begin anew

Find = Callable[[Mapping[str, str]], str]
"""The token of the sign-in that a browser's cookies are of, if it is signed in; else empty."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server lets in.

    Attributes
    ----------
    hosts : frozenset of str
        Names and addresses under which it may be asked, in lower case, without ports.
    find : callable
        See `Find`; called in a thread of its own, it may raise an `AssistantError`.
    without_sign_in : tuple of str
        Own paths, below the base path, that answer a browser which is not signed in yet.
    from_servers : tuple of str
        Of these, the ones at which another server, no browser, may POST without an origin: what it
        sends must prove itself.
    door : ASGI application
        Answers a window without a sign-in, at whichever address it asked for.
    secure : bool
        Whether browsers reach it by TLS, its own or a proxy's.
    behind_proxy : bool
        Whether a proxy hands requests on.
    base_path : str
        Streamlit's ``server.baseUrlPath``.
    """

    hosts: frozenset[str]
    find: Find
    without_sign_in: tuple[str, ...]
    door: ASGIApp
    from_servers: tuple[str, ...] = ()
    secure: bool = False
    behind_proxy: bool = False
    base_path: str = ""


class Wall:
    """Lets a request through to Streamlit, or answers it.

    In this order: the name asked for is ours, no undeclared proxy stands between, the page that
    asks is ours, the browser is signed in, and what it names is its own.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules
        self._owners: OrderedDict[str, str] = OrderedDict()  # Streamlit's session -> sign-in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one socket for as long as it lives."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = await self._refusal(scope)
        if scope["type"] == "websocket":
            await self._talk(scope, receive, send, answer)
            return
        send = self._with_headers(scope, send)
        await (self._app if answer is None else answer)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        """Why a request goes no further; None where it does."""
        headers, rules = Headers(scope=scope), self._rules
        method = scope.get("method", "WEBSOCKET")
        if not is_ours(headers, rules.hosts):
            return _say(421, "This server does not answer to that name: see LIGHTBOX_HOSTS.")
        if is_forwarded(headers) and not rules.behind_proxy:
            return _say(403, "A proxy stands before this server: see LIGHTBOX_BEHIND_TLS.")
        if is_foreign_link(headers, method=method):
            return _follow(scope)
        path = self._path(scope)
        if path in rules.from_servers and method == "POST" and is_no_browser(headers):
            return None
        if not comes_from_own_page(headers, method=method, secure=rules.secure):
            return _say(403, "")
        if _lies_in(path, _CLOSED):
            return _say(403, "")
        if path == _HEALTH or _lies_in(path, (*_PUBLIC, *rules.without_sign_in)):
            return None
        try:
            token = await run_in_threadpool(rules.find, HTTPConnection(scope).cookies)
        except AssistantError as exc:
            return _say(503, str(exc))
        scope.setdefault("state", {})["sign_in"] = token
        if token:
            return None
        if method == "GET" and headers.get("sec-fetch-dest", "document") == "document":
            return rules.door
        return _say(403, "")

    def _path(self, scope: Scope) -> str:
        """The path below the base path, without slashes at its ends."""
        base, path = self._rules.base_path.strip("/"), scope["path"].strip("/")
        return path.removeprefix(f"{base}/") if base else path

    async def _talk(
        self, scope: Scope, receive: Receive, send: Send, answer: ASGIApp | None
    ) -> None:
        """A socket: only of a browser that is signed in, only to a session that it began."""
        cookies, token = HTTPConnection(scope).cookies, scope.get("state", {}).get("sign_in", "")
        wanted = _named_session(scope)
        owner = self._owners.get(wanted, token)
        if answer is not None or not token or owner != token:
            await receive()  # the handshake
            await send({"type": "websocket.close", "code": 1008})  # policy violation (RFC 6455)
            return
        if wanted and wanted not in self._owners:
            scope = _without_session(scope)

        async def hear() -> Message:
            message = await receive()
            data = message.get("bytes") if message["type"] == "websocket.receive" else None
            if data and await self._still(cookies) != token:
                return {**message, "bytes": without_deeds(data)}
            return message

        heard = False

        async def tell(message: Message) -> None:
            nonlocal heard
            if not heard and message["type"] == "websocket.send" and message.get("bytes"):
                session = session_in(message["bytes"])
                if session:
                    self._keep(session, token)
                    heard = True
            await send(message)

        await self._app(scope, hear, tell)

    async def _still(self, cookies: Mapping[str, str]) -> str:
        """The token of the sign-in, while it lasts; empty also where the store cannot be asked."""
        try:
            return await run_in_threadpool(self._rules.find, cookies)
        except AssistantError:
            return ""

    def _keep(self, session: str, token: str) -> None:
        self._owners[session] = token
        self._owners.move_to_end(session)
        while len(self._owners) > _MOST_SESSIONS:
            self._owners.popitem(last=False)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        """Every answer says what a browser may do with it."""
        headers = Headers(scope=scope)
        said = security_headers(
            headers["host"] if is_ours(headers, self._rules.hosts) else "",
            secure=self._rules.secure,
            keep=_lies_in(self._path(scope), _PUBLIC),
        )

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in said.items():
                    if name != "content-security-policy" or name not in told:
                        told[name] = value
            await send(message)

        return tell


def _say(status: int, words: str) -> Response:
    return PlainTextResponse(words, status_code=status)


def _follow(scope: Scope) -> Response:
    """A page that asks for the same address again, now as a page of ours, with our cookie."""
    address = escape(asked_for(scope), quote=True)
    return HTMLResponse(f'<meta http-equiv="refresh" content="0; url={address}">')


def asked_for(scope: Scope) -> str:
    """Path and query of a request, as an address of this server and no other."""
    path = scope.get("raw_path") or scope["path"].encode()
    query = b"?" + scope["query_string"] if scope.get("query_string") else b""
    return own_path((path.lstrip(b"/\\") + query).decode("latin-1"))


def own_path(text: str) -> str:
    """An address below this server, whatever somebody made of it (``//other.example``)."""
    return "/" + text.lstrip("/\\ \t\r\n").replace("\\", "%5C")


def _lies_in(path: str, places: tuple[str, ...]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in places)


def _named_session(scope: Scope) -> str:
    """The session that a handshake asks to go on with: Streamlit's third subprotocol."""
    words = Headers(scope=scope).get("sec-websocket-protocol", "").split(",")
    return words[2].strip() if len(words) > 2 else ""


def _without_session(scope: Scope) -> Scope:
    """The same handshake, beginning a session of its own."""
    headers = []
    for name, value in scope["headers"]:
        if name.lower() == b"sec-websocket-protocol":
            value = b",".join(value.split(b",")[:2])
        headers.append((name, value))
    return {**scope, "headers": headers}
