"""How often an address may try to sign in: token buckets, so that who guesses locks out himself."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_MOST = 10_000  # keys remembered; the longest unused are forgotten


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """A bucket of tokens for every key; each try takes one.

    Parameters
    ----------
    burst : int
        Tries one after the other.
    seconds : float
        Until one more is allowed.
    clock : callable, optional
        Seconds that only grow.
    """

    def __init__(
        self, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._seconds, self._clock = burst, seconds, clock
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> bool:
        """True when this key may try (once more)."""
        with self._lock:
            bucket = self._filled(key)
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True

    def give_back(self, key: Hashable) -> None:
        """The try was no guess: it does not count."""
        with self._lock:
            bucket = self._filled(key)
            bucket.tokens = min(self._burst, bucket.tokens + 1)

    def _filled(self, key: Hashable) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        self._buckets.move_to_end(key)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) / self._seconds)
        bucket.at = now
        while len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return bucket


def network_of(address: str) -> str:
    """What one client can come from: an address, or all 2^64 of an IPv6 network (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)
