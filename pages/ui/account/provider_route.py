"""The HTTP routes of signing in by a provider (OpenID Connect): there, back, and out.

The browser is led to the provider and comes back with a code; what is asked of the provider is
asked by this server, in threads of its own. The provider itself tells when somebody's sign-in there
has ended (back-channel logout).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from hmac import compare_digest
from html import escape
from typing import TypeVar
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from imaging.errors import AccessError, AssistantError, ProviderError, TokenError
from imaging.openid.provider import OpenIdProvider
from imaging.openid.provider import Request as Begun
from imaging.openid.tokens import LATEST, SKEW
from imaging.store import Repository
from imaging.store.access.sessions import SESSION_LIFE
from pages.ui import theme
from pages.ui.account.door_page import page
from pages.ui.account.pending import Pending
from pages.ui.account.route import BEGIN, DOOR, SIGNATURE, UNLOCK, Door
from pages.ui.i18n import _, speaking_to
from pages.ui.wall.cookie import give_begun, give_token, read_begun, read_token
from pages.ui.wall.middleware import own_path
from pages.ui.wall.origins import client_address
from pages.ui.wall.own_routes import HEADERS, place
from pages.ui.wall.rate_limit import RateLimit, network_of

log = logging.getLogger(__name__)
RETURNED, ENDED = f"{DOOR}/returned", f"{DOOR}/ended"
SIGN_IN = ""  # beside `UNLOCK` and `SIGNATURE`
_LASTS = 600  # seconds that somebody may take at the provider
_MOST_BYTES = 2**14  # of a logout token
_AT_ONCE = 4  # questions to the provider
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Trip:
    """A browser that is at the provider: which, what for, with which sign-in, and where to then."""

    begun: Begun
    browser: str = field(repr=False)
    purpose: str
    held: str = field(repr=False)
    back: str


class ProviderDoor:
    """Signs browsers in by a provider.

    Parameters
    ----------
    provider : OpenIdProvider
    door : Door
        Shows what is wrong, beside its own form.
    repository : callable
        Gives the record store; may raise an `AssistantError`.
    secure, behind_proxy, base_path
        See `pages.ui.wall.middleware.Rules`.
    """

    def __init__(
        self,
        provider: OpenIdProvider,
        door: Door,
        repository: Callable[[], Repository],
        *,
        secure: bool = False,
        behind_proxy: bool = False,
        base_path: str = "",
    ) -> None:
        self._provider, self._door, self._repository = provider, door, repository
        self._secure, self._behind_proxy, self._base_path = secure, behind_proxy, base_path
        self._trips: Pending[_Trip] = Pending(_LASTS)
        self._heard: Pending[bool] = Pending(LATEST + 2 * SKEW)  # logout tokens, each once
        self._tries = RateLimit(burst=40, seconds=10)
        self._told = RateLimit(burst=120, seconds=1)
        self._calls = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lightbox-provider")

    def routes(self) -> list[Route]:
        """The routes, for the server that is being made."""
        base = self._base_path
        return [
            Route(place(base, BEGIN), self._begin, methods=["GET"]),
            Route(place(base, RETURNED), self._finish, methods=["GET"]),
            Route(place(base, ENDED), self._hear_end, methods=["POST"]),
        ]

    async def _begin(self, request: Request) -> Response:
        """Lead a browser to the provider."""
        asked = request.query_params
        purpose = asked.get("for", SIGN_IN)
        purpose = purpose if purpose in (UNLOCK, SIGNATURE) else SIGN_IN
        if not self._may_try(request, self._tries):
            return await self._door.show(request, self._too_often(request), 429)
        host, scheme = request.headers.get("host", ""), "https" if self._secure else "http"
        redirect = f"{scheme}://{host}{place(self._base_path, RETURNED)}"
        try:
            begun = await self._call(
                lambda: self._provider.begin(redirect, fresh=purpose != SIGN_IN)
            )
        except AssistantError as exc:
            return await self._door.show(request, str(exc), 503)
        browser = read_begun(request.cookies, secure=self._secure) or secrets.token_urlsafe(32)
        held = read_token(request.cookies, secure=self._secure)
        back = own_path(asked.get("next", ""))
        self._trips.put(begun.state, _Trip(begun, browser, purpose, held, back))
        answer = RedirectResponse(begun.address, status_code=303)
        give_begun(answer, browser, seconds=_LASTS, secure=self._secure)
        return answer

    async def _finish(self, request: Request) -> Response:
        """A browser that the provider led back."""
        if not self._may_try(request, self._tries):
            return await self._door.show(request, self._too_often(request), 429)
        answer = {name: value for name, value in request.query_params.items() if name}
        trip = self._trips.take(answer.get("state", ""))
        browser = read_begun(request.cookies, secure=self._secure)
        if trip is None or not compare_digest(trip.browser.encode(), browser.encode()):
            # used before, begun elsewhere, or too long ago: nobody is led in by somebody's link
            problem = str(TokenError(""))
            return await self._door.show(request, problem, 403)
        try:
            return await self._call(lambda: self._let_in(request, trip, answer))
        except TokenError as exc:
            log.warning("the sign-in provider's answer was refused: %s", exc.reason)
            with suppress(AssistantError):
                reason = exc.reason
                await run_in_threadpool(lambda: self._repository().accounts.note_refusal(reason))
            return await self._door.show(request, str(exc), 403)
        except ProviderError as exc:
            return await self._door.show(request, str(exc), 503)
        except AccessError as exc:
            return await self._door.show(request, str(exc), 403)
        except AssistantError as exc:
            return await self._door.show(request, str(exc), 503)

    def _let_in(self, request: Request, trip: _Trip, answer: dict[str, str]) -> Response:
        """What a browser went to the provider for; asks the provider who it is."""
        who = self._provider.finish(trip.begun, answer)
        accounts = self._repository().accounts
        held = read_token(request.cookies, secure=self._secure)
        if trip.purpose == SIGN_IN:
            token = accounts.sign_in_by_provider(who)[1]
            if held:
                accounts.sign_out(held)
            home = place(self._base_path) + ("/" if self._base_path else "")
            back = trip.back if trip.back not in ("", "/") else home
            welcome = RedirectResponse(back, status_code=303)
            life = int(SESSION_LIFE.total_seconds())
            give_token(welcome, token, seconds=life, secure=self._secure)
            return welcome
        if not held or held != trip.held:
            raise TokenError("another sign-in than the one that asked")
        if trip.purpose == UNLOCK:
            accounts.unlock_by_provider(held, who)
            return RedirectResponse(trip.back, status_code=303)
        accounts.confirm_by_provider(held, who)
        with speaking_to(request):
            words = _(
                "The provider says that it is you. Close this window and sign; it counts for five "
                "minutes and one signature."
            )
            chosen = request.cookies.get(theme.COOKIE, theme.DARK)
            return page(f"<h1>{escape(_('Confirmed'))}</h1><p>{escape(words)}</p>", chosen, 200)

    async def _hear_end(self, request: Request) -> Response:
        """A logout token of the provider (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8)."""
        if not self._may_try(request, self._told):
            return Response(status_code=429, headers=HEADERS)
        token = await _read_logout_token(request)
        try:
            ended = await self._call(lambda: self._provider.read_logout(token))
            if self._heard.find(ended.token_id):
                raise TokenError("a logout token that was used")
            count = await run_in_threadpool(
                lambda: self._repository().accounts.end_by_provider(self._provider.issuer, ended)
            )
        except TokenError as exc:
            log.warning("a logout token was refused: %s", exc.reason)
            return JSONResponse({"error": "invalid_request"}, status_code=400, headers=HEADERS)
        except AssistantError:
            return Response(status_code=503, headers=HEADERS)
        self._heard.put(ended.token_id, True)
        log.info("the sign-in provider ended %d sign-ins", count)
        return Response(status_code=200, headers=HEADERS)

    def _may_try(self, request: Request, limit: RateLimit) -> bool:
        client = request.client.host if request.client else ""
        address = client_address(request.headers, client, behind_proxy=self._behind_proxy)
        return limit.take(network_of(address))

    def _too_often(self, request: Request) -> str:
        with speaking_to(request):
            return _("Too many attempts. Wait 15 minutes, then try again.")

    async def _call(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._calls, action)


async def _read_logout_token(request: Request) -> str:
    """The one field of the form; empty for what is no such form."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            return ""
    with suppress(ValueError):
        fields = parse_qs(body.decode("ascii"), max_num_fields=10, errors="strict")
        return fields.get("logout_token", [""])[0]
    return ""
