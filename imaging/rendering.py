"""Pictures for the screen: attribution overlays, their colour bar, thumbnails, PNG bytes.

numpy in, Pillow or PNG out; nothing here knows DICOM, and no source array is ever changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps
from PIL.PngImagePlugin import PngInfo

from imaging.entities import RESEARCH_USE

_INFERNO = (  # nine anchors of matplotlib's inferno (CC0), even steps of lightness
    (0, 0, 4), (27, 12, 65), (74, 12, 107), (120, 28, 109), (165, 44, 96), (207, 68, 70),
    (237, 105, 37), (251, 155, 6), (252, 255, 164),
)  # fmt: skip
_BLUE_ORANGE = (  # lighter with magnitude on both sides, as evidence glows on a dark film;
    # safe for colour-blind readers. Nothing shows at the middle, where the cover is nil.
    (150, 215, 255), (95, 175, 245), (50, 130, 220), (30, 85, 165), (60, 60, 70),
    (165, 80, 10), (220, 120, 15), (245, 165, 50), (255, 210, 120),
)  # fmt: skip
_BAR_WIDTH = 240
Edges = tuple[float, float, float, float]
WHOLE: Edges = (0.0, 0.0, 1.0, 1.0)
_LARGEST_SIDE = 32_768  # pixels; no pixel is stretched beyond
_PLANES = (40, 220, 110)  # of the file's overlays; the viewer's planes.ts has the same
_INK, _PAPER, _MARK = (235, 235, 235), (18, 18, 18), (255, 200, 60)


def colour_table(*, signed: bool) -> NDArray[np.uint8]:
    """The colours of a map, from lowest to highest value.

    Returns
    -------
    numpy.ndarray
        (256, 3), uint8 sRGB: blue - dark - orange for signed maps, else black - red - yellow.
    """
    anchors = np.array(_BLUE_ORANGE if signed else _INFERNO, dtype=np.float64)
    at, steps = np.linspace(0, 1, len(anchors)), np.linspace(0, 1, 256)
    channels = [np.interp(steps, at, anchors[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def film_picture(
    values: NDArray[np.uint8], *, overlay: NDArray[np.bool_] | None = None, aspect: float = 1.0
) -> NDArray[np.uint8]:
    """A film as it is shown before anybody turns a knob: its overlay planes, its pixels' shape.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns) or (rows, columns, 3), uint8 display values.
    overlay : numpy.ndarray, optional
        (rows, columns) bool: where the file draws something over its picture.
    aspect : float
        Height of a pixel over its width.

    Returns
    -------
    numpy.ndarray
        Grey as it came where there is no overlay, else RGB. Pixels that are not square are
        stretched along their longer side, so that none is lost.
    """
    rows, columns = values.shape[:2]
    tall = min(round(rows * max(aspect, 1.0)), max(rows, _LARGEST_SIDE))
    wide = min(round(columns / min(aspect, 1.0)), max(columns, _LARGEST_SIDE))
    stretched = (tall, wide) != (rows, columns)
    if stretched:
        film = Image.fromarray(values).resize((wide, tall), Image.Resampling.BILINEAR)
        values = np.asarray(film)
    if overlay is None:
        return values
    if stretched:
        mask = Image.fromarray(overlay).resize((wide, tall), Image.Resampling.NEAREST)
        overlay = np.asarray(mask)
    drawn = np.array(Image.fromarray(values).convert("RGB"))
    drawn[overlay] = _PLANES
    return drawn


def composite_overlay(
    film: NDArray[np.uint8],
    attribution: NDArray[np.floating],
    *,
    opacity: float = 0.6,
    threshold: float = 0.0,
    limit: float | None = None,
    signed: bool | None = None,
    seen: Edges = WHOLE,
) -> Image.Image:
    """Lay an attribution over a film.

    Parameters
    ----------
    film : numpy.ndarray
        (rows, columns) or (rows, columns, 3), uint8 display values.
    attribution : numpy.ndarray
        (h, w), float, any units; resized bilinearly to the film. NaN counts as 0.
    opacity : float
        0 to 1: how far the strongest colours cover the film.
    threshold : float
        0 to 1: fraction of `limit` below which nothing is laid over.
    limit : float, optional
        The magnitude that gets the full colour; the largest magnitude when None. Pass one value
        to compare pictures: scaling each by itself hides the absence of evidence.
    signed : bool, optional
        Which colours; by default signed when any value is negative.
    seen : tuple of float
        Top, left, bottom and right, in fractions, of the part of the film the network looked at;
        a thin line surrounds it unless it is all of the film.

    Returns
    -------
    PIL.Image.Image
        RGB, as large as the film. Cover grows with magnitude, so 0 leaves the film untouched.

    Raises
    ------
    ValueError
        If a shape, type or fraction is outside the above.
    """
    _check(film, attribution, opacity, threshold)
    rows, columns = film.shape[:2]
    values = np.nan_to_num(np.asarray(attribution, dtype=np.float32), posinf=0.0, neginf=0.0)
    signed = bool((values < 0).any()) if signed is None else signed
    limit = limit or float(np.abs(values).max())
    below = Image.fromarray(film).convert("RGB")
    if limit <= 0:
        return _outline(below, seen)
    small = Image.fromarray(np.clip(values / limit, -1 if signed else 0, 1))
    level = np.asarray(small.resize((columns, rows), Image.Resampling.BILINEAR))
    index = (level + 1) * 127.5 if signed else level * 255
    colours = colour_table(signed=signed)[np.rint(np.clip(index, 0, 255)).astype(np.uint8)]
    # The cover starts from nothing at the threshold: a hard cut would draw edges no map has.
    above = (np.abs(level) - threshold) / max(1 - threshold, 1e-6)
    cover = np.rint(np.clip(above, 0, 1) * opacity * 255).astype(np.uint8)
    overlay = Image.composite(Image.fromarray(colours), below, Image.fromarray(cover))
    return _outline(overlay, seen)


def _outline(picture: Image.Image, seen: Edges) -> Image.Image:
    """Surround a part of a picture with a thin line, in place."""
    if seen != WHOLE:
        top, left, bottom, right = seen
        wide, tall = picture.size
        corners = (left * (wide - 1), top * (tall - 1), right * (wide - 1), bottom * (tall - 1))
        width = max(1, round(max(picture.size) / 500))
        ImageDraw.Draw(picture).rectangle(corners, outline=_INK, width=width)
    return picture


def numbered_boxes(
    film: NDArray[np.uint8], boxes: Sequence[tuple[int, int, int, int]], *, size: int = 720
) -> Image.Image:
    """A film made smaller, with numbered rectangles.

    Parameters
    ----------
    film : numpy.ndarray
        (rows, columns) or (rows, columns, 3), uint8 display values.
    boxes : sequence of tuple of int
        Top, left, bottom and right in pixels of the film; numbered from 1.
    size : int
        Pixels of the longer side, at most.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    picture = Image.fromarray(film).convert("RGB")
    scale = min(1.0, size / max(picture.size))
    picture = picture.resize([max(1, round(side * scale)) for side in picture.size])
    tall = max(11, max(picture.size) // 32)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(tall)
    for number, box in enumerate(boxes, start=1):
        top, left, bottom, right = (round(edge * scale) for edge in box)
        draw.rectangle(
            (left, top, max(left, right - 1), max(top, bottom - 1)), outline=_MARK, width=2
        )
        above = top >= tall + 4
        at, anchor = ((left, top - 2), "ld") if above else ((left, bottom + 1), "la")
        draw.text(at, str(number), _MARK, font, anchor, stroke_width=1, stroke_fill=_PAPER)
    return picture


def colour_bar(
    *,
    method: str,
    signed: bool,
    labels: tuple[str, str, str] | None = None,
    width: int = 360,
) -> Image.Image:
    """The legend of an overlay: its colours, what their ends mean, the method, and its limits.

    Parameters
    ----------
    method : str
        Name of the attribution method.
    signed : bool
        Which colours, as in `composite_overlay`.
    labels : tuple[str, str, str], optional
        Words under the low end, zero and the high end; a map without sign has zero at its low
        end and leaves the middle word out.
    width : int
        Pixels; at least 120.

    Returns
    -------
    PIL.Image.Image
        (width, 72) RGB.
    """
    low, zero, high = labels or ("against" if signed else "none", "0", "for the finding")
    bar = Image.new("RGB", (width, 72), _PAPER)
    strip = np.repeat(colour_table(signed=signed)[None], 14, axis=0)
    bar.paste(Image.fromarray(strip).resize((width - 16, 14)), (8, 20))
    draw, font = ImageDraw.Draw(bar), ImageFont.load_default(11)
    draw.text((8, 4), method, _INK, font)
    draw.text((8, 37), low, _INK, font)
    draw.text((width - 8, 37), high, _INK, font, anchor="ra")
    if signed:
        draw.text((width // 2, 37), zero, _INK, font, anchor="ma")
    draw.text((8, 55), RESEARCH_USE, _INK, font)
    return bar


def text_band(lines: Sequence[str], *, width: int, ends: tuple[str, str] = ("", "")) -> Image.Image:
    """Lines of text on dark ground, to stand above or below a picture.

    Parameters
    ----------
    lines : sequence of str
        Top to bottom; a line wider than the band goes on below.
    width : int
        Pixels; at least 120.
    ends : tuple[str, str]
        Letters at the left and the right end of the first line, such as R and L.

    Returns
    -------
    PIL.Image.Image
        RGB, as wide as asked, 18 pixels for every line.
    """
    font = ImageFont.load_default(11)
    wrapped = [part for line in lines for part in _wrap_line(line, font, width - 16)] or [""]
    band = Image.new("RGB", (width, 18 * len(wrapped)), _PAPER)
    draw = ImageDraw.Draw(band)
    for index, line in enumerate(wrapped):
        draw.text((8, 18 * index + 3), line, _INK, font)
    draw.text((8, 3), ends[0], _INK, font)
    draw.text((width - 8, 3), ends[1], _INK, font, anchor="ra")
    return band


def _wrap_line(
    line: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int
) -> list[str]:
    """A line as the lines it takes; a word wider than the band is cut."""
    lines = [""]
    for word in line.split():
        for part in [word] if font.getlength(word) <= width else list(word):
            longer = f"{lines[-1]} {part}" if lines[-1] and part == word else lines[-1] + part
            lines = [*lines[:-1], longer] if font.getlength(longer) <= width else [*lines, part]
    return lines


def overlay_png(
    film: NDArray[np.uint8],
    attribution: NDArray[np.floating],
    *,
    method: str = "",
    opacity: float = 0.6,
    threshold: float = 0.0,
    limit: float | None = None,
    signed: bool | None = None,
    seen: Edges = WHOLE,
) -> bytes:
    """`composite_overlay` as PNG bytes, with its colour bar below when a method is named.

    Parameters
    ----------
    method : str
        Name of the attribution method; without it the picture stands alone and is exactly as
        large as the film. The other parameters and errors are those of `composite_overlay`.

    Returns
    -------
    bytes
        A PNG file.
    """
    signed = bool((attribution < 0).any()) if signed is None else signed
    overlay = composite_overlay(
        film,
        attribution,
        opacity=opacity,
        threshold=threshold,
        limit=limit,
        signed=signed,
        seen=seen,
    )
    if not method:
        return png_bytes(overlay)
    bar = colour_bar(method=method, signed=signed, width=max(overlay.width, _BAR_WIDTH))
    sheet = Image.new("RGB", (bar.width, overlay.height + bar.height), _PAPER)
    sheet.paste(overlay, ((bar.width - overlay.width) // 2, 0))
    sheet.paste(bar, (0, overlay.height))
    return png_bytes(sheet)


def captioned_png(film: NDArray[np.uint8], lines: Sequence[str]) -> bytes:
    """A film as it is with lines of text below: a PNG file.

    Parameters
    ----------
    film : numpy.ndarray
        Display values, (rows, columns) or (rows, columns, 3), uint8.
    lines : sequence of str
    """
    band = text_band(lines, width=max(film.shape[1], _BAR_WIDTH))
    sheet = Image.new("RGB", (band.width, film.shape[0] + band.height), _PAPER)
    sheet.paste(Image.fromarray(film), ((band.width - film.shape[1]) // 2, 0))
    sheet.paste(band, (0, film.shape[0]))
    return png_bytes(sheet)


def thumbnail(display_values: NDArray[np.uint8], *, size: int = 96) -> bytes:
    """A small PNG of a frame that keeps its shape.

    Parameters
    ----------
    display_values : numpy.ndarray
        (rows, columns) or (rows, columns, 3), uint8.
    size : int
        Pixels of the longer side.

    Returns
    -------
    bytes
        A PNG file.
    """
    return png_bytes(ImageOps.contain(Image.fromarray(display_values), (size, size)))


def film_thumbnail(values: NDArray[np.floating], *, size: int = 96) -> bytes:
    """A small JPEG of a film for a list, in a window of its own: its middle 98 % of grey levels.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), any linear scale, larger is brighter. Finite.
    size : int
        Pixels of the longer side.

    Returns
    -------
    bytes
        A JPEG file; empty for a film without pixels.
    """
    if not values.size:
        return b""
    step = max(1, max(values.shape) // (4 * size))  # a list needs no better filter
    small = np.asarray(values[::step, ::step], dtype=np.float32)
    low, high = np.percentile(small, (1, 99))
    grey = np.clip((small - low) / max(high - low, 1e-12) * 255, 0, 255).astype(np.uint8)
    buffer = BytesIO()
    picture = ImageOps.contain(Image.fromarray(grey), (size, size))
    picture.save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def png_bytes(picture: Image.Image | NDArray[np.uint8], *, comment: str = "") -> bytes:
    """A picture or uint8 display values as a PNG file, without metadata but a comment."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = BytesIO()
    about = PngInfo()
    if comment:
        about.add_text("Comment", comment)
    image.save(buffer, "PNG", compress_level=1, pnginfo=about)
    return buffer.getvalue()


def _check(
    film: NDArray[np.uint8], attribution: NDArray[np.floating], opacity: float, threshold: float
) -> None:
    """Refuse what the overlay cannot mean."""
    grey_or_rgb = film.ndim == 2 or (film.ndim == 3 and film.shape[2] == 3)
    if film.dtype != np.uint8 or not grey_or_rgb:
        raise ValueError("film must be uint8, rows x columns or rows x columns x 3")
    if attribution.ndim != 2 or not attribution.size:
        raise ValueError("attribution must be rows x columns")
    if not (0 <= opacity <= 1 and 0 <= threshold <= 1):
        raise ValueError("opacity and threshold must lie in 0 to 1")
