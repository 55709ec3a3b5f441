"""The cookie of a signed-in browser (RFC 6265bis): scripts cannot read it, other sites not use it.

It holds a random token of which the store keeps the hash. A cookie does not belong to a port: other
servers under the same name are sent it too, so who shares a computer should serve by TLS.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

NAME = "lightbox_session"


def cookie_name(*, secure: bool) -> str:
    """The name: with TLS its prefix lets no other site of the domain set it (section 4.1.3.2)."""
    return f"__Host-{NAME}" if secure else NAME


def read_token(cookies: Mapping[str, str], *, secure: bool) -> str:
    """The token that a browser sent; empty without one."""
    return cookies.get(cookie_name(secure=secure), "")


def give_token(response: Response, token: str, *, seconds: int, secure: bool) -> None:
    """Have the browser keep a token for so many seconds."""
    response.set_cookie(
        cookie_name(secure=secure),
        token,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def take_token_back(response: Response, *, secure: bool) -> None:
    """Have the browser forget the token."""
    give_token(response, "", seconds=0, secure=secure)
