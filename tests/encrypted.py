"""Stores whose originals are encrypted, and the search for plain bytes on a disk."""

from __future__ import annotations

from functools import partialmethod
from pathlib import Path

import pytest

from imaging.store import Repository
from imaging.store.encryption.keys import Keys
from imaging.store.object_store import ObjectFolder

KEYS = Keys.of(bytes(range(32)))


def with_encrypted_originals(store: Repository) -> Repository:
    """The same store with keys: its records as they were, its originals encrypted."""
    return Repository(store._database, ObjectFolder(store._objects.root, KEYS))


def encrypt_originals(patch: pytest.MonkeyPatch) -> None:
    """Have every store of this process opened with those keys for its originals."""
    patch.setattr(ObjectFolder, "__init__", partialmethod(_make, keys=KEYS))


_init = ObjectFolder.__init__


def _make(self: ObjectFolder, root: Path, _given: Keys | None = None, *, keys: Keys) -> None:
    _init(self, root, keys)
