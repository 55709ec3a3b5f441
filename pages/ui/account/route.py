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
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from imaging.entities import RESEARCH_USE
from imaging.errors import AccessError, AssistantError
from imaging.review.records import Account
from imaging.store import Repository
from imaging.store.accounts import SESSION_LIFE
from imaging.store.passwords import AT_ONCE
from pages.ui import i18n, theme
from pages.ui.i18n import _, sentence
from pages.ui.wall.cookie import give_token, read_token, take_token_back
from pages.ui.wall.headers import script_hash
from pages.ui.wall.middleware import asked_for, own_path
from pages.ui.wall.openings import PATH as OPEN
from pages.ui.wall.openings import Openings
from pages.ui.wall.origins import client_address
from pages.ui.wall.own_routes import place
from pages.ui.wall.rate_limit import RateLimit, network_of

DOOR = "sign-in"
_TITLE = "Lightbox"
_MOST_BYTES = 2**13  # of a form
_LONGEST_FIELD = 1024
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
        recovery_key: Callable[[], str] = str,
        secure: bool = False,
        behind_proxy: bool = False,
        base_path: str = "",
    ) -> None:
        self._recovery_key = recovery_key
        self._repository, self._openings, self._single_reader = repository, openings, single_reader
        self._secure, self._behind_proxy, self._base_path = secure, behind_proxy, base_path
        # An address serves a whole ward behind its router; a name is one reader's. Four, that the
        # address is shut before the account, which takes five.
        self._address_tries = RateLimit(burst=20, seconds=60)
        self._name_tries = RateLimit(burst=4, seconds=900)
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
        self, request: Request, problem: str = "", status: int = 0, opening: str = ""
    ) -> Response:
        """The form, or why there is none; 403 at the address of something else."""
        own = request.url.path == place(self._base_path, DOOR)
        status = status or (200 if own else 403)
        with i18n.speaking(request.headers.get("accept-language", "")):
            locked = None
            try:
                locked = await run_in_threadpool(self._find_locked, request)
                words = (
                    self._locked_form(locked, "/" if own else asked_for(request.scope))
                    if locked
                    else await run_in_threadpool(self._form, request, own, opening)
                )
                words = _note(sentence(problem)) + words
            except AssistantError as exc:
                words, status = _note(sentence(str(exc))), 503
            if self._single_reader:
                status = max(status, 403)
            answer = _page(words, request.cookies.get(theme.COOKIE, theme.DARK), status)
        if not locked and read_token(request.cookies, secure=self._secure):
            take_token_back(answer, secure=self._secure)  # it opened nothing
        return answer

    def _form(self, request: Request, own: bool, opening: str) -> str:
        """What stands on the page; asks the store whether there are accounts."""
        if self._single_reader:
            return _note(
                _(
                    "Lightbox is open to one reader. Open the address that it tells where it was "
                    "started; each of them works once."
                )
            )
        if self._repository().accounts.any():
            return self._sign_in_form("/" if own else asked_for(request.scope))
        if not self._openings.is_open_to(opening):
            return _note(
                _(
                    "Nobody can sign in yet. Open the address that Lightbox tells where it was "
                    "started, and make the first account there."
                )
            )
        return self._first_form(opening)

    def _sign_in_form(self, back: str) -> str:
        return self._fields(
            _("Sign in"),
            "",
            _field("name", _("Sign-in name"), "text", "username"),
            _field("password", _("Password"), "password", "current-password"),
            _hidden("next", back),
            button=_("Sign in"),
        )

    def _find_locked(self, request: Request) -> Account | None:
        """Whose screen is locked in this browser; None where it is not."""
        token = read_token(request.cookies, secure=self._secure)
        found = self._repository().accounts.find_sign_in(token) if token else None
        return found.account if found and found.locked and not self._single_reader else None

    def _locked_form(self, account: Account, back: str) -> str:
        """The screen of a reader who did nothing for a while; no patient is on it."""
        leave = (
            '<button class="other" name="leave" value="1" formnovalidate>'
            f"{escape(_('Sign out'))}</button>"
        )
        return self._fields(
            _("Screen locked"),
            _(
                "Nothing was done here for a while; what was saved is kept. Signed in: {reader}."
            ).format(reader=account.reader),
            _field("password", _("Password"), "password", "current-password"),
            _hidden("next", back),
            _hidden("unlock", "1"),
            button=_("Unlock"),
            other=leave,
        )

    def _first_form(self, opening: str) -> str:
        return self._fields(
            _("Who will read here?"),
            _(
                "A decision and a signature belong to a reader, so the first one makes an account "
                "now. Nothing leaves this computer. Who reads alone can do without: start Lightbox "
                "with LIGHTBOX_SINGLE_READER set to your name."
            ),
            _field("reader", _("Your name, as it stands under a report"), "text", "name"),
            _field("name", _("Sign-in name"), "text", "username"),
            _field("password", _("Password (10 characters or more)"), "password", "new-password"),
            _hidden("token", opening),
            button=_("Create account"),
        )

    def _fields(self, title: str, words: str, *fields: str, button: str, other: str = "") -> str:
        """A form; the return key presses the first of its buttons."""
        action = escape(place(self._base_path, DOOR), quote=True)
        return (
            f'<h1>{escape(title)}</h1><p>{escape(words)}</p><form method="post" action="{action}">'
            f"{''.join(fields)}<button>{escape(button)}</button>{other}</form>"
        )

    async def _enter(self, request: Request) -> Response:
        """A form that was sent: sign in, or make the first account."""
        typed = await _read_form(request)
        with i18n.speaking(request.headers.get("accept-language", "")):
            refused = _("The form cannot be used; load the page anew.")
            too_often = _("Too many attempts came from here. Wait a few minutes, then try again.")
        if typed is None or self._single_reader:
            return await self.show(request, refused, 403)
        held = read_token(request.cookies, secure=self._secure)
        if "leave" in typed and held:
            await run_in_threadpool(self._repository().accounts.sign_out, held)
            parting = RedirectResponse(place(self._base_path, DOOR), status_code=303)
            take_token_back(parting, secure=self._secure)
            return parting
        opening = typed.get("token", "")
        name = typed.get("name", "").strip().lower()
        if "unlock" in typed:
            locked = await run_in_threadpool(self._find_locked, request)
            if locked is None:  # it has ended meanwhile
                return await self.show(request, refused, 403)
            name = locked.name
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
        try:
            token = await self._work_out(lambda: self._let_in(typed, held))
        except AccessError as exc:
            return await self.show(request, str(exc), 403, opening)
        except AssistantError as exc:
            return await self.show(request, str(exc), 503, opening)
        for limit, key in keys:
            limit.give_back(key)
        if held and held != token:
            await run_in_threadpool(self._repository().accounts.sign_out, held)
        answer = self._welcome(token, own_path(typed.get("next", "")))
        return await self._show_recovery_key(request, answer) if first else answer

    async def _show_recovery_key(self, request: Request, answer: Response) -> Response:
        """Once, to whoever made the first account, before the pages; else the answer as it is."""
        with i18n.speaking(request.headers.get("accept-language", "")):
            try:
                key = await run_in_threadpool(self._recovery_key)
            except AssistantError:  # the Account page says that there is none
                return answer
            if not key:
                return answer
            purpose = _(
                "Records and films are encrypted on this computer. If the file with their key is "
                "lost, this recovery key opens them again; without both nobody can. Print this "
                "page or write the key down, and keep it where this computer is not. It is shown "
                "this once."
            )
            words = (
                f"<h1>{escape(_('Recovery key'))}</h1><p>{escape(purpose)}</p>"
                f'<p class="key">{escape(key)}</p>'
                f'<p><a href="{escape(answer.headers["location"], quote=True)}">'
                f"{escape(_('It is kept; go on'))}</a></p>"
            )
            shown = _page(words, request.cookies.get(theme.COOKIE, theme.DARK), 200)
        shown.headers["Cache-Control"] = "no-store"
        shown.raw_headers.extend(
            (name, value) for name, value in answer.raw_headers if name == b"set-cookie"
        )
        return shown

    async def _work_out(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._passwords, action)

    def _let_in(self, typed: dict[str, str], held: str) -> str:
        """The token of a new session, or of the one that is opened again."""
        accounts = self._repository().accounts
        if "unlock" in typed:
            accounts.unlock(held, typed.get("password", ""))
            return held
        if self._openings.is_open_to(typed.get("token", "")) and not accounts.any():
            reader, password = typed.get("reader", ""), typed.get("password", "")
            accounts.create(typed.get("name", ""), reader, password, first=True)
            self._openings.take(typed.get("token", ""))
        return accounts.sign_in(typed.get("name", ""), typed.get("password", ""))[1]

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


