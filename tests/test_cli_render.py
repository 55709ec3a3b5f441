"""`cli.py render`: the picture as the viewer first shows it, as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage
from typer.testing import CliRunner

import cli
from imaging.errors import AssistantError
from tests.factories import make_dicom_bytes

FRAMES = np.stack([np.full((8, 8), 1000 * level, np.uint16) for level in range(3)])


def render(folder: Path, *arguments: str, content: bytes | None = None) -> str:
    """What the terminal says; our own errors come through."""
    film = folder / "film.dcm"
    window = {"WindowCenter": 1500, "WindowWidth": 3000}
    film.write_bytes(content or make_dicom_bytes(FRAMES, **window))
    result = CliRunner().invoke(cli.app, ["render", str(film), *arguments])
    if isinstance(result.exception, AssistantError):
        raise result.exception
    return result.output


def test_a_frame_is_written_and_both_say_what_it_is_for(tmp_path: Path) -> None:
    out = tmp_path / "film.png"
    said = render(tmp_path, "--out", str(out), "--frame", "3")
    assert "Frame 3 of 3" in said and "Research use - not for diagnosis" in said
    with PilImage.open(out) as picture:
        assert picture.info["Comment"] == "Research use - not for diagnosis"
        assert np.asarray(picture).min() > 150  # nothing is written over the picture


def test_what_fails_is_one_sentence(tmp_path: Path) -> None:
    out = str(tmp_path / "film.png")
    for arguments, content, words in (
        (("--out", out, "--frame", "4"), None, "3 frame"),
        (("--out", out), b"text, no picture", "text, not a picture"),
        (("--out", str(tmp_path / "nowhere" / "x.png")), None, "cannot be written"),
    ):
        with pytest.raises(AssistantError, match=words) as caught:
            render(tmp_path, *arguments, content=content)
        assert str(caught.value).count(".") == 1


def test_the_film_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(AssistantError, match="choose another file"):
        render(tmp_path, "--out", str(tmp_path / "film.dcm"))
    assert b"DICM" in (tmp_path / "film.dcm").read_bytes()


def test_what_is_odd_about_the_film_is_said(tmp_path: Path) -> None:
    """A picture whose colours are in doubt does not leave without a word."""
    dull = np.full((24, 32, 3), 128, np.uint8)
    content = make_dicom_bytes(dull, PhotometricInterpretation="YBR_ICT")
    said = render(tmp_path, "--out", str(tmp_path / "out.png"), content=content)
    assert "may be wrong" in said
