"""Stores whose originals are encrypted, and the search for plain bytes on a disk."""

from __future__ import annotations

from imaging.store import Repository
from imaging.store.encryption.keys import Keys
from imaging.store.object_store import ObjectFolder

KEYS = Keys.of(bytes(range(32)))


def with_encrypted_originals(store: Repository) -> Repository:
    """The same store with keys: its records as they were, its originals encrypted."""
    return Repository(store._database, ObjectFolder(store._objects.root, KEYS))
