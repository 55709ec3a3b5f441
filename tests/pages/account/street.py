"""A door, and browsers before it that speak HTTP by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette

from imaging.openid.provider import OpenIdProvider
from imaging.store import Repository
from pages.ui.account.provider_route import ProviderDoor
from pages.ui.account.route import Door
from pages.ui.wall.openings import Openings

PASSWORD = "correct horse battery"
Answer = tuple[int, Mapping[str, str], str]


class Street:
    """A door, and browsers before it."""

    def __init__(self, repository: Repository | Callable[[], Repository], **options: Any) -> None:
        self.openings = Openings("http://here:1")
        found = repository if callable(repository) else lambda: repository
        door = Door(found, self.openings, **{"single_reader": "", **options})
        self.provider: OpenIdProvider | None = options.get("provider")
        routes = door.routes()
        if self.provider:
            routes += ProviderDoor(self.provider, door, found).routes()
        self._app = Starlette(routes=routes)

    def ask(
        self,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        address: str = "10.0.0.1",
        **headers: str,
    ) -> Answer:
        """Status, headers and body of an answer."""
        place, _, query = path.partition("?")
        body = urlencode(form).encode() if form is not None else b""
        sent = {"host": "here:1", **headers}
        scope = {
            "type": "http",
            "method": "GET" if form is None else "POST",
            "path": place,
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()
            ],
            "client": (address, 1),
        }
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        with ThreadPoolExecutor(1) as pool:  # Playwright may have left a running loop in this one
            pool.submit(lambda: asyncio.run(self._app(scope, receive, send))).result()
        told = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        text = b"".join(m.get("body", b"") for m in messages[1:]).decode()
        return messages[0]["status"], told, text

    def sign_in(self, password: str = PASSWORD, **options: Any) -> Answer:
        """Send the form as Ada."""
        return self.ask("/sign-in", {"name": "ada", "password": password}, **options)

    def token(self) -> str:
        """Of the address that was told."""
        return self.openings._token


def cookie(answer: Answer) -> Any:
    """The cookie that an answer sets."""
    (found,) = SimpleCookie(answer[1]["set-cookie"]).values()
    return found
