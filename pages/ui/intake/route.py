"""The HTTP routes by which a browser hands files in: announce, send in pieces, end.

`open` and `close` take JSON. `send` takes the pieces of a request in one body: four bytes with the
length of a JSON header, the header ``{"job": id, "pieces": [[number, start, length], ...]}``, and
the bytes of the pieces one after the other. Small files share a request, so that a thousand of them
cost a few dozen round trips; a large one takes several, so that no more than `PART` bytes of it are
in memory.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from imaging.errors import (
    AccessError,
    AssistantError,
    ConflictError,
    InputError,
    NotFoundError,
)
from imaging.intake.arrivals import Arrivals, Piece
from imaging.jobs import Loss
from imaging.review.rights import Right
from imaging.store import Repository
from imaging.store.access.sessions import on_behalf_of
from pages.ui.intake.tickets import Ticket, TicketStore
from pages.ui.wall.own_routes import HEADERS, Admits, comes_from_us, place, refusal

PATH = "intake"
HEADER = "X-Lightbox-Ticket"
PART = 2**23  # bytes of a request's pieces together
_INTAKE = frozenset({Right.INTAKE})  # no more is needed here, whatever else the account may
_MOST_JSON = 2**26  # bytes: a hundred thousand names
_MOST_OPENED = 20  # drops whose announcement may be repeated
_HEADER_BYTES = 2**20
_LENGTH = 4
_BAD = "The browser sent something that is no announcement of files; reload the page."
Handle = Callable[[Ticket, bytes], dict[str, Any]]

_tickets = TicketStore()
_open = False


def intake_routes(
    admits: Admits,
    repository: Callable[[], Repository],
    announce: Callable[[], None],
    *,
    most_bytes: int,
    base_path: str = "",
) -> list[Route]:
    """The routes, for the server that is being made; from now on sessions are given tickets.

    Parameters
    ----------
    admits : callable
        Whether the client may hand in files; see `pages.ui.wall.own_routes.Admits`.
    repository : callable
        Gives the record store.
    announce : callable
        Called when files were queued.
    most_bytes : int
        Of one file.
    base_path : str
        Streamlit's ``server.baseUrlPath``.
    """
    global _open
    _open = True
    desk = _Desk(repository, announce, most_bytes)
    steps: tuple[tuple[str, Handle, int], ...] = (
        ("open", desk.open, _MOST_JSON),
        ("send", desk.send, PART + _HEADER_BYTES),
        ("close", desk.close, _MOST_JSON),
    )
    return [
        Route(place(base_path, PATH, name), _make_answer(admits, handle, most), methods=["POST"])
        for name, handle, most in steps
    ]


def ticket(sign_in: str, account: str) -> str | None:
    """The ticket of the running session; None where no route is served."""
    context = get_script_run_ctx()
    if not _open or context is None:
        return None
    return _tickets.give(Ticket(context.session_id, sign_in, account))


class _Desk:
    """What becomes of a request; each method runs in a thread of its own."""

    def __init__(
        self, repository: Callable[[], Repository], announce: Callable[[], None], most_bytes: int
    ) -> None:
        self._repository, self._announce, self._most_bytes = repository, announce, most_bytes
        self._arrivals: Arrivals | None = None
        self._opening = threading.Lock()
        self._opened: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def open(self, holder: Ticket, body: bytes) -> dict[str, Any]:
        """``{"files": [[name, bytes], ...], "lost": {number: loss}, "key": text}`` begins a drop.

        A browser that did not get the answer asks again with the same key, and gets the same drop:
        another would tell all its files as missing.
        """
        said = _read_json(body)
        files = [(str(name), int(size)) for name, size in said["files"]]
        key = holder.account, str(said.get("key", ""))[:64]
        with self._opening:
            if key[1] and key in self._opened:
                return self._opened[key]
            job_id, lost = self._take().open(files, _losses(said["lost"]), account=holder.account)
            answer = {"job": job_id, "lost": lost}
            if key[1]:
                self._opened[key] = answer
            while len(self._opened) > _MOST_OPENED:
                self._opened.popitem(last=False)
        return answer

    def send(self, holder: Ticket, body: bytes) -> dict[str, Any]:
        """Pieces; see the module."""
        at = _LENGTH + int.from_bytes(body[:_LENGTH], "little")
        header = _read_json(body[_LENGTH:at])
        job_id, pieces, view = str(header["job"]), [], memoryview(body)
        for number, start, length in header["pieces"]:
            pieces.append(Piece(int(number), int(start), view[at : at + int(length)]))
            at += int(length)
        if at != len(body):
            raise InputError(_BAD)
        self._repository().drops.insist_on_owner(job_id, holder.account)
        return {"here": self._take().receive(job_id, pieces)}

    def close(self, holder: Ticket, body: bytes) -> dict[str, Any]:
        """``{"job": id, "lost": {number: loss}, "rest": loss}`` ends a drop."""
        said = _read_json(body)
        job_id = str(said["job"])
        self._repository().drops.insist_on_owner(job_id, holder.account)
        self._take().close(job_id, _losses(said["lost"]), Loss(said["rest"]))
        return {}

    def _take(self) -> Arrivals:
        if self._arrivals is None:
            self._arrivals = Arrivals(
                self._repository(), most_bytes=self._most_bytes, announce=self._announce
            )
        return self._arrivals


def _make_answer(
    admits: Admits, handle: Handle, most: int
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if not comes_from_us(request.headers):
            return refusal()
        holder = _tickets.find(request.headers.get(HEADER, ""))
        if holder is None or not get_instance().is_active_session(holder.session):
            return refusal()
        if not await run_in_threadpool(admits, holder.sign_in, request.cookies):
            return refusal()
        body = await _read_body(request, most)
        if body is None:
            return _say(413, {})
        return await run_in_threadpool(_run, handle, holder, body)

    return answer


async def _read_body(request: Request, most: int) -> bytes | None:
    """The body of a request; None where it is larger than it may be."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            return None
    return bytes(body)


def _run(handle: Handle, holder: Ticket, body: bytes) -> Response:
    """What was done, or why not: 409 will be the same the next time, 503 perhaps not."""
    try:
        with on_behalf_of(holder.sign_in, _INTAKE, _INTAKE):
            return _say(200, handle(holder, body))
    except AccessError:
        return refusal()
    except (InputError, ConflictError, NotFoundError) as exc:
        return _say(409, {"reason": str(exc)})
    except AssistantError as exc:
        return _say(503, {"reason": str(exc)})
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return _say(409, {"reason": _BAD})


def _say(status: int, what: Mapping[str, Any]) -> Response:
    return JSONResponse(what, status_code=status, headers=HEADERS)


def _read_json(text: bytes) -> dict[str, Any]:
    said = json.loads(text)
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said


def _losses(said: Mapping[str, str]) -> dict[int, Loss]:
    return {int(number): Loss(loss) for number, loss in said.items()}
