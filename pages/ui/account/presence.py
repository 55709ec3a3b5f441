"""Whether somebody is at the desk: else the screen locks, and an ended sign-in leaves it.

The browser tells of keys and movements by a route of its own, not by Streamlit's messages: those
would draw the page anew. The route answers how long the sign-in still stays open, so a sign-in that
was ended elsewhere is off the screen at the next question. So is an answer of a network where
somebody switched AI off meanwhile: then the page is drawn anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imaging.errors import AssistantError
from imaging.review.records import Account
from pages.ui import resources, session
from pages.ui.connection import is_secure
from pages.ui.i18n import _
from pages.ui.wall.cookie import read_token
from pages.ui.wall.own_routes import HEADERS, comes_from_us, place, refusal

PATH = "presence"
EVERY = 15  # seconds between two questions
_MOST = 1000  # bytes of a question
_component = st.components.v2.component(
    "lightbox_presence",
    js=Path(__file__).with_name("presence.js").read_text(encoding="utf-8"),
)


def render_presence() -> None:
    """Watch over this tab; draws nothing. A reader who is alone has no screen lock."""
    settings = resources.settings()
    if settings.single_reader:
        return
    # a new number has the browser begin anew, uncovered: the server has just let this reader in
    st.session_state["presence-run"] = run = int(st.session_state.get("presence-run", 0)) + 1
    with st.container(key="hidden-presence"):
        _component(
            key="presence",
            data={
                "address": place(str(st.get_option("server.baseUrlPath") or ""), PATH),
                "idle": settings.idle_minutes * 60,
                "every": EVERY,
                "run": run,
                "words": _("Screen locked"),
                "ai": _ai_stamp(session.account()),
            },
            on_ended_change=lambda: None,
            on_switched_change=lambda: None,
        )


def presence_route(base_path: str = "") -> Route:
    """``POST {"used": bool}`` answers ``{"state": "open" | "locked" | "ended", "seconds": n}``.

    And ``"ai"`` while it is open: another word than the page was drawn with after AI was switched
    off or on.
    """

    async def answer(request: Request) -> Response:
        if not comes_from_us(request.headers):
            return refusal()
        used = await _read_used(request)
        if used is None:
            return refusal()
        try:
            said = await run_in_threadpool(_ask, request.cookies, used)
        except AssistantError:  # the store does not answer: the browser asks again
            return Response(status_code=503, headers=HEADERS)
        return JSONResponse(said, headers=HEADERS)

    return Route(place(base_path, PATH), answer, methods=["POST"])


async def _read_used(request: Request) -> bool | None:
    """Whether a key or a movement is told of; None for what is no question of ours."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST:
            return None
    try:
        said = json.loads(body)
    except ValueError:
        return None
    return bool(said.get("used")) if isinstance(said, dict) else None


def _ask(cookies: Mapping[str, str], used: bool) -> dict[str, object]:
    accounts = resources.repository().accounts
    token = read_token(cookies, secure=is_secure())
    if used and token:
        accounts.note_activity(token)
    found = accounts.find_sign_in(token) if token else None
    if found is None:
        return {"state": "ended", "seconds": 0}
    if found.locked:
        return {"state": "locked", "seconds": found.idle_seconds}
    return {"state": "open", "seconds": found.idle_seconds, "ai": _ai_stamp(found.account)}


def _ai_stamp(account: Account) -> str:
    return f"{account.ai_off} {resources.repository().reading.stamp()}"
