"""Text that is burned into a picture, found by PP-OCR as RapidOCR carries it; nothing is fetched.

The weights lie in the wheel (Apache-2.0) and run on onnxruntime. What is found is a proposal: faint
text, very small or very large letters, handwriting, mirrored lines and faces may be missed.
`python -m bench.burned_in` measures on real films how much is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.image import Image
from imaging.dicom.reader import read_object
from imaging.errors import PixelDataError
from imaging.optional import import_optional

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels, the last two not included
MOST_FRAMES = 8  # that are looked at, spread evenly over a longer film
# Pixels a side of what the engine is given; it overlooks a lone line in a larger empty picture.
_TILE, _OVERLAP, _SMALLEST = 640, 160, 256
_ROUNDS = 2  # what is left of a line is found once the rest of it is black
# `python -m bench.burned_in` shows what these do.
_SURE = 0.6  # of what was read, 0 to 1: shadows of ribs are read too, but not surely
_FEWEST = 2  # letters or digits: one alone names nobody, and left and right hang on a lone L or R
_TALLEST = 0.15  # of the picture's shorter side; anatomy is taken for larger letters
_ALONG, _ACROSS, _LEAST = 1.5, 0.4, 3  # margin in heights of the line; and in pixels
_FAILED = "The search for burned-in text failed on this picture: look at it yourself."
_DAMAGED = (
    "The weights of the search for burned-in text are missing or damaged; reinstall Lightbox."
)
_ONE_AT_A_TIME = Lock()  # the engine is shared, and keeps sizes of the picture at work in itself


@dataclass(frozen=True, slots=True)
class Search:
    """Text found in a picture.

    Attributes
    ----------
    boxes : tuple of Box
        Parts to blacken, in all frames; from top to bottom.
    frames, total_frames : int
        How many frames were looked at, `MOST_FRAMES` at most, and how many there are.
    """

    boxes: tuple[Box, ...]
    frames: int
    total_frames: int = 0


def search(image: Image) -> Search:
    """Look for text in a picture's frames, through its first window and through the widest.

    Raises
    ------
    InputError
        If a frame cannot be decoded, or the search fails.
    SettingsError
        If the engine is not installed.
    """
    count = image.instance.geometry.frames
    frames = sorted({round(at) for at in np.linspace(0, count - 1, min(count, MOST_FRAMES))})
    boxes = [box for at in frames for view in _render_views(image, at) for box in find_text(view)]
    return Search(join_boxes(boxes), len(frames), count)


def search_file(content: bytes) -> Search:
    """`search` in a DICOM file; one without a picture has no text burned into it.

    Raises
    ------
    InputError
        If the file or a frame cannot be read, or the search fails.
    SettingsError
        If the engine is not installed.
    """
    parsed = read_object(content)
    return search(parsed) if isinstance(parsed, Image) else Search((), 0)


def find_text(display_values: NDArray[np.uint8]) -> tuple[Box, ...]:
    """Rectangles around the lines of text in a picture, with a margin.

    Parameters
    ----------
    display_values : numpy.ndarray
        (rows, columns) or (rows, columns, 3), uint8.

    Returns
    -------
    tuple of Box
        From top to bottom. A lone letter, such as a side marker, is left out.

    Raises
    ------
    PixelDataError
        If the search fails.
    SettingsError
        If the engine is not installed.
    """
    grey = display_values.ndim == 2
    picture = np.stack([display_values] * 3, axis=-1) if grey else display_values.copy()
    boxes: list[Box] = []
    for part in _tiles(*picture.shape[:2]):
        for _ in range(_ROUNDS):
            new = [_add_margin(line, picture.shape) for line in _find_lines(picture, *part)]
            boxes += new
            for top, left, bottom, right in new:
                picture[top:bottom, left:right] = 0
            if not new:
                break
    return join_boxes(boxes)


def join_boxes(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Make one box of those that overlap along a line; from top to bottom."""
    done: list[Box] = []
    for box in sorted(set(boxes)):
        grown = box
        while (other := next((old for old in done if _same_line(old, grown)), None)) is not None:
            done.remove(other)
            grown = (
                *(min(a, b) for a, b in zip(grown[:2], other[:2], strict=True)),
                *(max(a, b) for a, b in zip(grown[2:], other[2:], strict=True)),
            )  # type: ignore[assignment]
        done.append(grown)
    return tuple(sorted(done))


