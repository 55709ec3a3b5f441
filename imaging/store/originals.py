"""Originals: the bytes of the files as they came, kept here or left where they lie.

And the small pictures that were made of them, for lists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from uuid import uuid4

from sqlalchemy import func, select, tuple_

from imaging.errors import InputError, NotFoundError, StoreError
from imaging.host import temporary
from imaging.locations import read_place
from imaging.review.rights import Right
from imaging.store.access.sessions import insist_on
from imaging.store.base import Records
from imaging.store.encryption.incoming import IncomingFile
from imaging.store.health.diagnosis import diagnose
from imaging.store.schema.tables import InstanceTable, ThumbnailTable

_MOVED = "The image was moved or deleted in its folder; put it back, or upload it."
_CHANGED = "The image in its folder is another one than was read; upload it to read it anew."


class Originals(Records):
    """The bytes of every file, by their SHA-256."""

    def keep(self, content: bytes) -> str:
        """Keep a file's bytes; returns their SHA-256 (hex)."""
        return self._objects.put(content)

    def keep_parts(self, parts: Iterable[bytes]) -> str:
        """Keep bytes that come part by part, one of which is in memory; returns their SHA-256.

        What `parts` raises passes, and nothing is kept.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        ahead = iter(parts)
        first, second = next(ahead, b""), next(ahead, None)
        if second is None:
            return self.keep(first)
        file, size = self.incoming_file(f"unpacked-{uuid4()}"), 0
        try:
            for part in chain((first, second), ahead):
                try:
                    size = file.append(size, part)
                except OSError as exc:
                    raise diagnose(exc, otherwise=self._database.trouble) from exc
            return self.keep_incoming(file)
        finally:
            file.forget()

    def keep_incoming(self, file: IncomingFile) -> str:
        """Keep a file that has arrived whole; returns its SHA-256 (hex)."""
        if not file.encrypted:
            return self._objects.put_file(file.path)
        try:
            with closing(file.open()) as stream:
                return self._objects.put_stream(stream)
        except OSError as exc:
            raise diagnose(exc, otherwise=self._database.trouble) from exc

    def incoming_file(self, name: str) -> IncomingFile:
        """A file of `incoming`, of a name of this one's own; it need not be there yet."""
        path = self.incoming / name
        return IncomingFile(path, self._objects.key_of_incoming(name))

    @property
    def encrypted(self) -> bool:
        """Whether nothing plain of a film may come to the disk."""
        return self._objects.keys is not None

    @property
    def incoming(self) -> Path:
        """Folder for files that have not arrived whole, on the same disk as the originals."""
        return self._objects.root.parent / "incoming"

    def forget_parts(self, before: datetime) -> int:
        """Delete what lies in `incoming` untouched since then; returns how many files.

        Whose browser was closed goes on with none of them; whose is back begins anew.
        """
        count = 0
        for part in self.incoming.glob("*"):
            with suppress(OSError):  # another server, or the browser after all, was faster
                if part.stat().st_mtime < before.timestamp():
                    part.unlink()
                    count += 1
        return count

    def sweep(self) -> int:
        """Delete what killed processes left half-written or unpacked; returns how much.

        See `imaging.host.temporary.sweep`: nothing that a running process uses.
        """
        return temporary.sweep(self._objects.root.parent)

    def path_of(self, sha256: str) -> Path:
        """Where kept bytes lie, as they are on the disk."""
        return self._objects.path(sha256)

    def place_of(self, sha256: str) -> tuple[str, bytes]:
        """Where kept bytes lie, and the key of that one file, for a process that reads it itself.

        See `imaging.intake.queued`; the key is empty where nothing is encrypted.
        """
        path = self._objects.path(sha256)
        return str(path), self._objects.key(path)

    def content(self, sha256: str) -> bytes:
        """A file's bytes, checked against their hash, from here or from where they were left.

        Raises
        ------
        NotFoundError
            If they lie neither here nor there any more.
        StoreError
            If they are not what was read when they came.
        """
        insist_on(Right.FILMS)
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

    def keep_thumbnail(self, sha256: str, content: bytes) -> None:
        """Keep a small picture (JPEG) of a stored film that has none: an older version's has not.

        Parameters
        ----------
        sha256 : str
            Of the film's file; one that is not stored (any more) gets none.
        content : bytes
        """
        has_one = select(ThumbnailTable.sha256).where(ThumbnailTable.sha256 == sha256)
        film = select(InstanceTable.sop_instance_uid).where(InstanceTable.sha256 == sha256)
        with self._database.reading() as session:
            if session.scalar(has_one) is not None:
                return
        with self._database.writing(Right.FILMS) as session:
            if session.scalar(has_one) is None and session.scalar(film.limit(1)) is not None:
                session.add(ThumbnailTable(sha256=sha256, content=content))

    def thumbnails(self, sop_instance_uids: Sequence[str]) -> dict[str, bytes]:
        """Small pictures (JPEG) of some films, by SOP Instance UID; those without are left out."""
        query = (
            select(InstanceTable.sop_instance_uid, ThumbnailTable.content)
            .join(ThumbnailTable, ThumbnailTable.sha256 == InstanceTable.sha256)
            .where(InstanceTable.sop_instance_uid.in_(sop_instance_uids))
        )
        with self._database.reading(Right.FILMS) as session:
            return dict(session.execute(query).all())

    def study_thumbnails(self, study_instance_uids: Sequence[str]) -> dict[str, bytes]:
        """Small pictures (JPEG) of the first film of some studies, by Study Instance UID."""
        study = InstanceTable.study_instance_uid
        firsts = (
            select(study, func.min(InstanceTable.position))
            .where(study.in_(study_instance_uids))
            .group_by(study)
        )
        query = select(study, ThumbnailTable.content).join(
            ThumbnailTable, ThumbnailTable.sha256 == InstanceTable.sha256
        )
        with self._database.reading(Right.FILMS) as session:
            heads = [tuple(head) for head in session.execute(firsts)]
            query = query.where(tuple_(study, InstanceTable.position).in_(heads))
            return dict(session.execute(query).all()) if heads else {}