_STYLE = """
:root { color-scheme: light dark; }
:root.dark { color-scheme: dark; }
:root.light { color-scheme: light; }
body { margin: 0; background: light-dark(%(background_light)s, %(background_dark)s);
  color: light-dark(%(text_light)s, %(text_dark)s);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
header { text-align: right; padding: 0.7rem 1.2rem; }
header span { padding: 0.2rem 0.8rem; border: 1px solid; border-radius: 0.35rem; font-weight: 600;
  color: light-dark(%(orange_light)s, %(orange_dark)s); }
main { max-width: 26rem; margin: 8vh auto; padding: 0 1.2rem; }
h1 { font-size: 1.35rem; }
label { display: block; margin: 0.9rem 0; }
input { display: block; box-sizing: border-box; width: 100%%; padding: 0.5rem; font: inherit;
  border: 1px solid light-dark(%(gray_light)s, %(gray_dark)s); border-radius: 0.35rem;
  background: light-dark(%(field_light)s, %(field_dark)s); color: inherit; }
button { padding: 0.5rem 1.2rem; font: inherit; border: 0; border-radius: 0.35rem;
  background: light-dark(%(primary_light)s, %(primary_dark)s);
  color: light-dark(%(background_light)s, %(background_dark)s); }
button.other { margin-left: 0.8rem; background: none; color: inherit;
  border: 1px solid light-dark(%(gray_light)s, %(gray_dark)s); }
.problem { font-weight: 600; }
.key { font: 600 1.3rem/1.8 ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: inherit; }
"""
_COLOURS = {
    "background": "backgroundColor",
    "field": "secondaryBackgroundColor",
    "text": "textColor",
    "gray": "grayColor",
    "orange": "orangeTextColor",
    "primary": "primaryColor",
}


def _page(words: str, chosen: str, status: int) -> Response:
    """A page of its own, in the colours of the workstation, which loads nothing."""
    style = _STYLE % {
        f"{name}_{shown}": theme.colour(option, shown)
        for name, option in _COLOURS.items()
        for shown in (theme.DARK, theme.LIGHT)
    }
    kind = "" if chosen == theme.BROWSER else chosen if chosen in theme.CHOICES else theme.DARK
    policy = (
        f"default-src 'none'; style-src {script_hash(style)}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(
        f'<!doctype html><html class="{kind}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>'
        f"{_TITLE}</title>"
        f'<style>{style}</style></head><body class="door">'
        f'<header><span role="note">{escape(_(RESEARCH_USE))}</span></header>'
        f"<main>{words}</main></body></html>",
        status_code=status,
        headers={"Content-Security-Policy": policy},
    )


def _note(words: str) -> str:
    return f'<p class="problem" role="alert">{escape(words)}</p>' if words else ""


def _field(name: str, label: str, kind: str, fills: str) -> str:
    return (
        f'<label>{escape(label)}<input name="{name}" type="{kind}" autocomplete="{fills}" '
        f'maxlength="{_LONGEST_FIELD}" required></label>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">'


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
