"""Files that lie elsewhere: nothing is read over a link that came later, nor down a chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import NotDicomError, SettingsError
from imaging.locations import is_linked, read_place


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film in a folder two deep."""
    folder = tmp_path.resolve() / "ward" / "today"
    folder.mkdir(parents=True)
    (folder / "film.dcm").write_bytes(b"film")
    return folder / "film.dcm"


@pytest.mark.parametrize("up", [0, 1, 2], ids=["file", "folder", "folder above"])
def test_what_became_a_link_is_not_read(film: Path, up: int, tmp_path: Path) -> None:
    assert read_place(str(film), linked=False) == b"film"
    assert not is_linked(str(film))
    replaced = [film, *film.parents][up]
    replaced.rename(tmp_path / "elsewhere")
    replaced.symlink_to(tmp_path / "elsewhere")
    assert is_linked(str(film))
    with pytest.raises(NotDicomError, match="replaced by a link"):
        read_place(str(film), linked=False)
    assert read_place(str(film)) == b"film", "who names a link at the terminal means it"


def test_no_chain_is_followed(film: Path) -> None:
    with pytest.raises(SettingsError, match="leads on to another"):
        read_place(f"memory://a::file://{film}")
