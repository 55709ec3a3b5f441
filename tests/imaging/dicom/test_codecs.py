"""Compressed grey films, encoded here: decoded exactly, by the decoder that lets others go on."""

from __future__ import annotations

import random
import sys

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder

from bench.decode import encode_film, film
from imaging.dicom.pixels import codecs, decoding, description
from imaging.dicom.pixels.codestream import check_codestream
from imaging.entities import Geometry
from imaging.errors import PixelDataError


@pytest.mark.parametrize("name", ["raw", "rle", "jpegll", "jpegls", "j2k", "htj2k"])
def test_a_film_comes_back_bit_for_bit(name: str) -> None:
    values = film(96)
    ds = encode_film(name, values)
    geometry = description.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    assert np.array_equal(decoding.decode_frame(ds, geometry, 0), values)


@pytest.mark.parametrize("name", ["jpegll", "jpegls", "j2k"])
def test_the_plugin_alone_decodes_it(name: str) -> None:
    values = film(64)
    ds = encode_film(name, values)
    decoder = get_decoder(ds.file_meta.TransferSyntaxUID)
    found, _ = decoder.as_array(ds, decoding_plugin=codecs.LABEL)
    assert np.array_equal(found, values)


def test_what_one_decoder_declines_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def declines(_data: bytes) -> np.ndarray:
        raise ValueError("not mine")

    values = film(64)
    ds = encode_film("j2k", values)
    monkeypatch.setitem(codecs._DECODERS, ds.file_meta.TransferSyntaxUID, declines)
    geometry = description.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    assert np.array_equal(decoding.decode_frame(ds, geometry, 0), values)


@pytest.mark.parametrize("name", ["jpegll", "jpegls", "j2k", "htj2k"])
def test_a_frame_with_a_hole_is_no_picture(name: str) -> None:
    """imagecodecs' own HTJ2K decoder hands out unwritten memory for this one."""
    ds = encode_film(name, film(256))
    geometry = description.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    data = get_frame(ds.PixelData, 0, number_of_frames=1)
    half = len(data) // 2
    ds.PixelData = encapsulate([data[:half] + data[half + 200 :]])
    with pytest.raises((RuntimeError, ValueError, PixelDataError)):
        decoding.decode_frame(ds, geometry, 0)


def damaged(name: str, data: bytes, size: int) -> tuple[Dataset, Geometry]:
    """A film's dataset with another codestream."""
    ds = encode_film(name, film(size))
    ds.PixelData = encapsulate([data])
    return ds, description.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))


def codestream(name: str, size: int) -> bytes:
    """Of a film."""
    return get_frame(encode_film(name, film(size)).PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize("name", ["jpegll", "jpegls", "j2k", "htj2k"])
def test_a_frame_that_was_cut_is_refused_before_it_is_decoded(name: str) -> None:
    data = codestream(name, 64)
    for end in range(60, len(data) - 70, 37):
        ds, geometry = damaged(name, data[:end], 64)
        with pytest.raises(PixelDataError, match=r"stops before its end|no readable header"):
            check_codestream(ds, geometry, 0)


@pytest.mark.parametrize("end", [2, 3, 20, 63])
def test_jpeg2000_lacks_not_a_byte(end: int) -> None:
    for name in ("j2k", "htj2k"):
        data = codestream(name, 64).rstrip(b"\0")
        ds, geometry = damaged(name, data[:-end], 64)
        with pytest.raises(PixelDataError, match="stops before its end"):
            check_codestream(ds, geometry, 0)


@pytest.mark.parametrize("black", [False, True])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_openjph_gives_up_is_no_picture(black: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenJPEG is asked where OpenJPH gave up; rows that were never written are not shown."""
    monkeypatch.setattr(sys, "unraisablehook", codecs._note_dropped_error)
    values = film(128)
    values[-40:] *= not black  # the rows that were never written would be black too
    data, draw = bytes(imagecodecs.htj2k_encode(values, reversible=True)), random.Random(3)
    given_up = 0
    for _ in range(60):
        wound = bytearray(data)
        at = draw.randrange(130, len(data) - 16)
        wound[at : at + 8] = draw.randbytes(8)
        ds, geometry = damaged("htj2k", bytes(wound), 128)
        whole = imagecodecs.htj2k_decode(bytes(wound))
        lost = not np.asarray(whole)[-41:-40].any()  # a row that is bright in the film
        given_up += lost
        try:
            found = decoding.decode_frame(ds, geometry, 0)
        except (RuntimeError, ValueError, PixelDataError):
            continue
        assert not lost or found[-41:-40].any()
    assert given_up > 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_without_the_hook_a_black_last_row_is_decoded_by_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = film(64)
    values[-1] = 0
    data = bytes(imagecodecs.htj2k_encode(values, reversible=True))
    ds, geometry = damaged("htj2k", data, 64)
    monkeypatch.setattr(sys, "unraisablehook", codecs._note_dropped_error)
    assert decoding.decode(ds, geometry, 0)[1] == codecs.LABEL
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    found, name = decoding.decode(ds, geometry, 0)
    assert name == "pylibjpeg" and np.array_equal(found, values)


@pytest.mark.parametrize("name", ["jpegll", "jpegls", "j2k", "htj2k"])
@pytest.mark.parametrize("stored", [12, 14, 16])
@pytest.mark.parametrize("signed", [0, 1])
def test_the_fast_way_gives_what_pydicom_gives(name: str, stored: int, signed: int) -> None:
    """Signs and unused bits are treated alike, whatever the header says."""
    ds = encode_film(name, film(64))
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = stored, stored - 1, signed
    geometry = description.read_geometry(ds, str(ds.file_meta.TransferSyntaxUID))
    found, by = decoding.decode(ds, geometry, 0)
    expected, _ = get_decoder(ds.file_meta.TransferSyntaxUID).as_array(
        ds, decoding_plugin="pylibjpeg" if name == "htj2k" else codecs.LABEL
    )
    assert by == codecs.LABEL and found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
