"""The provider of a site: where it is, what we are there, and which of its groups may do what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imaging.errors import SettingsError
from imaging.review.roles import Role

_ISSUER = "LIGHTBOX_OIDC_ISSUER"
_GROUPS = "LIGHTBOX_OIDC_GROUPS"


@dataclass(frozen=True, slots=True)
class OpenIdSettings:
    """What the site says of its provider.

    Attributes
    ----------
    issuer : str
        Its Issuer Identifier (`LIGHTBOX_OIDC_ISSUER`; OpenID Connect Core 1.0, 1.2), by TLS.
    client_id : str
        What it knows this installation as (`LIGHTBOX_OIDC_CLIENT_ID`).
    groups : tuple of (str, tuple of Role)
        Groups there and what they are here (`LIGHTBOX_OIDC_GROUPS`, such as
        ``radiologists=reader,signer; it=administrator``).
    secret_file : Path | None
        File that holds the client's secret alone (`LIGHTBOX_OIDC_CLIENT_SECRET_FILE`); None for a
        public client, whom PKCE guards alone.
    claim : str
        The claim that lists the groups (`LIGHTBOX_OIDC_CLAIM`, default "groups").
    scope : str
        What is asked for (`LIGHTBOX_OIDC_SCOPE`, default "openid profile").
    authorities : Path | None
        Certificates trusted for it (`LIGHTBOX_OIDC_CA`, PEM); None: those that Python trusts.
    """

    issuer: str
    client_id: str
    groups: tuple[tuple[str, tuple[Role, ...]], ...]
    secret_file: Path | None = None
    claim: str = "groups"
    scope: str = "openid profile"
    authorities: Path | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> OpenIdSettings | None:
        """Read them; None where the site names no provider.

        Raises
        ------
        SettingsError
            If one cannot be used, or is missing.
        """
        values = {name: value.strip() for name, value in env.items() if "_OIDC_" in name}
        issuer = values.get(_ISSUER, "")
        if not issuer:
            if any(values.get(f"LIGHTBOX_OIDC_{name}") for name in ("CLIENT_ID", "GROUPS")):
                raise SettingsError(f"Sign-in by a provider needs {_ISSUER}, its address.")
            return None
        parts = urlsplit(issuer)
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
            raise SettingsError(
                f"{_ISSUER} must be the provider's address by TLS, such as "
                "https://login.example.org/realms/ward."
            )
        client_id = values.get("LIGHTBOX_OIDC_CLIENT_ID", "")
        if not client_id:
            raise SettingsError(
                "LIGHTBOX_OIDC_CLIENT_ID must say what the provider knows this installation as."
            )
        scope = " ".join((values.get("LIGHTBOX_OIDC_SCOPE") or "openid profile").split())
        if "openid" not in scope.split():
            raise SettingsError("LIGHTBOX_OIDC_SCOPE must hold the word openid.")
        found = cls(
            issuer=issuer,
            client_id=client_id,
            groups=_read_groups(values.get(_GROUPS, "")),
            secret_file=_read_path(values, "LIGHTBOX_OIDC_CLIENT_SECRET_FILE"),
            claim=values.get("LIGHTBOX_OIDC_CLAIM") or "groups",
            scope=scope,
            authorities=_read_path(values, "LIGHTBOX_OIDC_CA"),
        )
        found.read_secret()
        return found

    def read_secret(self) -> str:
        """The client's secret; empty for a public client. Kept by nobody, and in no log.

        Raises
        ------
        SettingsError
            If its file cannot be read, or holds nothing.
        """
        if self.secret_file is None:
            return ""
        try:
            secret = self.secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise SettingsError(
                "The file that LIGHTBOX_OIDC_CLIENT_SECRET_FILE names cannot be read."
            ) from exc
        if not secret:
            raise SettingsError("The file that LIGHTBOX_OIDC_CLIENT_SECRET_FILE names is empty.")
        return secret

    def roles_of(self, groups: Iterable[str]) -> frozenset[Role]:
        """What somebody of these groups is here; nothing for who is in none that is named."""
        theirs = set(groups)
        return frozenset().union(*(roles for group, roles in self.groups if group in theirs))


def _read_groups(text: str) -> tuple[tuple[str, tuple[Role, ...]], ...]:
    """``group=role,role; group=role``; a distinguished name has both of these signs."""
    found = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        group, _, named = part.rpartition("=")
        words = [word.strip() for word in named.split(",")]
        if not group.strip() or set(words) - set(Role):
            raise SettingsError(
                f"{_GROUPS} must say what the provider's groups are here, such as "
                f"radiologists=reader,signer; it=administrator. The roles are {', '.join(Role)}."
            )
        found.append((group.strip(), tuple(map(Role, words))))
    if not found:
        raise SettingsError(
            f"{_GROUPS} must say what the provider's groups are here, or nobody of it may sign in."
        )
    return tuple(found)


def _read_path(values: Mapping[str, str], name: str) -> Path | None:
    """A file that must be there; None where none is named."""
    if not values.get(name):
        return None
    path = Path(values[name]).expanduser()
    if not path.is_file():
        raise SettingsError(f"{name} names a file that does not exist.")
    return path
