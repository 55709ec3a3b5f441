"""Who may collect which pixels: tickets good for one request, held in memory, never for long.

A ticket is 256 random bits that reach the browser over the session's own socket. It names a packet
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
    """The session, the sign-in and the pixels a ticket is for.

    Attributes
    ----------
    session : str
        The Streamlit session it was given to.
    sign_in : str
        Token of the sign-in it was given under; empty where there is none.
    packet : weakref.ref of PixelPacket
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
        self._tickets: dict[str, Ticket] = {}
        self._given: dict[tuple[str, str, int], str] = {}

    def give(self, packet: PixelPacket, *, session: str, sign_in: str) -> str:
        """A ticket for a packet: the one given before while it is fresh and unused, else a new one.

        So a page that is drawn again sends the same, and one that is opened again can collect.
        """
        key = session, sign_in, id(packet)
        with self._lock:
            self._forget_old()
            given = self._given.get(key, "")
            entry = self._tickets.get(given)
            now = self._clock()
            if entry and entry.packet() is packet and entry.until - now >= _FRESH:
                return given
            ticket = secrets.token_urlsafe(32)
            self._tickets[ticket] = Ticket(session, sign_in, weakref.ref(packet), now + LIFE)
            self._given[key] = ticket
            return ticket

    def take(self, ticket: str) -> tuple[Ticket, PixelPacket] | None:
        """Redeem a ticket, which is void from now on; None when it is void or never was good."""
        with self._lock:
            self._forget_old()
            entry = self._tickets.pop(ticket, None)
        packet = entry.packet() if entry else None
        return (entry, packet) if entry and packet else None

    def _forget_old(self) -> None:
        """Drop tickets whose time is over or whose pixels are gone."""
        now = self._clock()
        over = [t for t, e in self._tickets.items() if e.until <= now or e.packet() is None]
        for ticket in over:
            del self._tickets[ticket]
        self._given = {key: t for key, t in self._given.items() if t in self._tickets}
