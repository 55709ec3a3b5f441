"""Stored originals as pictures, decoded elsewhere: what pages, explanations and exports ask for."""

from __future__ import annotations

from functools import partial

from imaging.decoding import DistantImage, Source, read_image
from imaging.entities import Instance
from imaging.store import Repository


def source_of(repository: Repository, sha256: str) -> Source:
    """An original by its hash; its bytes are read, and checked, when a decoder needs them."""
    return Source(sha256, partial(repository.originals.content, sha256))


def read_original(repository: Repository, instance: Instance) -> DistantImage:
    """A stored film, by what its file says of itself.

    Raises
    ------
    StoreError
        If the original is gone or was altered.
    InputError
        If it cannot be read (any more).
    DecodersBusyError
        If others were served until patience ended.
    """
    source = source_of(repository, instance.identity.sha256)
    return read_image(source, file_name=instance.file_name, expected=instance.geometry)
