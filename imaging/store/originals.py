"""Originals: the bytes of the files as they came, kept here or left where they lie."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import select

from imaging.errors import InputError, NotFoundError, StoreError
from imaging.locations import read_place
from imaging.store.base import Records
from imaging.store.tables import InstanceTable

_MOVED = "The film was moved or deleted in its folder; put it back, or upload it."
_CHANGED = "The film in its folder is another one than was read; upload it to read it anew."


class Originals(Records):
    """The bytes of every file, by their SHA-256."""

    def keep(self, content: bytes) -> str:
        """Keep a file's bytes; returns their SHA-256 (hex)."""
        return self._objects.put(content)

    def path_of(self, sha256: str) -> Path:
        """Where kept bytes lie, for a process that reads them itself."""
        return self._objects.path(sha256)

    def content(self, sha256: str) -> bytes:
        """A file's bytes, checked against their hash, from here or from where they were left.

        Raises
        ------
        NotFoundError
            If they lie neither here nor there any more.
        StoreError
            If they are not what was read when they came.
        """
        try:
            return self._objects.get(sha256)
        except NotFoundError:
            with self._database.reading() as session:
                query = select(InstanceTable.location).where(
                    InstanceTable.sha256 == sha256, InstanceTable.location != ""
                )
                location = session.scalar(query.limit(1))
            if location is None:
                raise
        try:
            content = read_place(location)
        except InputError as exc:
            raise NotFoundError(_MOVED) from exc
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(_CHANGED)
        return content
