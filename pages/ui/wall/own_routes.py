"""The HTTP routes of our own, beside Streamlit's: who may ask, and what every answer says.

A ticket travels in a header, so it is in no log and no history, and no other site's page can send
it; a browser that says another site's page asks is refused whatever it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import PlainTextResponse, Response

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
Admits = Callable[[str, Mapping[str, str]], bool]
"""Whether a client may come in, from the token of a sign-in and the cookies of its request."""


def comes_from_us(headers: Mapping[str, str]) -> bool:
    """False when a browser says that another site's page asks."""
    site = headers.get("sec-fetch-site", "same-origin")
    origin = headers.get("origin")
    own = origin is None or origin.partition("://")[2] == headers.get("host")
    return site == "same-origin" and own


def refusal() -> Response:
    """The same for every reason: who guesses learns nothing."""
    return PlainTextResponse("", status_code=403, headers=HEADERS)


def place(base_path: str, *parts: str) -> str:
    """An address below Streamlit's ``server.baseUrlPath``."""
    return "/" + "/".join(part for part in (base_path.strip("/"), *parts) if part)
