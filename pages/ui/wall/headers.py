"""What every answer says to the browser: what a page may load, who may frame it, what is kept."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

import streamlit

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@cache
def _inline_scripts() -> tuple[str, ...]:
    """Hashes of the scripts that stand in Streamlit's page itself."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    return tuple(script_hash(script) for script in _INLINE.findall(page))


def script_hash(text: str) -> str:
    """An inline script or style as a content security policy names it (CSP 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(host: str, *, secure: bool) -> str:
    """The content security policy of the app's pages (CSP 3).

    Parameters
    ----------
    host : str
        The Host header of the request where it is ours, else empty.
    secure : bool
        Whether the browser came by TLS.

    Notes
    -----
    ``blob:`` among the scripts is how Streamlit loads a component's own code. Styles may stand in
    the page: Streamlit writes all of its own there. The socket is named, since not every browser
    takes it for ``'self'``.
    """
    socket = f"{'wss' if secure else 'ws'}://{host}" if host else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: 'wasm-unsafe-eval' {' '.join(_inline_scripts())}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' {socket} data: blob:",
            "media-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "frame-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def security_headers(host: str, *, secure: bool, keep: bool) -> dict[str, str]:
    """The headers that every answer carries; what it says itself of these is replaced.

    Parameters
    ----------
    host, secure
        See `policy`.
    keep : bool
        Whether the browser may keep the answer: only the program, never pixels or names.
    """
    said = {
        "content-security-policy": policy(host, secure=secure),
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",  # "no-referrer" would blank the origin of forms, too
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=()",
    }
    if not keep:
        said["cache-control"] = "no-store"
    return said