def _same_line(box: Box, other: Box) -> bool:
    """True where two boxes overlap, for most of the lower one's height."""
    tall = min(box[2], other[2]) - max(box[0], other[0])
    wide = min(box[3], other[3]) - max(box[1], other[1])
    return wide > 0 and tall > 0.5 * min(box[2] - box[0], other[2] - other[0])


def _render_views(image: Image, frame: int) -> Iterator[NDArray[np.uint8]]:
    """A frame as it is shown, and with every grey level it has where that is another picture."""
    shown = image.display_values(frame)
    yield shown
    if shown.ndim == 2:
        wide = image.display_values(frame, preset=image.full_range_preset(frame))
        if not np.array_equal(shown, wide):
            yield wide


def _find_lines(
    picture: NDArray[np.uint8], top: int, left: int, step: int
) -> Iterator[tuple[float, float, float, float]]:
    """Top, left, bottom and right of every line that is read for sure in a part of a picture."""
    tallest = _TALLEST * min(picture.shape[:2])
    tile = picture[top : top + step * _TILE : step, left : left + step * _TILE : step]
    for corners, words, score in _read(tile):
        low, high = corners.min(axis=0) * step, corners.max(axis=0) * step
        letters = sum(letter.isalnum() for letter in words)
        if score >= _SURE and letters >= _FEWEST and min(high - low) <= tallest:
            yield top + low[1], left + low[0], top + high[1], left + high[0]


def _tiles(rows: int, columns: int) -> Iterator[tuple[int, int, int]]:
    """Top, left and step of the parts to read: a large film in pieces, and thinned out as one."""
    step = -(-max(rows, columns) // _TILE)
    yield 0, 0, step
    if step > 1:
        yield from ((top, left, 1) for top in _starts(rows) for left in _starts(columns))


def _starts(length: int) -> list[int]:
    """Where the pieces of a side begin; the last one ends with it."""
    last = max(length - _TILE, 0)
    return sorted({min(at, last) for at in range(0, length - _OVERLAP, _TILE - _OVERLAP)} | {0})


def _read(tile: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.float32], str, float]]:
    """Corners (4, 2) as column and row, what is read there, and how sure that is."""
    rows, columns = tile.shape[:2]
    more = ((0, max(0, _SMALLEST - rows)), (0, max(0, _SMALLEST - columns)), (0, 0))
    padded = np.pad(tile, more, mode="edge")  # a sliver would be enlarged beyond all memory
    with _ONE_AT_A_TIME:
        engine = _engine()
        try:
            result = engine(padded)
        except PixelDataError:
            raise
        except Exception as exc:  # of OpenCV or onnxruntime
            raise PixelDataError(_FAILED) from exc
    if result.boxes is not None and result.txts is not None:
        yield from zip(np.asarray(result.boxes), result.txts, result.scores, strict=True)


def _add_margin(line: tuple[float, float, float, float], shape: tuple[int, ...]) -> Box:
    """A line with its margin, inside the picture; wider along the line, whose ends are missed."""
    top, left, bottom, right = line
    height = min(bottom - top, right - left)
    along, across = max(_LEAST, _ALONG * height), max(_LEAST, _ACROSS * height)
    upright = bottom - top > right - left
    down, aside = (along, across) if upright else (across, along)
    return (
        max(0, int(top - down)),
        max(0, int(left - aside)),
        min(shape[0], int(bottom + down) + 1),
        min(shape[1], int(right + aside) + 1),
    )


@cache
def _engine() -> Any:
    """The engine, whose weights are loaded when it first reads; it writes to no log."""
    feature = "the search for burned-in text"
    rapidocr = import_optional("rapidocr", feature=feature)
    downloads = import_optional("rapidocr.utils.download_file", feature=feature, package="rapidocr")
    downloads.DownloadFile._make_http_request = _fetch_nothing  # what is damaged it would fetch
    chosen = {"Global.log_level": "critical", "Global.use_cls": False, "Global.text_score": 0.0}
    return rapidocr.RapidOCR(params=chosen)


def _fetch_nothing(*_what: object) -> None:
    """Instead of RapidOCR's request for weights that are not as they were installed."""
    raise PixelDataError(_DAMAGED)
