"""The HTTP routes by which a browser is signed in: the door, and the address opened first.

They answer without Streamlit and without a script: a form, and the session's cookie for who may
have it. What was guessed counts against the address it came from (`RateLimit`) before the account
hears of it, and waits for one of two places where passwords are worked out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from imaging.errors import AccessError, AssistantError, SecondFactorError
from imaging.openid.provider import OpenIdProvider
from imaging.review.records import Account
from imaging.store import Repository
from imaging.store.access.second_factor import Proof
from imaging.store.access.sessions import SESSION_LIFE
from imaging.store.access.sign_ins import SignIn
from imaging.store.passwords import AT_ONCE
from pages.ui import theme
from pages.ui.account.door_page import field, form, hidden, link, note, page
from pages.ui.account.factor_forms import PROOF, Proofs, recovery_key_words, recovery_page, way_on
from pages.ui.i18n import _, sentence, speak, speaking_to
from pages.ui.wall.cookie import give_token, read_token, take_token_back
from pages.ui.wall.middleware import asked_for, own_path
from pages.ui.wall.openings import PATH as OPEN
from pages.ui.wall.openings import Openings
from pages.ui.wall.origins import client_address
from pages.ui.wall.own_routes import place
from pages.ui.wall.rate_limit import RateLimit, network_of

DOOR = "sign-in"
BEGIN = f"{DOOR}/provider"  # leads to the provider, for a sign-in or one of these
UNLOCK, SIGNATURE = "unlock", "signature"
_MOST_BYTES = 2**13  # of a form
T = TypeVar("T")


class Door:
    """Signs browsers in.

    Parameters
    ----------
    repository : callable
        Gives the record store; may raise an `AssistantError`.
    openings : Openings
        The address that was told at the start.
    single_reader : str
        The setting of that name.
    provider : OpenIdProvider | None
        By whom readers sign in (`ProviderDoor`); a password is for emergencies then.
    recovery_key : callable
        Makes the recovery key of the data folder where there is none yet; else gives "".
    secure, behind_proxy, base_path
        See `pages.ui.wall.middleware.Rules`.
    """

    def __init__(
        self,
        repository: Callable[[], Repository],
        openings: Openings,
        *,
        single_reader: str,
        provider: OpenIdProvider | None = None,
        recovery_key: Callable[[], str] = str,
        secure: bool = False,
        behind_proxy: bool = False,
        base_path: str = "",
    ) -> None:
        self._recovery_key = recovery_key
        self._repository, self._openings, self._single_reader = repository, openings, single_reader
        self._secure, self._behind_proxy, self._base_path = secure, behind_proxy, base_path
        self._provider = provider
        # An address serves a whole ward behind its router; a name is one reader's. Four, that the
        # address is shut before the account, which takes five.
        self._address_tries = RateLimit(burst=20, seconds=60)
        self._name_tries = RateLimit(burst=4, seconds=900)
        self._proofs = Proofs()
        self._passwords = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lightbox-password")

    def routes(self) -> list[Route]:
        """The routes, for the server that is being made."""
        base = self._base_path
        return [
            Route(place(base, DOOR), self.show, methods=["GET"]),
            Route(place(base, DOOR), self._enter, methods=["POST"]),
            Route(place(base, OPEN), self._open, methods=["GET"]),
        ]

    def tell(self) -> None:
        """Say the address that opens the door, where it is needed."""
        try:
            needed = bool(self._single_reader) or not self._repository().accounts.any()
        except AssistantError:
            needed = True  # the pages say what is wrong with the store
        if needed:
            self._openings.tell()

    async def show(
        self,
        request: Request,
        problem: str = "",
        status: int = 0,
        opening: str = "",
        proof: str = "",
        back: str = "",
    ) -> Response:
        """The form, or why there is none; 403 at the address of something else."""
        path, door = request.url.path, place(self._base_path, DOOR)
        own = path == door or path.startswith(f"{door}/")
        status = status or (200 if own else 403)
        back = back or ("/" if own else asked_for(request.scope))
        with speaking_to(request):
            held, known = None, False
            try:
                held = await run_in_threadpool(self._find_held, request)
                known = True
                if held and held.account.language:
                    speak(held.account.language)
                words = self._proofs.form(proof, self._action, back)
                if not words and held and held.locked:
                    words = await run_in_threadpool(self._locked_form, held.account, back)
                elif not words and held and problem:  # the sign-in goes on
                    words = link(place(self._base_path) or "/", _("Continue"))
                elif not words:
                    words = await run_in_threadpool(self._form, back, opening)
                if not problem and not held and self._brought_token(request):
                    problem = _("Your sign-in has ended. What was pressed since then was not done.")
                words = note(sentence(problem)) + words
            except AssistantError as exc:
                words, status = note(sentence(str(exc))), 503
            if self._single_reader:
                status = max(status, 403)
            answer = page(words, request.cookies.get(theme.COOKIE, theme.DARK), status)
        if known and not held and self._brought_token(request):
            take_token_back(answer, secure=self._secure)  # it opened nothing
        return answer

    def _brought_token(self, request: Request) -> bool:
        return bool(read_token(request.cookies, secure=self._secure))

    def _form(self, back: str, opening: str) -> str:
        """What stands on the page; asks the store whether there are accounts."""
        if self._single_reader:
            return note(
                _(
                    "Lightbox is open to one doctor. Open the address shown where Lightbox "
                    "was started; each address works once."
                )
            )
        if self._repository().accounts.any():
            return self._sign_in_form(back)
        if not self._openings.is_open_to(opening):
            return note(
                _(
                    "Nobody can sign in yet. Open the address that Lightbox tells where it was "
                    "started, and make the first account there."
                )
            )
        return self._first_form(opening)

    def _sign_in_form(self, back: str) -> str:
        fields = (
            field("name", _("Sign-in name"), "text", "username"),
            field("password", _("Password"), "password", "current-password"),
            hidden("next", back),
        )
        if self._provider is None:
            return form(self._action, _("Sign in"), "", *fields, button=_("Sign in"))
        words = _(
            "For when the provider cannot be reached. A sign-in here is told to the administrators."
        )
        local = form(self._action, "", words, *fields, button=_("Sign in"))
        return (
            f"<h1>{escape(_('Sign in'))}</h1>{self._to_provider(self._provider, back)}"
            f"<details><summary>{escape(_('Local account'))}</summary>{local}</details>"
        )

    def _to_provider(self, provider: OpenIdProvider, back: str, purpose: str = "") -> str:
        """The way to the provider, for a sign-in or something else."""
        asked = {"next": back} | ({"for": purpose} if purpose else {})
        address = f"{place(self._base_path, BEGIN)}?{urlencode(asked)}"
        return link(address, _("Sign in at {provider}").format(provider=provider.name))

    def _find_held(self, request: Request) -> SignIn | None:
        """The sign-in of this browser, locked or not; none counts where one reader is alone."""
        token = read_token(request.cookies, secure=self._secure)
        if not token or self._single_reader:
            return None
        return self._repository().accounts.find_sign_in(token)

    def _locked_form(self, account: Account, back: str) -> str:
        """The screen of a reader who did nothing for a while; no patient is on it."""
        leave = (
            '<button class="other" name="leave" value="1" formnovalidate>'
            f"{escape(_('Sign out'))}</button>"
        )
        title = _("Screen locked")
        words = _(
            "Nothing was done here for a while; what was saved is kept. Signed in: {reader}."
        ).format(reader=account.reader)
        if not self._repository().accounts.has_password(account.name):
            way = self._to_provider(self._provider, back, UNLOCK) if self._provider else ""
            only = f'<form method="post" action="{escape(self._action, quote=True)}">{leave}</form>'
            return f"<h1>{escape(title)}</h1><p>{escape(words)}</p>{way}{only}"
        return form(
            self._action,
            title,
            words,
            field("password", _("Password"), "password", "current-password"),
            hidden("next", back),
            hidden("unlock", "1"),
            button=_("Unlock"),
            other=leave,
        )

    def _first_form(self, opening: str) -> str:
        return form(
            self._action,
            _("Set up your account"),
            _("Decisions and signatures are kept under your name. Nothing leaves this computer."),
            field("reader", _("Name shown on reports"), "text", "name"),
            field("name", _("Sign-in name"), "text", "username"),
            field("password", _("Password (10 characters or more)"), "password", "new-password"),
            hidden("token", opening),
            button=_("Create account"),
        )

    @property
    def _action(self) -> str:
        return place(self._base_path, DOOR)

    async def _enter(self, request: Request) -> Response:
        """A form that was sent: sign in, or make the first account."""
        typed = await _read_form(request)
        with speaking_to(request):
            refused = _("The form cannot be used; load the page anew.")
            too_often = _("Too many attempts. Wait 15 minutes, then try again.")
        if typed is None or self._single_reader:
            return await self.show(request, refused, 403)
        held = read_token(request.cookies, secure=self._secure)
        if "leave" in typed and held:
            return await self._leave(request, held)
        opening, back = typed.get("token", ""), own_path(typed.get("next", ""))
        name = typed.get("name", "").strip().lower()
        if PROOF in typed:
            waiting = self._proofs.find(typed[PROOF])
            if waiting is None:  # it came too late
                return await self.show(request, refused, 403)
            name = waiting[0].name
        if "unlock" in typed:
            sign_in = await run_in_threadpool(self._find_held, request)
            if sign_in is None or not sign_in.locked:  # it has ended meanwhile, or is open
                return await self.show(request, refused, 403)
            name = sign_in.account.name
        address = network_of(
            client_address(
                request.headers,
                request.client.host if request.client else "",
                behind_proxy=self._behind_proxy,
            )
        )
        keys = (self._address_tries, address), (self._name_tries, (address, name))
        first = self._openings.is_open_to(opening)  # who reads the terminal guesses nothing
        if not first and not all(limit.take(key) for limit, key in keys):
            return await self.show(request, too_often, 429)
        codes: list[str] = []
        try:
            token, codes = await self._work_out(lambda: self._let_in(typed, held))
        except SecondFactorError as needed:
            for limit, key in keys:
                limit.give_back(key)
            proof = self._proofs.keep(needed.proof) if isinstance(needed.proof, Proof) else ""
            return await self.show(request, "", 200, proof=proof, back=back)
        except AccessError as exc:
            proof = typed.get(PROOF, "")
            return await self.show(request, str(exc), 403, opening, proof=proof, back=back)
        except AssistantError as exc:
            return await self.show(request, str(exc), 503, opening)
        for limit, key in keys:
            limit.give_back(key)
        self._proofs.forget(typed.get(PROOF, ""))
        if held and held != token:
            await run_in_threadpool(self._repository().accounts.sign_out, held)
        answer = self._welcome(token, back)
        key = await self._first_recovery_key() if first else ""
        return self._hand_over(request, key, codes, answer) if key or codes else answer

    async def _leave(self, request: Request, held: str) -> Response:
        """Sign out, at the provider as well where the sign-in is of it."""
        host, scheme = request.headers.get("host", ""), "https" if self._secure else "http"
        back = f"{scheme}://{host}{self._action}"
        onward = await self._work_out(lambda: self._sign_out(held, back))
        answer: Response = RedirectResponse(self._action, status_code=303)
        if onward:
            chosen = request.cookies.get(theme.COOKIE, theme.DARK)
            with speaking_to(request):
                answer = page(escape(_("You are signed out here.")), chosen, 200, onward=onward)
        take_token_back(answer, secure=self._secure)
        return answer

    def _sign_out(self, held: str, back: str) -> str:
        accounts = self._repository().accounts
        id_token = accounts.id_token_of(held)
        accounts.sign_out(held)
        if self._provider is None or id_token is None:
            return ""
        return self._provider.logout_address(id_token, back)

    async def _first_recovery_key(self) -> str:
        """The data folder's, for whoever made the first account; empty where there is none."""
        try:
            return await run_in_threadpool(self._recovery_key)
        except AssistantError:  # the Account page says that there is none
            return ""

    def _hand_over(
        self, request: Request, key: str, codes: list[str], welcome: Response
    ) -> Response:
        """What is shown this once to who was let in; the way on is pressed once it is kept."""
        onward = welcome.headers["location"]
        with speaking_to(request):
            words = recovery_key_words(key) if key else ""
            words += recovery_page(codes, onward) if codes else way_on(onward)
            answer = page(words, request.cookies.get(theme.COOKIE, theme.DARK), 200)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers.append("set-cookie", welcome.headers["set-cookie"])
        return answer

    async def _work_out(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._passwords, action)

    def _let_in(self, typed: dict[str, str], held: str) -> tuple[str, list[str]]:
        """The token of a new session, or of the one that is opened again; new recovery codes."""
        accounts, break_glass = self._repository().accounts, self._provider is not None
        waiting = self._proofs.find(typed.get(PROOF, ""))
        if waiting is not None:
            proof, secret = waiting
            code = typed.get("code", "")
            if proof.must_enrol:
                _, token, codes = accounts.enrol_and_sign_in(
                    proof, secret, code, break_glass=break_glass
                )
                return token, codes
            return accounts.sign_in_with_code(proof, code, break_glass=break_glass)[1], []
        if "unlock" in typed:
            accounts.unlock(held, typed.get("password", ""))
            return held, []
        if self._openings.is_open_to(typed.get("token", "")) and not accounts.any():
            reader, password = typed.get("reader", ""), typed.get("password", "")
            accounts.create(typed.get("name", ""), reader, password, first=True)
            self._openings.take(typed.get("token", ""))
        name, password = typed.get("name", ""), typed.get("password", "")
        return accounts.sign_in(name, password, break_glass=break_glass)[1], []

    async def _open(self, request: Request) -> Response:
        """The address that was told: the only reader's cookie, or the form of the first account."""
        opening = request.query_params.get("token", "")
        if not self._single_reader:
            return await self.show(request, status=200, opening=opening)
        try:
            token = await run_in_threadpool(self._let_alone_in, opening, request)
        except AssistantError as exc:
            return await self.show(request, str(exc), 503)
        return self._welcome(token, "") if token else await self.show(request, status=403)

    def _let_alone_in(self, opening: str, request: Request) -> str:
        """The token of the only reader's session, a new one for the one-time token; else empty."""
        accounts = self._repository().accounts
        known = read_token(request.cookies, secure=self._secure)
        if known and accounts.account_of(known) == accounts.alone(self._single_reader):
            return known  # the address once more, in the browser that used it
        return accounts.open_alone(self._single_reader) if self._openings.take(opening) else ""

    def _welcome(self, token: str, back: str) -> Response:
        home = place(self._base_path) + ("/" if self._base_path else "")
        answer = RedirectResponse(back if back not in ("", "/") else home, status_code=303)
        life = int(SESSION_LIFE.total_seconds())
        give_token(answer, token, seconds=life, secure=self._secure)
        return answer


async def _read_form(request: Request) -> dict[str, str] | None:
    """The fields of a form; None for what is none, or too long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            return None
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=10, errors="strict")
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}
