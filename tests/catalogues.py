"""A folder of catalogues in the place of the one that ships, for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from pytest import MonkeyPatch

from imaging.language import catalogue


def write_catalogue(folder: Path, messages: Catalog) -> None:
    """Compile a catalogue to the place where its language is looked for."""
    place = folder / str(messages.locale_identifier) / "LC_MESSAGES"
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{catalogue.DOMAIN}.mo").open("wb") as stream:
        write_mo(stream, messages)


@contextmanager
def catalogues(folder: Path) -> Iterator[None]:
    """Look for languages in another folder."""
    with MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "FOLDER", folder)
        _forget()
        yield
    _forget()


def _forget() -> None:
    for kept in (catalogue.languages, catalogue.catalogue, catalogue._nearest):
        kept.cache_clear()
    catalogue._replacements.cache_clear()
