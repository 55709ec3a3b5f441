"""Compressed grey films, encoded here: decoded exactly, by the decoder that lets others go on."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder

from bench.decode import encoded, film
from imaging.dicom import codecs, layout, pixels
from imaging.errors import PixelDataError


@pytest.mark.parametrize("name", ["raw", "rle", "jpegll", "jpegls", "j2k", "htj2k"])
def test_a_film_comes_back_bit_for_bit(name: str) -> None:
    values = film(96)
    ds = encoded(name, values)
    geometry = layout.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    assert np.array_equal(pixels.decode_frame(ds, geometry, 0), values)


@pytest.mark.parametrize("name", ["jpegll", "jpegls", "j2k"])
def test_the_plugin_alone_decodes_it(name: str) -> None:
    values = film(64)
    ds = encoded(name, values)
    decoder = get_decoder(ds.file_meta.TransferSyntaxUID)
    found, _ = decoder.as_array(ds, decoding_plugin=codecs.LABEL)
    assert np.array_equal(found, values)


def test_what_one_decoder_declines_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def declines(_data: bytes) -> np.ndarray:
        raise ValueError("not mine")

    values = film(64)
    ds = encoded("j2k", values)
    monkeypatch.setitem(codecs._DECODERS, ds.file_meta.TransferSyntaxUID, declines)
    geometry = layout.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    assert np.array_equal(pixels.decode_frame(ds, geometry, 0), values)


@pytest.mark.parametrize("name", ["jpegll", "jpegls", "j2k", "htj2k"])
def test_a_frame_with_a_hole_is_no_picture(name: str) -> None:
    """imagecodecs' own HTJ2K decoder hands out unwritten memory for this one."""
    ds = encoded(name, film(256))
    geometry = layout.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    data = get_frame(ds.PixelData, 0, number_of_frames=1)
    half = len(data) // 2
    ds.PixelData = encapsulate([data[:half] + data[half + 200 :]])
    with pytest.raises((RuntimeError, ValueError, PixelDataError)):
        pixels.decode_frame(ds, geometry, 0)
