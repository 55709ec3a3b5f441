"""Who may collect which pixels: tickets for one reading each, held in memory, never for long.

A ticket is 256 random bits that reach the browser over the session's own socket. It names a parcel
without keeping it: what the session lets go of, or takes along when it ends, cannot be collected.
"""

from __future__ import annotations

import secrets
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from pages.ui.viewer.packets import PixelPacket

LIFE = 120.0  # seconds
_FRESH = LIFE / 2  # a ticket handed out again has at least this much of its life left


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket stands for.

    Attributes
    ----------
    session : str
        The Streamlit session it was given to.
    sign_in : str
        Token of the sign-in it was given under; empty where there is none.
    packet : weakref.ref of Parcel
        The pixels, as long as the session keeps them.
    until : float
        When it ends, in seconds of the clock.
    """

    session: str
    sign_in: str
    packet: weakref.ref[PixelPacket]
    until: float


class TicketStore:
    """Gives out tickets and takes them back; safe to use from several threads.

    Parameters
    ----------
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._claims: dict[str, Ticket] = {}
        self._given: dict[tuple[str, str, int], str] = {}

    def give(self, packet: PixelPacket, *, session: str, sign_in: str) -> str:
        """A ticket for a parcel: the one given before while it is fresh and unused, else a new one.

        So a page that is drawn again says the same, and one that is opened again can collect.
        """
        mine = session, sign_in, id(packet)
        with self._lock:
            self._forget_old()
            known = self._given.get(mine, "")
            claim = self._claims.get(known)
            now = self._clock()
            if claim and claim.packet() is packet and claim.until - now >= _FRESH:
                return known
            ticket = secrets.token_urlsafe(32)
            self._claims[ticket] = Ticket(session, sign_in, weakref.ref(packet), now + LIFE)
            self._given[mine] = ticket
            return ticket

    def take(self, ticket: str) -> tuple[Ticket, PixelPacket] | None:
        """What a ticket stands for; it is void from now on. None when it is, or never was, good."""
        with self._lock:
            self._forget_old()
            claim = self._claims.pop(ticket, None)
        packet = claim.packet() if claim else None
        return (claim, packet) if claim and packet else None

    def _forget_old(self) -> None:
        """Drop tickets whose time is over or whose pixels are gone."""
        now = self._clock()
        over = [t for t, c in self._claims.items() if c.until <= now or c.packet() is None]
        for ticket in over:
            del self._claims[ticket]
        self._given = {mine: t for mine, t in self._given.items() if t in self._claims}
