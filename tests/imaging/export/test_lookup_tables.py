"""A presentation state holds the tables that were applied: every viewer shows what was shown."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from imaging.dicom import read_image, read_presentation
from imaging.dicom.pixels.lookup_table import Lut, read_lut, settle_depth
from imaging.errors import ExportError
from imaging.export import export_case
from imaging.export.study.lookup_tables import modality_lut_item, voi_lut_item
from imaging.study import StudyRecord
from tests.factories import to_bytes
from tests.imaging.dicom.test_lookup_table import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    INPUTS,
    film,
    first_input,
    ramp,
    table_item,
)
from tests.imaging.export_cases import NOW, SAID, case_with
from tests.imaging.peers import dciodvfy, peer, render
from tests.imaging.report_files import report_files

CURVE = (np.arange(4096) ** 2 // 4095).astype(np.uint16)
STEPS = (np.arange(4096) * 16 + 15).astype(np.uint16)[::-1]  # to all 16 bits


def state_of(content: bytes) -> bytes:
    """The presentation state of a film that nobody has read."""
    instance = read_image(content).instance
    identity = instance.identity
    record = StudyRecord(identity.study_instance_uid, (instance,), (None,), (), SAID)
    case = case_with(record, {identity.sop_instance_uid: content})
    (file,) = export_case(case, ["gsps"], NOW)
    return file.content


def differences(content: bytes, folder: Path) -> tuple[int, int]:
    """How far what the state shows is from what was shown, grey levels: in Lightbox, in DCMTK."""
    image, state = read_image(content), state_of(content)
    shown = image.display_values().astype(int)
    staging = read_presentation(state).on(image)
    assert staging.remarks == () and not staging.presentation.inverted
    paths = folder / "film.dcm", folder / "state.dcm"
    for path, written in zip(paths, (content, state), strict=True):
        path.write_bytes(written)
    with PilImage.open(render(*paths, folder)) as picture:
        theirs = np.asarray(picture).astype(int)
    ours = staging.image.display_values(staging.presentation.frame).astype(int)
    return int(np.abs(ours - shown).max()), int(np.abs(theirs - shown).max())


def complaints(state: Path) -> list[str]:
    """What DCMTK's checker of presentation states and dicom3tools' validator find wrong."""
    done = subprocess.run(
        [peer("dcmpschk", "dcmtk"), str(state)], capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).splitlines()
    wrong = [line for line in said if "Affected attribute" in line]
    # DCMTK 3.6.7 refuses the offset from UTC that its own pattern allows
    return [line for line in wrong if "ContributionDateTime" not in line] + dciodvfy(state)


@pytest.mark.parametrize("number", ["02", "04"])
def test_a_reported_film_s_table_leaves_as_it_was_applied(
    number: str, data: Path, tmp_path: Path
) -> None:
    for path in report_files(data, number):
        ours, theirs = differences(path.read_bytes(), tmp_path)
        assert ours == 0 and theirs <= 1, path.name
        assert complaints(tmp_path / "state.dcm") == []


def test_the_descriptors_of_the_reports_are_the_effective_ones(data: Path) -> None:
    def descriptor(path: Path) -> tuple[str, list[int]]:
        ds = dcmread(BytesIO(state_of(path.read_bytes())))
        element = ds.SoftcopyVOILUTSequence[0].VOILUTSequence[0]["LUTDescriptor"]
        return element.VR, list(element.value)

    for path in report_files(data, "02"):
        representation, (_, first, _) = descriptor(path)
        assert representation == "SS" and first < 0, path.name
    (path,) = report_files(data, "04")
    assert descriptor(path)[1][2] == 16


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("vr", ["US", "SS"])
@pytest.mark.parametrize("name", INPUTS)
def test_a_voi_lut_of_any_sign_is_shown_alike(
    name: str, vr: str, syntax: uid.UID, tmp_path: Path
) -> None:
    pixels, bits, rescale = INPUTS[name]
    item = table_item(first_input(name), CURVE, 12, vr=vr, big=syntax == BIG)
    ds = film(pixels, syntax=syntax, bits=bits, VOILUTSequence=Sequence([item]), **rescale)
    ours, theirs = differences(to_bytes(ds), tmp_path)
    assert ours == 0 and theirs <= 1
    assert complaints(tmp_path / "state.dcm") == []


@pytest.mark.parametrize("stated", [8, 10, 16])
@pytest.mark.parametrize("found", [8, 10, 12, 16])
def test_a_voi_lut_of_any_depth_is_shown_alike(stated: int, found: int, tmp_path: Path) -> None:
    table = np.linspace(0, 2**found - 1, 4096).round().astype(np.uint16)
    item = table_item(0, table, stated, vr="US")
    ds = film(ramp(0, 4095), bits=12, VOILUTSequence=Sequence([item]))
    ours, theirs = differences(to_bytes(ds), tmp_path)
    assert ours == 0 and theirs <= 1
    assert complaints(tmp_path / "state.dcm") == []


@pytest.mark.parametrize("vr", ["US", "SS"])
@pytest.mark.parametrize("name", ["unsigned", "signed", "unsigned, high", "signed, low"])
@pytest.mark.parametrize("rescaled", [False, True])
def test_a_modality_lut_comes_along(name: str, vr: str, rescaled: bool, tmp_path: Path) -> None:
    """Without it a window in the units of the modality is put on stored values."""
    pixels, bits, _ = INPUTS[name]
    item = table_item(first_input(name), STEPS, 16, vr=vr)
    item.ModalityLUTType = "OD"
    also: dict[str, Any] = {"RescaleSlope": 2, "RescaleIntercept": 5} if rescaled else {}
    ds = film(pixels, bits=bits, ModalityLUTSequence=Sequence([item]), **also)
    ours, theirs = differences(to_bytes(ds), tmp_path)
    assert ours == 0 and theirs <= 1
    assert complaints(tmp_path / "state.dcm") == []
    state = dcmread(tmp_path / "state.dcm")
    assert state.ModalityLUTSequence[0].ModalityLUTType == "OD" and "RescaleSlope" not in state


@pytest.mark.parametrize("change", ["entries", "first", "none"])
def test_a_state_with_another_modality_lut_is_told(change: str) -> None:
    """Its window counts in the units of its own table (PS3.3 C.11.1), not in those of the film."""
    item = table_item(0, STEPS, 16, vr="US")
    ds = film(ramp(0, 4095), bits=12, ModalityLUTSequence=Sequence([item]))
    ds.WindowCenter, ds.WindowWidth = 30000, 20000
    content = to_bytes(ds)
    state = dcmread(BytesIO(state_of(content)))
    own = state.ModalityLUTSequence[0]
    if change == "entries":
        own.LUTData = STEPS[::-1].tobytes()
    elif change == "first":
        own.LUTDescriptor[1] = 100
    else:
        del state.ModalityLUTSequence
    said = read_presentation(to_bytes(state)).on(read_image(content)).remarks
    assert len(said) == 1 and "other units" in said[0]


@pytest.mark.parametrize("first", [-32768, -1, 0, 65535])
@pytest.mark.parametrize("entries", [2, 255, 40000, 65536])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_descriptor_holds_every_first_value_and_count(
    first: int, entries: int, bits: int
) -> None:
    table = np.linspace(0, 2**bits - 1, entries).round().astype(np.uint16)
    for item in (voi_lut_item(Lut(first, bits, table), ""), modality(Lut(first, bits, table))):
        count, start, depth = item.LUTDescriptor
        assert (count % 2**16, start, depth) == (entries % 2**16, first, bits)
        read = read_lut(item, inputs=(first, first + entries))
        assert np.array_equal(read.table, table)
        assert (read.first_mapped, read.bits) == (first, bits)


def modality(lut: Lut) -> Dataset:
    item = modality_lut_item(lut, "", "")
    assert item.ModalityLUTType == "US"
    return item


@settings(deadline=None)
@given(st.lists(st.integers(0, 65535), min_size=2, max_size=64))
def test_a_stretched_table_shows_the_same_levels(entries: list[int]) -> None:
    table, bits = settle_depth(np.array(entries, np.uint16), 16)
    item = voi_lut_item(Lut(0, bits, table), "")
    assert item.LUTDescriptor[2] == (8 if bits == 8 else 16)
    read = read_lut(item, inputs=(0, 65535))
    assert np.array_equal(levels(read), levels(Lut(0, bits, table)))


def levels(lut: Lut) -> Any:
    """Of a screen."""
    return np.rint(lut.table * (255 / (2**lut.bits - 1)))


@pytest.mark.parametrize("first", [-32769, 65536])
def test_a_first_value_beyond_16_bits_is_refused_in_a_sentence(first: int) -> None:
    with pytest.raises(ExportError, match="export the picture in another form"):
        voi_lut_item(Lut(first, 16, np.arange(2).astype(np.uint16)), "")
