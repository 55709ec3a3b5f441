"""A film made out of a photograph is read back as one, wherever its bytes went."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as PilImage
from PIL.PngImagePlugin import PngInfo

from imaging import typed_json
from imaging.dicom import read_image, write_derived
from imaging.dicom.derived_film import FROM_PHOTOGRAPH, MIRRORED
from imaging.entities import Instance, SourceKind
from imaging.store.schema import json_codec
from tests.factories import make_film_bytes
from tests.imaging.test_derivation import MADE
from tests.photographs import chest

FILM = chest(60, 50, 1)


@pytest.mark.parametrize("deep", [False, True])
def test_a_derived_film_joins_the_study_of_its_photograph(deep: bool) -> None:
    values = FILM.astype(np.uint16) * 257 if deep else FILM
    image = read_image(write_derived(values, MADE), file_name="x.png")
    assert image.instance.derivation == MADE
    assert image.instance.identity.study_instance_uid == MADE.study_instance_uid
    assert image.instance.identity.sop_instance_uid != MADE.source_sop_instance_uid
    assert image.instance.source is SourceKind.FILM
    assert np.array_equal(image.stored_values(), values)


def test_no_length_on_it_is_in_millimetres_and_it_says_so() -> None:
    image = read_image(write_derived(FILM, replace(MADE, mirrored=False)))
    assert image.instance.geometry.pixel_spacing is None
    assert image.remarks == (FROM_PHOTOGRAPH,)


def test_a_mirrored_film_says_that_a_reader_mirrored_it() -> None:
    assert read_image(write_derived(FILM, MADE)).remarks == (FROM_PHOTOGRAPH, MIRRORED)


def test_its_derivation_survives_the_store_and_the_pipe() -> None:
    instance = read_image(write_derived(FILM, MADE)).instance
    assert json_codec.instance_from_json(json_codec.instance_to_json(instance)) == instance
    assert typed_json.read(Instance, typed_json.write(instance)) == instance


def test_a_header_from_before_there_were_derivations_is_read() -> None:
    instance = read_image(make_film_bytes(FILM)).instance
    values = json_codec.instance_to_json(instance)
    del values["derivation"]
    assert json_codec.instance_from_json(values) == instance


@pytest.mark.parametrize("note", ["", "{", "[]", '{"study_instance_uid": "1.2"}', "[" * 9999])
def test_a_damaged_note_makes_no_derived_film(note: str) -> None:
    info, buffer = PngInfo(), BytesIO()
    info.add_itxt("Lightbox derivation", note)
    PilImage.fromarray(FILM).save(buffer, "PNG", pnginfo=info)
    image = read_image(buffer.getvalue())
    assert image.instance.derivation is None and not image.remarks
    assert image.instance.identity.study_instance_uid.startswith("2.25.")
