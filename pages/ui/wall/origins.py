"""Under which name this server may be asked, and that a page of its own asks. No name is looked up.

A name that a stranger points at this computer (DNS rebinding) is not ours; a page of another port
is not one of our pages, though browsers send our cookie along with what it asks (RFC 6454).
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_SAFE = ("GET", "HEAD")


def own_hosts(address: str, named: Collection[str]) -> frozenset[str]:
    """Names under which a server may be asked: this computer's own, its address, and the named.

    Parameters
    ----------
    address : str
        What it is bound to; a place that stands for every address is no name.
    named : collection of str
        The setting `LIGHTBOX_HOSTS`.
    """
    bound = {address.strip("[]").lower()} - {"", "0.0.0.0", "::"}
    return frozenset({*LOOPBACK, *bound, *named})


def host_name(host: str) -> str:
    """The name or address in a Host header, in lower case; empty for what is no such header.

    Parameters
    ----------
    host : str
        ``name``, ``name:port``, ``[address]`` or ``[address]:port``.
    """
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".") if parts.netloc == host and "@" not in host else ""


def is_ours(headers: Headers, hosts: Collection[str]) -> bool:
    """True when the one Host header of a request is a name of this server."""
    named = headers.getlist("host")
    return len(named) == 1 and host_name(named[0]) in hosts


def comes_from_own_page(headers: Headers, *, method: str, secure: bool) -> bool:
    """True when no page of another origin (scheme, name and port) can have sent a request.

    Parameters
    ----------
    headers : Headers
        Of the request, whose Host header was found to be ours.
    method : str
        Of the request; ``WEBSOCKET`` for a handshake.
    secure : bool
        Whether browsers reach this server by TLS.

    Notes
    -----
    What changes something must say its origin; browsers do, and so must whoever is none. Fetch
    Metadata (Sec-Fetch-Site) also tells of what a page of another origin embeds; where it leads
    the whole window is for `is_foreign_link`.
    """
    own = f"{'https' if secure else 'http'}://{headers.get('host', '')}".lower()
    origins = headers.getlist("origin")
    if len(origins) > 1 or (origins and origins[0].lower() != own):
        return False
    if not origins and method not in _SAFE:
        return False
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def is_foreign_link(headers: Headers, *, method: str) -> bool:
    """True when somebody followed another site's link to here.

    The browser left out our cookie, which is for requests of our own pages; it comes with the next.
    """
    return (
        method == "GET"
        and "origin" not in headers
        and headers.get("sec-fetch-site") in ("cross-site", "same-site")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def is_no_browser(headers: Headers) -> bool:
    """True when nothing says that a page asks: browsers tell the origin of what they post."""
    return "origin" not in headers and "sec-fetch-site" not in headers


def is_forwarded(headers: Headers) -> bool:
    """True when a proxy handed a request on."""
    return any(name in headers for name in _FORWARDED)


def client_address(headers: Headers, client: str, *, behind_proxy: bool) -> str:
    """The address a request comes from: whom the nearest proxy names, which wrote the last entry.

    Parameters
    ----------
    headers : Headers
        Of the request.
    client : str
        Address of who is connected.
    behind_proxy : bool
        Whether every request comes by a proxy that names its client.
    """
    if not behind_proxy:
        return client
    named = ",".join(headers.getlist("x-forwarded-for")).split(",")[-1].strip()
    return named or client
