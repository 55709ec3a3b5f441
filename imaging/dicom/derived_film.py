"""A film made out of a photograph or a larger picture, as a PNG that says so itself.

What was done stands in a text chunk of the file (PNG 11.3.3.4, iTXt), so that the film keeps its
origin wherever its bytes go: through the queue, the store, an export, another computer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL.PngImagePlugin import PngInfo

from imaging.derivation import derivation_from_json, derivation_to_json
from imaging.dicom.image import Image
from imaging.entities import Derivation

_KEYWORD = "Lightbox derivation"
FROM_PHOTOGRAPH = (
    "This image was cropped and straightened from a photograph: nothing on it can be "
    "measured in millimetres."
)
MIRRORED = "A doctor mirrored this image: left and right are swapped against the photograph."


def write_derived(values: NDArray[Any], derivation: Derivation) -> bytes:
    """A grey film as a PNG that carries its derivation.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), uint8 or uint16.
    derivation : Derivation
        Where it comes from, and who made it.
    """
    note = PngInfo()
    note.add_itxt(_KEYWORD, json.dumps(derivation_to_json(derivation)))
    buffer = BytesIO()
    PilImage.fromarray(np.ascontiguousarray(values)).save(buffer, "PNG", pnginfo=note)
    return buffer.getvalue()


def with_derivation(film: Image, content: bytes) -> Image:
    """The film as one of its source's study, where its file says that it was made from one.

    Parameters
    ----------
    film : Image
        As it was read from a PNG.
    content : bytes
        That file. A note that is damaged counts as none.

    Returns
    -------
    Image
        With `Instance.derivation` and the UID of the source's study; of a photograph with remarks
        that say so, of a region with its side.
    """
    derivation = _read_derivation(content)
    if derivation is None:
        return film
    identity = replace(film.instance.identity, study_instance_uid=derivation.study_instance_uid)
    instance = replace(film.instance, identity=identity, derivation=derivation)
    if derivation.is_region:
        taken = replace(instance.acquisition, laterality=derivation.side)
        return replace(film, instance=replace(instance, acquisition=taken))
    said = (FROM_PHOTOGRAPH, MIRRORED) if derivation.mirrored else (FROM_PHOTOGRAPH,)
    return replace(film, instance=instance, remarks=(*film.remarks, *said))


def _read_derivation(content: bytes) -> Derivation | None:
    """What a PNG says about its origin; None where it says nothing."""
    with PilImage.open(BytesIO(content), formats=("PNG",)) as film:
        note = film.info.get(_KEYWORD)
    if not isinstance(note, str):
        return None
    try:
        return derivation_from_json(json.loads(note))
    except (ValueError, RecursionError):
        return None
