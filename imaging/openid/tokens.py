"""What a signed token of the provider must say before anything in it is believed.

An ID token by OpenID Connect Core 1.0, 3.1.3.7 and 3.1.3.8, a logout token by OpenID Connect
Back-Channel Logout 1.0, 2.6. Signed with a public key of the provider always: neither "none" nor
a secret that somebody else may know (RFC 8725, 3.1 and 3.2).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from imaging.errors import TokenError
from imaging.openid.identity import Ended

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip
SKEW = 30.0  # seconds by which two computers' clocks may differ
LATEST = 600.0  # seconds after which an ID token or a logout token is not news any more
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def read_id_token(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: float,
    access_token: str = "",
    signed_in_after: float | None = None,
) -> dict[str, Any]:
    """The claims of an ID token.

    Parameters
    ----------
    token : str
        As the token endpoint gave it.
    keys : KeySet
        The provider's.
    issuer, client_id, nonce : str
        What it must name.
    now : float
        Seconds of the epoch.
    access_token : str
        The one that came along, which ``at_hash`` is of.
    signed_in_after : float, optional
        When somebody must have signed in at the provider at the earliest (``auth_time``); None:
        whenever.

    Raises
    ------
    TokenError
        If anything is not as it must be.
    """
    header, claims = _read(token, keys)
    _insist(claims.get("iss") == issuer, "another issuer")
    # an audience beside us is none we trust (3.1.3.7, 3)
    _insist(claims.get("aud") in (client_id, [client_id]), "for another client")
    _insist(claims.get("azp", client_id) == client_id, "another authorised party")
    subject = claims.get("sub")
    _insist(isinstance(subject, str) and 0 < len(subject) <= 255, "no subject")
    _insist(_seconds(claims, "exp") > now - SKEW, "expired")
    _insist_on_news(claims, now)
    given = claims.get("nonce")
    _insist(isinstance(given, str) and compare_digest(given.encode(), nonce.encode()), "nonce")
    if "at_hash" in claims:
        _insist(claims["at_hash"] == _half_hash(access_token, header["alg"]), "at_hash")
    if signed_in_after is not None:
        # our clock began the request, the provider's says when somebody came
        _insist(_seconds(claims, "auth_time") >= signed_in_after - SKEW, "signed in long ago")
    return claims


def read_logout_token(
    token: str, keys: KeySet, *, issuer: str, client_id: str, now: float
) -> Ended:
    """Whose sign-in a logout token ends. Whether it came before is for who remembers them.

    Raises
    ------
    TokenError
        If anything is not as it must be.
    """
    header, claims = _read(token, keys)
    kind = str(header.get("typ", "logout+jwt")).lower()
    _insist(kind in ("logout+jwt", "application/logout+jwt", "jwt"), "another kind of token")
    _insist(claims.get("iss") == issuer, "another issuer")
    audience = claims.get("aud")
    _insist(client_id in (audience if isinstance(audience, list) else [audience]), "another client")
    _insist_on_news(claims, now)
    if "exp" in claims:
        _insist(_seconds(claims, "exp") > now - SKEW, "expired")
    events = claims.get("events")
    _insist(
        isinstance(events, dict) and isinstance(events.get(_LOGOUT_EVENT), dict), "no logout event"
    )
    _insist("nonce" not in claims, "an ID token")  # 2.4: it could be taken for one
    names = claims.get("sub", ""), claims.get("sid", ""), claims.get("jti", "")
    _insist(all(isinstance(name, str) and len(name) <= 255 for name in names), "names")
    subject, session, token_id = names
    _insist(bool(subject or session), "nobody named")
    _insist(bool(token_id), "no jti")
    return Ended(subject, session, token_id)


def _read(token: str, keys: KeySet) -> tuple[Mapping[str, Any], dict[str, Any]]:
    try:
        found = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise TokenError(f"not signed by the provider ({type(exc).__name__})") from exc
    _insist(isinstance(found.claims, dict), "no claims")
    return found.header, found.claims


def _insist(true: bool, otherwise: str) -> None:
    if not true:
        raise TokenError(otherwise)


def _insist_on_news(claims: Mapping[str, Any], now: float) -> None:
    issued = _seconds(claims, "iat")
    _insist(issued <= now + SKEW, "issued in the future")
    _insist(issued >= now - LATEST - SKEW, "issued long ago")
    if "nbf" in claims:
        _insist(_seconds(claims, "nbf") <= now + SKEW, "not valid yet")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519, 2)."""
    value = claims.get(name)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    _insist(number and abs(value or 0) < 2**53, f"no {name}")  # NaN is not below it either
    return float(value or 0)


def _half_hash(text: str, algorithm: str) -> str:
    """Left half of a hash of the signature's own length, base64url (3.1.3.6)."""
    digest = hashlib.new(f"sha{algorithm[-3:]}", text.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
