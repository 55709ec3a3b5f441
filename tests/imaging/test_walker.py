"""imaging/dicom/walker.py and index.py: what the walker reads is what pydicom reads, always."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from imaging.dicom.border import border
from imaging.dicom.index import listing_of, read_listing
from imaging.dicom.walker import walk_header
from imaging.errors import InputError, NotDicomError
from imaging.listing import Listing
from imaging.settings import Settings
from tests.factories import make_dataset, make_dicom_bytes, to_bytes

DATA = Settings.from_environment().data
FILES = sorted((DATA / "dicom").rglob("*.dcm")) if DATA else []
OFTEN = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

TEXTS = {
    "ImageType": "CS",
    "SOPInstanceUID": "UI",
    "StudyDate": "DA",
    "Modality": "CS",
    "SeriesDescription": "LO",
    "PatientID": "LO",
    "PatientAge": "AS",
    "BodyPartExamined": "CS",
    "StudyInstanceUID": "UI",
    "InstanceNumber": "IS",
    "NumberOfFrames": "IS",
    "SpecificCharacterSet": "CS",
}
RAW = st.one_of(
    st.sampled_from(
        [
            *(b"", b"1", b"1\0", b" 1", b"1 "),
            *(b"A\\B", b"A\\", b"\\A", b"A \\B", b"A\\ B", b"A  B"),
            *(b"1.2.3\0", b"1.2.3 ", b"1.2\\1.3", b"004Y", b"20250101", b"2025.01.01"),
            *(b"12\\13", b"+7", b"-0", b"1e2", b"1.0", b"ISO_IR 192", b"\\ISO 2022 IR 87"),
            *(b"utf_16", b"GB18030", "Müller".encode(), b"M\xfcller", b"A\nB", b"A\tB", b"\x1b$B"),
            *(b"X" * 257, b"A\0\0", b"~|"),
        ]
    ),
    st.binary(max_size=12),
    st.text(max_size=12).map(str.encode),
)


def pydicom_listing(data: bytes) -> Listing | None:
    """What pydicom says about a file; None when it gives up."""
    try:
        with border(NotDicomError, "no"):
            return listing_of(dcmread(BytesIO(data), force=True, stop_before_pixels=True))
    except InputError:
        return None


def agrees(data: bytes) -> bool:
    """True when the walker read the file; it must then have read what pydicom reads."""
    found = walk_header(data, whole=True)
    if found is None:
        return False
    expected = pydicom_listing(data)
    assert expected is None or found == expected
    return True


def element(tag: int, vr: str, value: bytes, *, explicit: bool = True) -> bytes:
    """One data element (PS3.5 7.1.2, 7.1.3)."""
    value += b"\0" * (len(value) % 2) if vr == "UI" else b" " * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", len(value)) + value
    return head + vr.encode() + struct.pack("<H", len(value)) + value


def file_of(body: bytes, syntax: str) -> bytes:
    """A file around a dataset's bytes."""
    named = element(0x00020010, "UI", syntax.encode())
    meta = element(0x00020000, "UL", struct.pack("<I", len(named))) + named
    return bytes(128) + b"DICM" + meta + body


@st.composite
def odd_files(draw: st.DrawFn) -> bytes:
    """Files whose wanted values are anything at all, in order or nearly so."""
    explicit = draw(st.booleans())
    tags = {keyword: Dataset() for keyword in TEXTS}
    chosen = draw(st.lists(st.sampled_from(sorted(tags)), unique=True, max_size=8))
    parts = []
    for keyword in chosen:
        tag = int(_tag(keyword))
        vr = draw(st.sampled_from([TEXTS[keyword]] * 9 + ["LO", "UI", "IS"]))
        parts.append((tag, element(tag, vr, draw(RAW), explicit=explicit)))
    for tag in draw(st.lists(st.sampled_from([0x00280010, 0x00280011]), unique=True)):
        value = draw(st.sampled_from([b"\x10\x00", b"", b"\x10\x00\x20\x00", b"\xff\xff"]))
        parts.append((tag, element(tag, "US", value, explicit=explicit)))
    if draw(st.integers(0, 9)):
        parts.sort()
    body = b"".join(part for _, part in parts)
    body += element(0x7FE00010, "US", b"\0\0", explicit=explicit) * draw(st.integers(0, 1))
    return file_of(body, str(ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian))


