"""The provider of the site, asked over TLS: where its endpoints are, its keys, who somebody is.

The authorization code flow with PKCE (RFC 6749, 4.1; RFC 7636), and signing out there as well.
Only addresses below the issuer that the site names, or that this issuer itself tells, are asked.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests.utils import get_environ_proxies

from imaging.errors import AccessError, ProviderError, TokenError
from imaging.openid.identity import Ended, Identity
from imaging.openid.settings import OpenIdSettings
from imaging.openid.tokens import read_id_token, read_logout_token

log = logging.getLogger(__name__)
T = TypeVar("T")
_PATIENCE = (4.0, 8.0)  # seconds for a connection, and between two bytes
_MOST_BYTES = 2**20  # of an answer
_LASTS = 3600.0  # seconds that endpoints and keys are good for
_KEYS_AGAIN = 20.0  # seconds between two looks for a key that is not known yet
_SILENT = (
    "The sign-in provider does not answer. Wait a moment and try again; whoever runs Lightbox can "
    "sign in with a local account."
)


@dataclass(frozen=True, slots=True)
class Request:
    """A sign-in that was begun, and what only its browser and this server know of it.

    Attributes
    ----------
    address : str
        Where the browser goes.
    redirect : str
        Where the provider sends it back to.
    state, nonce, verifier : str
        What the answer, the ID token and the code are tied to (RFC 6749, 10.12; OpenID Connect
        Core 1.0, 15.5.2; RFC 7636).
    fresh_since : float | None
        When it was begun, seconds of the epoch, where the provider must ask anew who somebody is.
    """

    address: str = field(repr=False)
    redirect: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    fresh_since: float | None = None


@dataclass(slots=True)
class _Kept:
    """Something fetched, and when (seconds of a clock that only grows)."""

    value: Any
    at: float


class OpenIdProvider:
    """The provider that the settings name; nothing is asked of it before it is needed.

    Parameters
    ----------
    settings : OpenIdSettings
    clock : callable, optional
        Seconds of the epoch.
    """

    def __init__(self, settings: OpenIdSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._metadata: _Kept | None = None
        self._keys: _Kept | None = None

    @property
    def name(self) -> str:
        """The host of the provider, which a reader knows from its own page."""
        return urlsplit(self._settings.issuer).hostname or ""

    @property
    def issuer(self) -> str:
        """Its Issuer Identifier."""
        return self._settings.issuer

    def begin(self, redirect: str, *, fresh: bool = False) -> Request:
        """Begin a sign-in.

        Parameters
        ----------
        redirect : str
            The address to come back to, which the provider knows.
        fresh : bool
            Whether it must ask anew who somebody is, though signed in there already.

        Raises
        ------
        ProviderError
            If the provider does not answer.
        """
        metadata, verifier, nonce = self._read_metadata(), secrets.token_urlsafe(48), _random()
        more = {"prompt": "login", "max_age": "0"} if fresh else {}
        with self._client(metadata, redirect) as client:
            address, state = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=_random(),
                code_verifier=verifier,
                nonce=nonce,
                **more,
            )
        since = self._clock() if fresh else None
        return Request(str(address), redirect, str(state), nonce, verifier, since)

    def finish(self, request: Request, answer: Mapping[str, str]) -> Identity:
        """Who came back.

        Parameters
        ----------
        request : Request
            What was begun in that browser; it must not be used again.
        answer : mapping of str to str
            The query of the address that it came back to.

        Raises
        ------
        AccessError
            If the provider or the reader refused.
        ProviderError
            If the provider does not answer.
        TokenError
            If what came proves nothing.
        """
        metadata = self._read_metadata()
        if not secrets.compare_digest(answer.get("state", "").encode(), request.state.encode()):
            raise TokenError("another state")
        said = answer.get("iss")  # RFC 9207
        required = metadata.get("authorization_response_iss_parameter_supported") is True
        if (said is not None or required) and said != self.issuer:
            raise TokenError("the answer is of another issuer")
        if "error" in answer:
            raise AccessError(
                "The sign-in provider let nobody in, or the sign-in was cancelled there. Try "
                "again, or ask whoever runs Lightbox."
            )
        if not answer.get("code"):
            raise TokenError("no code")
        tokens = self._redeem(metadata, request, answer["code"])
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise TokenError("no ID token")
        claims = self._with_keys(
            lambda keys: read_id_token(
                id_token,
                keys,
                issuer=self.issuer,
                client_id=self._settings.client_id,
                nonce=request.nonce,
                now=self._clock(),
                access_token=access_token,
                signed_in_after=request.fresh_since,
            )
        )
        return self._identify(metadata, claims, access_token, id_token)

    def logout_address(self, id_token: str, back: str) -> str:
        """Where a browser ends its sign-in there (OpenID Connect RP-Initiated Logout 1.0).

        Empty where the provider has no such place, or does not answer: it ends here alone.
        """
        try:
            place = self._read_metadata().get("end_session_endpoint", "")
        except ProviderError:
            return ""
        if not place:
            return ""
        asked = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        if id_token:
            asked["id_token_hint"] = id_token
        return f"{place}{'&' if urlsplit(place).query else '?'}{urlencode(asked)}"

    def read_logout(self, token: str) -> Ended:
        """Whose sign-in there has ended, from a logout token that somebody sent.

        Raises
        ------
        ProviderError
            If the provider's keys cannot be had.
        TokenError
            If it is not the provider's, or none.
        """
        return self._with_keys(
            lambda keys: read_logout_token(
                token,
                keys,
                issuer=self.issuer,
                client_id=self._settings.client_id,
                now=self._clock(),
            )
        )

    def _identify(
        self, metadata: Mapping[str, Any], claims: dict[str, Any], access_token: str, id_token: str
    ) -> Identity:
        place = metadata.get("userinfo_endpoint")
        if place and (self._settings.claim not in claims or "name" not in claims):
            told = self._fetch(place, {"Authorization": f"Bearer {access_token}"})
            if told.get("sub") != claims["sub"]:  # 5.3.2: somebody else's would be believed
                raise TokenError("the provider speaks of somebody else")
            claims = {**told, **claims}
        groups = claims.get(self._settings.claim, [])
        listed = groups if isinstance(groups, list) else [groups]
        return Identity(
            issuer=self.issuer,
            subject=claims["sub"],
            session=_text(claims, "sid"),
            name=_text(claims, "name"),
            login=_text(claims, "preferred_username"),
            roles=self._settings.roles_of(group for group in listed if isinstance(group, str)),
            id_token=id_token,
        )

    def _redeem(
        self, metadata: Mapping[str, Any], request: Request, code: str
    ) -> Mapping[str, Any]:
        place = metadata["token_endpoint"]
        try:
            with self._client(metadata, request.redirect) as client:
                found = client.fetch_token(
                    place,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=request.verifier,
                    timeout=_PATIENCE,
                    allow_redirects=False,
                    proxies=get_environ_proxies(place),
                )
        except requests.RequestException as exc:
            raise ProviderError(_SILENT) from exc
        except (AuthlibBaseError, ValueError, TypeError, AttributeError) as exc:
            # a code that was used, or is another client's; its own words may be anybody's
            raise TokenError("the provider does not take the code") from exc
        return found if isinstance(found, Mapping) else {}

    def _client(self, metadata: Mapping[str, Any], redirect: str) -> OAuth2Session:
        secret = self._settings.read_secret()
        taken = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        post = "client_secret_post"  # before basic, where not all agree how to write the secret
        method = "none" if not secret else post if post in taken else "client_secret_basic"
        client = OAuth2Session(
            self._settings.client_id,
            secret or None,
            token_endpoint_auth_method=method,
            scope=self._settings.scope,
            redirect_uri=redirect,
            code_challenge_method="S256",
        )
        client.trust_env = False  # no password of a file .netrc
        client.verify = self._verify
        return client

    @property
    def _verify(self) -> str | bool:
        return str(self._settings.authorities) if self._settings.authorities else True

    def _read_metadata(self) -> Mapping[str, Any]:
        """What it tells of itself (OpenID Connect Discovery 1.0, 4)."""
        with self._lock:
            kept = self._metadata
        if kept is not None and time.monotonic() - kept.at < _LASTS:
            return _mapping(kept.value)
        found = self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if found.get("issuer") != self.issuer or not all(found.get(name) for name in needed):
            log.error("the sign-in provider describes another issuer, or not itself")
            raise ProviderError(_SILENT)
        for name in (*needed, "userinfo_endpoint", "end_session_endpoint"):
            if found.get(name) and urlsplit(str(found[name])).scheme != "https":
                log.error("the sign-in provider names a place without TLS: %s", name)
                raise ProviderError(_SILENT)
        with self._lock:
            self._metadata = _Kept(found, time.monotonic())
        return found

    def _with_keys(self, read: Callable[[KeySet], T]) -> T:
        """Read by the keys that are known, and once more by those of now: they change (10.1.1)."""
        with self._lock:
            kept = self._keys
        if kept is not None and time.monotonic() - kept.at < _LASTS:
            try:
                return read(kept.value)
            except TokenError:
                if time.monotonic() - kept.at < _KEYS_AGAIN:
                    raise
        place = self._read_metadata()["jwks_uri"]
        try:
            keys = KeySet.import_key_set(self._fetch(place))  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as exc:
            raise ProviderError(_SILENT) from exc
        with self._lock:
            self._keys = _Kept(keys, time.monotonic())
        return read(keys)

    def _fetch(self, place: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON object at an address of the provider; led nowhere else."""
        try:
            with requests.Session() as session:
                session.trust_env = False
                with session.get(
                    place,
                    headers={"Accept": "application/json", **(headers or {})},
                    timeout=_PATIENCE,
                    allow_redirects=False,
                    verify=self._verify,
                    proxies=get_environ_proxies(place),
                    stream=True,
                ) as answer:
                    content = answer.raw.read(_MOST_BYTES + 1, decode_content=True)
                    status = answer.status_code
            if status != 200 or len(content) > _MOST_BYTES:
                raise ValueError(f"status {status}, {len(content)} bytes")
            found = json.loads(content)
            if not isinstance(found, dict):
                raise ValueError("no object")
        except (requests.RequestException, OSError, ValueError) as exc:
            log.warning("the sign-in provider does not answer: %s", type(exc).__name__)
            raise ProviderError(_SILENT) from exc
        return found


def _mapping(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = value
    return found


def _random() -> str:
    return secrets.token_urlsafe(32)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) else ""
