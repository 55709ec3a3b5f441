"""The one-time token in the address that opens Lightbox for the first time, as Jupyter has it.

Who may read the terminal (or the log) in which the server runs may enter, and no one else on this
computer. It is good for one browser; then the next address is told.
"""

from __future__ import annotations

import secrets
import threading
from hmac import compare_digest
from urllib.parse import quote

PATH = "open"


class Openings:
    """The address that opens the door, one at a time.

    Parameters
    ----------
    address : str
        Of the server, with its base path, as ``http://127.0.0.1:8501``.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._token = secrets.token_urlsafe(32)
        self._lock = threading.Lock()

    def tell(self) -> None:
        """Say the address to who started the server."""
        _say(f"Open Lightbox by this address, which works once: {self._whole()}")

    def is_open_to(self, token: str) -> bool:
        """True for the token of the address, which is not used up by asking."""
        return compare_digest(token.encode("utf-8", "replace"), self._token.encode())

    def take(self, token: str) -> bool:
        """True once for the token of the address; the next address is told."""
        with self._lock:
            if not self.is_open_to(token):
                return False
            self._token = secrets.token_urlsafe(32)
        _say(f"That address was used. For another browser: {self._whole()}")
        return True

    def _whole(self) -> str:
        return f"{self._address}/{PATH}?token={quote(self._token)}"


def opened_address(address: str, port: int, base_path: str, *, secure: bool) -> str:
    """Where a browser of this computer finds the server that is bound to an address."""
    name = address if address not in ("", "0.0.0.0", "::") else "127.0.0.1"
    name = f"[{name}]" if ":" in name and not name.startswith("[") else name
    return f"{'https' if secure else 'http'}://{name}:{port}/{base_path.strip('/')}"


def _say(words: str) -> None:
    print(words, flush=True)  # into no log of Streamlit's: a token stands in it
