"""The key that seals the trail's head (Ed25519, RFC 8032), and the head this computer saw last.

Both lie in a folder of their own beside the data folder, so that who copies or edits the database
has neither. The key's file says from which line on it seals, and which keys went before it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from imaging.errors import StoreError

log = logging.getLogger(__name__)
SEAL_KEY, HEAD = "seal_key", "audit_head"  # in a session's notes: the key, the line added last
SHORT_DIGEST = 16  # hexadecimal digits of a digest that are printed
_ANCHOR = "anchor.json"
_DAMAGED = (
    "The key that seals the audit trail cannot be read. Put its file back from where it is "
    "kept, or take it away for a new key to be made, which the trail will say."
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head of the trail that was noted outside of it: number and digest of a line.

    ``digest`` may be its beginning alone, at least 8 hexadecimal digits. ``at`` is when it was
    noted, ISO 8601, "" where that is unknown.
    """

    number: int
    digest: str
    at: str = ""

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Read "57:4f3a9c01", as it stands under a PDF and in a syslog message.

        Raises
        ------
        ValueError
            If it is none.
        """
        number, _, digest = text.strip().partition(":")
        digest = digest.strip().lower()
        if not number.isdecimal() or not 8 <= len(digest) <= 64 or set(digest) - set(_HEX):
            raise ValueError("an anchor is the number of a line, a colon and 8 to 64 hex digits")
        return cls(int(number), digest)

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"

    @property
    def short(self) -> str:
        """As it is printed: 64 bits of the digest, which nobody can meet by trying."""
        return f"{self.number}:{self.digest[:SHORT_DIGEST]}"


_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key and where it is kept.

    Attributes
    ----------
    path : Path
        Its file; the anchor lies beside it.
    fingerprint : str
        16 hexadecimal digits that name it in the trail.
    since : Anchor
        The head of the trail when the key was made: it seals every line after that.
    public : mapping
        Fingerprints to raw public keys (32 bytes), of this key and of those it took over from.
    """

    path: Path
    fingerprint: str
    since: Anchor
    public: Mapping[str, bytes]
    _private: Ed25519PrivateKey = field(repr=False)

    def seal(self, digest: str) -> str:
        """The seal of a line: the key's fingerprint, a colon, the signature in base64."""
        signature = self._private.sign(digest.encode())
        return f"{self.fingerprint}:{base64.b64encode(signature).decode()}"

    def note(self, head: Anchor) -> None:
        """Keep a head that was just committed; a full disk here must not undo the deed.

        Of two processes the slower may note the older head: weaker, never wrong.
        """
        self._keep(head, self.lost())

    def noted(self) -> Anchor | None:
        """The head this computer noted last; None where there is none that can be read."""
        return next(iter(self._read("head")), None)

    def lose(self, head: Anchor) -> None:
        """Remember a noted head that is not in the trail any more, whatever is noted after it."""
        self._keep(head, tuple(dict.fromkeys((*self.lost(), head))))

    def lost(self) -> tuple[Anchor, ...]:
        """Heads that were noted and are not in the trail any more, until somebody stands for it."""
        return self._read("lost")

    def acknowledge(self, head: Anchor) -> None:
        """Forget what was lost, for somebody stands for it, and begin again at a head."""
        self._keep(head, ())

    def _keep(self, head: Anchor, lost: tuple[Anchor, ...]) -> None:
        values = {"head": [_pair(head)], "lost": [_pair(one) for one in lost]}
        try:
            _write(self.path.with_name(_ANCHOR), json.dumps(values))
        except OSError as exc:
            log.warning("the head of the audit trail was not noted: %s", type(exc).__name__)

    def _read(self, which: str) -> tuple[Anchor, ...]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            values = json.loads(self.path.with_name(_ANCHOR).read_text())
            found = [(Anchor.parse(text), str(at)) for text, at in values[which]]
            return tuple(Anchor(one.number, one.digest, at) for one, at in found)
        return ()

    def private_to_owner(self) -> bool:
        """Whether nobody else on this computer may read the key's file (POSIX)."""
        return os.name != "posix" or not self.path.stat().st_mode & 0o077


def _pair(anchor: Anchor) -> list[str]:
    return [str(anchor), anchor.at]


def is_true(seal: str, digest: str, public: Mapping[str, bytes]) -> bool | None:
    """Whether a seal fits a line's digest; None where its key is not among those known."""
    fingerprint, _, signature = seal.partition(":")
    if fingerprint not in public:
        return None
    try:
        raw = base64.b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(public[fingerprint]).verify(raw, digest.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def load_key(path: Path) -> SealKey | None:
    """The key of a file; None where there is no file.

    Raises
    ------
    StoreError
        If there is one and it cannot be read or is damaged.
    """
    try:
        values = json.loads(path.read_text())
        return _from_json(path, values)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise StoreError(_DAMAGED) from exc


def make_key(path: Path, since: Anchor, *, after: SealKey | None = None) -> SealKey:
    """Make a key and write it (0600, in a folder of 0700); an older one's public half is kept.

    Of two processes that make the first one at once, both get the one that was there first.

    Raises
    ------
    StoreError
        If the file cannot be written, or the one that is there cannot be read.
    """
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    values = {
        "private": base64.b64encode(private.private_bytes_raw()).decode(),
        "public": public,
        "since": str(since),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "before": [base64.b64encode(raw).decode() for raw in after.public.values()]
        if after
        else [],
    }
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, json.dumps(values, indent=1), replace=after is not None)
    except FileExistsError:
        pass
    except OSError as exc:
        raise StoreError(
            "The key that seals the audit trail cannot be written. Check the folder that "
            "LIGHTBOX_SEAL_KEY names, or the one beside the data folder."
        ) from exc
    key = load_key(path)
    if key is None:
        raise StoreError(_DAMAGED)
    return key


def default_key(home: Path) -> Path:
    """Where the key of a data folder lies unless told otherwise: not in it."""
    home = home.absolute()
    return home.parent / f"{home.name}-seal" / "key.json"


def fingerprint_of(public: bytes) -> str:
    """The name of a key: the first 16 hexadecimal digits of the SHA-256 of its public half."""
    return hashlib.sha256(public).hexdigest()[:16]


def _from_json(path: Path, values: dict[str, Any]) -> SealKey:
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(values["private"]))
    raw = private.public_key().public_bytes_raw()
    number, _, digest = str(values["since"]).partition(":")
    known = [raw, *(base64.b64decode(text) for text in values["before"])]
    public = {fingerprint_of(one): one for one in known}
    return SealKey(path, fingerprint_of(raw), Anchor(int(number), digest), public, private)


def _write(path: Path, text: str, *, replace: bool = True) -> None:
    """Write a small file whole or not at all, for its owner's eyes alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
        if replace:
            Path(name).replace(path)
        else:
            path.hardlink_to(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