def _tag(keyword: str) -> int:
    from pydicom.datadict import tag_for_keyword

    return tag_for_keyword(keyword) or 0


@st.composite
def nested_files(draw: st.DrawFn) -> bytes:
    """Sound files with sequences of either length, written by pydicom."""
    ds = make_dataset(SeriesDescription=draw(st.sampled_from(["Thorax", "a b", ""])))
    ds.file_meta.TransferSyntaxUID = draw(
        st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    )
    for keyword in draw(
        st.lists(st.sampled_from(["RequestAttributesSequence", "ViewCodeSequence"]), unique=True)
    ):
        setattr(ds, keyword, Sequence([draw(items()) for _ in range(draw(st.integers(0, 2)))]))
        ds[keyword].is_undefined_length = draw(st.booleans())
    return to_bytes(ds)


@st.composite
def items(draw: st.DrawFn) -> Dataset:
    """A sequence item that repeats wanted tags inside, to be left alone."""
    item = Dataset()
    item.is_undefined_length_sequence_item = draw(st.booleans())
    item.Modality, item.CodeMeaning = "XX", draw(st.sampled_from(["", "A", "A B"]))
    if draw(st.booleans()):
        inner = Dataset()
        inner.PatientID = "inner"
        item.ConceptCodeSequence = Sequence([inner])
        item["ConceptCodeSequence"].is_undefined_length = draw(st.booleans())
    return item


@OFTEN
@given(odd_files())
def test_odd_values_are_read_as_pydicom_reads_them_or_not_at_all(data: bytes) -> None:
    agrees(data)


@OFTEN
@given(nested_files())
def test_sound_files_with_sequences_are_read(data: bytes) -> None:
    assert agrees(data)


@OFTEN
@given(nested_files(), st.data())
def test_no_mutation_makes_the_two_disagree(data: bytes, more: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(more.draw(st.integers(1, 4))):
        at = more.draw(st.integers(128, min(len(data), 1500) - 1))
        changed[at] = more.draw(st.integers(0, 255))
    agrees(bytes(changed))


@OFTEN
@given(nested_files(), st.integers(0, 2000))
def test_a_first_part_says_the_same_or_asks_for_more(data: bytes, length: int) -> None:
    try:
        found = walk_header(data[:length], whole=False)
    except EOFError:
        return
    assert found in (None, walk_header(data, whole=True))


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_other_encodings_are_left_to_pydicom(tmp_path: Path, syntax: str) -> None:
    ds = make_dataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    (tmp_path / "a.dcm").write_bytes(to_bytes(ds))
    assert walk_header(to_bytes(ds), whole=True) is None
    assert read_listing(tmp_path / "a.dcm").body_part == "CHEST"


def test_a_long_header_is_read_on(tmp_path: Path) -> None:
    ds = make_dataset()
    ds.add_new(0x00091010, "OB", bytes(600_000))
    ds.add_new(0x00090010, "LO", "LIGHTBOX TEST")
    (tmp_path / "a.dcm").write_bytes(to_bytes(ds))
    assert read_listing(tmp_path / "a.dcm") == pydicom_listing(to_bytes(ds))


@pytest.mark.parametrize(
    "make",
    [lambda: b"", lambda: b"text", lambda: make_dicom_bytes()[:140]],
    ids=["", "text", "cut"],
)
def test_what_is_no_dicom_says_so(tmp_path: Path, make: Callable[[], bytes]) -> None:
    (tmp_path / "a").write_bytes(make())
    with pytest.raises(NotDicomError):
        read_listing(tmp_path / "a")
    with pytest.raises(NotDicomError):
        read_listing(tmp_path / "gone")


@pytest.mark.skipif(not FILES, reason="LIGHTBOX_DATA/dicom is not there")
def test_every_collected_file_is_listed_as_pydicom_lists_it() -> None:
    read = sum(agrees(path.read_bytes()) for path in FILES)
    assert read > len(FILES) / 2
