"""An image to its `Fidelity`: encoding, the chain of steps, and every caution."""

from __future__ import annotations

from imaging.dicom.fidelity import cautions, steps
from imaging.dicom.header.elements import integer
from imaging.dicom.header.error_boundary import border
from imaging.dicom.header.sop_classes import name_syntax
from imaging.dicom.image import Image
from imaging.dicom.pixels.padding import stored_range
from imaging.entities import SourceKind
from imaging.errors import PixelDataError
from imaging.fidelity import Caution, Fidelity, check_pixels

_UNREADABLE = "What this file says about its picture cannot be read; ask for it again."


def inspect_image(image: Image, *, frame: int = 0) -> Fidelity:
    """How a file becomes the picture on screen, and what to be wary of.

    Parameters
    ----------
    image : Image
        The picture.
    frame : int
        Counts from 0; the pixels of one frame are checked.

    Returns
    -------
    Fidelity
        Steps in the order of `Image.display_values`; remarks of the reader among the cautions.

    Raises
    ------
    PixelDataError
        If the frame cannot be decoded.
    ValueError
        If there is no such frame.
    """
    stored, luminance = image.stored_values(frame), image.luminance_values(frame)
    ds, instance = image._dataset, image.instance
    geometry, uid = instance.geometry, instance.identity.transfer_syntax_uid
    with border(PixelDataError, _UNREADABLE):
        preset, origin = steps.first_preset(ds, geometry, frame)
        return Fidelity(
            transfer_syntax_uid=uid,
            transfer_syntax="" if instance.source is SourceKind.FILM else name_syntax(uid),
            decoder=image.decoder(frame),
            rows=geometry.rows,
            columns=geometry.columns,
            frames=geometry.frames,
            samples_per_pixel=geometry.samples_per_pixel,
            bits_allocated=integer(ds, "BitsAllocated") or geometry.bits_stored,
            bits_stored=geometry.bits_stored,
            signed=steps.is_signed(ds),
            photometric_interpretation=geometry.photometric_interpretation,
            window_center=preset.window_center if preset else None,
            window_width=preset.window_width if preset else None,
            window_origin=origin,
            steps=steps.read_chain(ds, geometry, frame, preset),
            cautions=(
                *(Caution("remark", words) for words in image.remarks),
                *check_pixels(
                    stored,
                    luminance,
                    storable=stored_range(ds),
                    taken=instance.acquisition,
                    photometric=geometry.photometric_interpretation,
                ),
                *cautions.check_header(ds, instance),
            ),
        )
