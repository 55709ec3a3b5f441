"""The HTTP route by which the viewer collects pixels: one ticket, one answer, nothing kept.

Streamlit's own `/media` answers whoever has the address. Here the address says nothing, the ticket
travels in a header (so it is in no log and no history, and no other site's page can send it), and
the answer is for the session it was given to, while that is connected and its reader signed in.
"""

from __future__ import annotations

from collections.abc import Iterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui.viewer.packets import PixelPacket
from pages.ui.viewer.tickets import TicketStore
from pages.ui.wall.own_routes import HEADERS, Admits, comes_from_us, place, refusal

PATH = "film"
HEADER = "X-Lightbox-Ticket"
_PART = 2**20  # bytes handed to the server at a time, so that others are served between

_tickets = TicketStore()
_open = False


def pixel_route(admits: Admits, base_path: str = "") -> Route:
    """The route, for the server that is being made; from now on sessions are given tickets.

    Parameters
    ----------
    admits : callable
        Whether the client may see pixels, from the token of the sign-in that the ticket was given
        under and the cookies of the request. It is called in a thread of its own.
    base_path : str
        Streamlit's ``server.baseUrlPath``.
    """
    global _open
    _open = True

    async def answer(request: Request) -> Response:
        if not comes_from_us(request.headers):
            return refusal()
        taken = _tickets.take(request.headers.get(HEADER, ""))
        if taken is None or not get_instance().is_active_session(taken[0].session):
            return refusal()
        entry, packet = taken
        if not await run_in_threadpool(admits, entry.sign_in, request.cookies):
            return refusal()
        return _Pixels(packet)

    return Route(place(base_path, PATH), answer, methods=["POST"])


def ticket(packet: PixelPacket, sign_in: str) -> str | None:
    """A ticket of the running session for a packet; None where no route is served."""
    context = get_script_run_ctx()
    if not _open or context is None:
        return None
    return _tickets.give(packet, session=context.session_id, sign_in=sign_in)


class _Pixels(Response):
    """A packet in parts, without a copy, and uncompressed: noise does not shrink."""

    def __init__(self, packet: PixelPacket) -> None:
        size = {"Content-Length": str(packet.size), "Content-Encoding": "identity"}
        super().__init__(None, headers=HEADERS | size, media_type="application/octet-stream")
        self._packet = packet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        for part in self._parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _parts(self) -> Iterator[memoryview]:
        for view in (memoryview(part) for part in self._packet.parts):
            yield from (view[at : at + _PART] for at in range(0, view.nbytes, _PART))
