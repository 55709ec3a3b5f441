"""Somebody as the provider vouches for, and that somebody's sign-in there has ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from imaging.review.roles import Role


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, as the provider vouches for.

    Attributes
    ----------
    issuer, subject : str
        Who it is, never given to anybody else (OpenID Connect Core 1.0, 5.7).
    session : str
        The sign-in there (``sid``); empty where the provider tells none.
    name, login : str
        ``name`` and ``preferred_username``; both may change, and belong to several.
    roles : frozenset of Role
        By the groups; empty for who is in none that the site names.
    id_token : str
        The token itself, a hint for signing out.
    """

    issuer: str
    subject: str
    session: str
    name: str
    login: str
    roles: frozenset[Role]
    id_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """Whose sign-in at the provider has ended.

    Attributes
    ----------
    subject : str
        Of whom; empty where the session alone is named.
    session : str
        Which of the sessions (``sid``); empty: all of them.
    token_id : str
        ``jti``, which comes once.
    """

    subject: str
    session: str
    token_id: str
