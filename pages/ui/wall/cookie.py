"""The cookie of a signed-in browser (RFC 6265bis): scripts cannot read it, other sites not use it.

It holds a random token of which the store keeps the hash. A cookie does not belong to a port: other
servers under the same name are sent it too, so who shares a computer should serve by TLS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from starlette.responses import Response

NAME = "lightbox_session"
BEGUN = "lightbox_begun"  # names the browser in which a sign-in by a provider was begun


def cookie_name(name: str = NAME, *, secure: bool) -> str:
    """The name: with TLS its prefix lets no other site of the domain set it (section 4.1.3.2)."""
    return f"__Host-{name}" if secure else name


def read_token(cookies: Mapping[str, str], *, secure: bool) -> str:
    """The token that a browser sent; empty without one."""
    return cookies.get(cookie_name(secure=secure), "")


def give_token(response: Response, token: str, *, seconds: int, secure: bool) -> None:
    """Have the browser keep a token for so many seconds."""
    _give(response, cookie_name(secure=secure), token, seconds=seconds, secure=secure)


def read_begun(cookies: Mapping[str, str], *, secure: bool) -> str:
    """The name of a browser that began a sign-in by a provider; empty for another one."""
    return cookies.get(cookie_name(BEGUN, secure=secure), "")


def give_begun(response: Response, browser: str, *, seconds: int, secure: bool) -> None:
    """Have the browser keep its name; it is sent, too, when the provider leads back (Lax)."""
    name = cookie_name(BEGUN, secure=secure)
    _give(response, name, browser, seconds=seconds, secure=secure, site="lax")


def _give(
    response: Response,
    name: str,
    value: str,
    *,
    seconds: int,
    secure: bool,
    site: Literal["lax", "strict"] = "strict",
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite=site,
    )


def take_token_back(response: Response, *, secure: bool) -> None:
    """Have the browser forget the token."""
    give_token(response, "", seconds=0, secure=secure)
