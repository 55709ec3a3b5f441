"""One picture as the viewer first shows it, as a PNG.

    python cli.py render film.dcm --out film.png --frame 2

The first window of the file (else the automatic one), its polarity, its overlay planes and the
shape of its pixels: through the functions that the viewer and the exports use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imaging.dicom import Image, read_image
from imaging.entities import RESEARCH_USE
from imaging.errors import ExportError, UnsupportedImageError
from imaging.language import _, sentence
from imaging.rendering import film_picture, png_bytes


def render(
    file: Annotated[Path, typer.Argument(help="A DICOM file, or a PNG, JPEG or TIFF image.")],
    out: Annotated[Path, typer.Option(help="The PNG file to write.")],
    frame: Annotated[
        int | None, typer.Option(min=1, help="Frame as stored, from 1; else the first shown.")
    ] = None,
) -> None:
    """Write the picture as the viewer first shows it."""
    image = read_image(file)
    frames = image.instance.geometry.frames
    if frame is not None and frame > frames:
        raise UnsupportedImageError(f"The file has {frames} frame(s); choose one of them.")
    if out.exists() and out.samefile(file):
        raise ExportError("The picture would be written over the image; choose another file.")
    at = image.frame_order[0] if frame is None else frame - 1
    content = render_png(image, at)
    try:
        out.write_bytes(content)
    except OSError as exc:
        raise ExportError(
            "The picture cannot be written; check that its folder exists and is not full."
        ) from exc
    for words in (*image.remarks, *image.overlay_planes().undrawn):
        typer.echo(f"\u26a0 {sentence(words)}")
    written = _("Frame {number} of {count} written.").format(number=at + 1, count=frames)
    typer.echo(f"{written} {_(RESEARCH_USE)}.")


def render_png(image: Image, frame: int) -> bytes:
    """A frame as the viewer first shows it.

    Parameters
    ----------
    image : Image
    frame : int
        As stored, from 0.

    Returns
    -------
    bytes
        A PNG file, grey where no colour is in it; its metadata says that it is for research.

    Raises
    ------
    PixelDataError
        If the frame cannot be decoded.
    """
    picture = film_picture(
        image.display_values(frame),
        overlay=image.overlay_mask(frame),
        aspect=image.pixel_aspect,
    )
    return png_bytes(picture, comment=RESEARCH_USE)
