"""The finder of burned-in text: a name is covered, a side marker is left alone."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.burned_in import draw, figures
from imaging.dicom import Profile, read_image, release
from imaging.dicom.deidentify import burned_in_text
from imaging.dicom.deidentify.burned_in_text import (
    MOST_FRAMES,
    Box,
    find_text,
    join_boxes,
    search,
    search_file,
)
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.errors import PixelDataError, SettingsError
from tests.factories import make_dicom_bytes, make_pixels


def written(
    *lines: tuple[str, int, int],
    shape: tuple[int, int] = (300, 400),
    ink: int = 230,
    size: int = 24,
) -> NDArray[np.uint8]:
    """A soft ramp of greys, with lines of text at columns and rows."""
    ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * 90 // sum(shape)
    picture = Image.fromarray((ramp + 20).astype(np.uint8))
    for text, left, top in lines:
        ImageDraw.Draw(picture).text((left, top), text, ink, ImageFont.load_default(size))
    return np.asarray(picture)


def uncovered(plain: NDArray[np.uint8], picture: NDArray[np.uint8], boxes: tuple[Box, ...]) -> int:
    """How many pixels of the text no box covers."""
    ink = picture != plain
    for top, left, bottom, right in boxes:
        ink[top:bottom, left:right] = False
    return int(ink.sum())


@pytest.mark.slow
@pytest.mark.parametrize("ink", [255, 0, 140])
@pytest.mark.parametrize("colour", [False, True])
def test_a_name_and_a_date_are_covered(ink: int, colour: bool) -> None:
    picture = written(("DOE^JANE", 20, 15), ("12.03.1987", 240, 260), ink=ink)
    shown = np.stack([picture] * 3, axis=-1) if colour else picture
    before = shown.copy()
    boxes = find_text(shown)
    assert len(boxes) == 2 and uncovered(written(), picture, boxes) == 0
    assert sum((b - t) * (r - left) for t, left, b, r in boxes) < 0.2 * picture.size
    np.testing.assert_array_equal(shown, before)


@pytest.mark.slow
def test_a_side_marker_and_a_plain_film_are_left_alone() -> None:
    assert find_text(written(("R", 30, 30), size=40)) == ()
    assert find_text(written()) == () and find_text(np.zeros((5, 900), np.uint8)) == ()


@pytest.mark.slow
def test_small_letters_of_a_large_film_are_found_in_its_last_corner() -> None:
    shape = (900, 1100)
    picture = written(("ID 4711028", 960, 870), shape=shape, size=18)
    assert uncovered(written(shape=shape), picture, find_text(picture)) == 0


def test_text_outside_the_window_is_found() -> None:
    grey = written().astype(np.uint16) + 3000
    grey[written(("DOE^JANE", 20, 15), ink=0) != written()] = 3600
    content = make_dicom_bytes(grey, WindowCenter="600", WindowWidth="400")
    image = read_image(content)
    assert np.unique(image.display_values()).size == 1 and len(search(image).boxes) == 1


@pytest.mark.slow
def test_frames_are_looked_at_and_counted() -> None:
    frames = np.stack([np.zeros((200, 200), np.uint8)] * (MOST_FRAMES + 1))
    frames[-1] = written(("DOE^JANE", 10, 15), shape=(200, 200), size=16)
    found = search_file(make_dicom_bytes(frames))
    assert len(found.boxes) == 1
    assert (found.frames, found.total_frames) == (MOST_FRAMES, MOST_FRAMES + 1)


@pytest.mark.slow
def test_nothing_is_found_once_it_is_black() -> None:
    content = make_dicom_bytes(written(("DOE^JANE", 20, 15), ("MRN 4711", 20, 250)))
    boxes = search_file(content).boxes
    made = release(content, Project(bytes(32)), Profile(masks=boxes))
    assert len(boxes) == 2 and search_file(made.content).boxes == ()


def test_boxes_of_one_line_become_one() -> None:
    line = ((10, 0, 30, 50), (11, 45, 31, 90), (9, 80, 29, 120))
    assert join_boxes([*line, (28, 0, 48, 50)]) == ((9, 0, 31, 120), (28, 0, 48, 50))


def test_a_missing_engine_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    monkeypatch.setattr(burned_in_text, "_engine", burned_in_text._engine.__wrapped__)
    with pytest.raises(SettingsError, match="rapidocr"):
        find_text(make_pixels(bits=8).astype(np.uint8))


def test_a_failing_engine_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_picture: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(burned_in_text, "_engine", lambda: fail)
    with pytest.raises(PixelDataError, match="look at it yourself"):
        find_text(make_pixels(bits=8).astype(np.uint8))


def test_the_bench_knows_where_its_ink_is() -> None:
    film = np.full((400, 600), 120, np.uint8)
    drawn, lines = draw(film, random.Random(1))
    changed = np.abs(drawn.astype(int) - film) > 0
    ink = np.sum([line.ink for line in lines], axis=0)
    assert len(lines) == 6 and ink.max() == 1 and (changed[ink == 1]).all()
    told = figures([(lines[0], 1.0), (lines[1], 0.5)], [0.0, 0.2], [0, 1])
    assert told["found"] == 0.5 and told["touched"] == 1.0 and told["films_with_text_left"] == 1


def test_damaged_weights_are_fetched_from_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """RapidOCR fetches weights anew whose hash is wrong; here that is one sentence."""
    from rapidocr.utils import download_file

    def leave(*_what: object, **_how: object) -> None:
        raise AssertionError("a request would have left this computer")

    monkeypatch.setattr(download_file.DownloadFile, "_should_skip_download", lambda *_: False)
    monkeypatch.setattr(download_file.requests, "get", leave)
    burned_in_text._engine.cache_clear()
    try:
        with pytest.raises(PixelDataError, match="reinstall"):
            find_text(written())
    finally:
        burned_in_text._engine.cache_clear()
