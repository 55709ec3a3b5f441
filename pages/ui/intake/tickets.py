"""Who may hand in files: one ticket for each session, good while its reader is signed in.

256 random bits that reach the browser over the session's own socket. Held in memory: a server that
starts anew knows none, and the page asks for another.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

_MOST = 10_000  # tickets; the longest unused goes first


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whom a ticket was given to.

    Attributes
    ----------
    session : str
        The Streamlit session.
    sign_in : str
        Token of the sign-in; empty where there is none.
    account : str
        Whose the files will be.
    """

    session: str
    sign_in: str
    account: str


class TicketStore:
    """Gives tickets out and knows them again; safe to use from several threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._by_name: OrderedDict[str, Ticket] = OrderedDict()
        self._names: dict[Ticket, str] = {}

    def give(self, ticket: Ticket) -> str:
        """The name of a ticket, the same for the same session, sign-in and account."""
        with self._lock:
            name = self._names.setdefault(ticket, secrets.token_urlsafe(32))
            self._by_name[name] = ticket
            self._by_name.move_to_end(name)
            while len(self._by_name) > self._most:
                _, unused = self._by_name.popitem(last=False)
                del self._names[unused]
            return name

    def find(self, name: str) -> Ticket | None:
        """The ticket of that name, which stays good; None where there is none."""
        with self._lock:
            if name in self._by_name:
                self._by_name.move_to_end(name)
            return self._by_name.get(name)
