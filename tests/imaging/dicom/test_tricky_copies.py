"""The files of the security review that named their patient in a copy, and their kin."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from anyascii import anyascii
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread, uid
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from imaging.dicom import Profile, Released, read_image, release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.deidentify.spelling import spellings, squeeze
from imaging.dicom.deidentify.standard import iod_of
from imaging.dicom.deidentify.traces import Traces
from imaging.errors import InputError
from tests.factories import make_dataset, make_lut, to_bytes

KEY = Project(b"k" * 32)
WHO: dict[str, Any] = {
    "PatientName": "SMITHSON^JOHN", "PatientID": "MRN0012345", "PatientBirthDate": "19500312",
    "PatientTelephoneNumbers": "0171-555-0199",
}  # fmt: skip
TOLD = "Mr Smithson, born 12 March 1950, called from 0171-555-0199; wife Betty"
SECRETS = ("smithson", "john", "0012345", "12 march", "12.03.1950", "0199", "betty", "welby")
EVERYTHING = Profile(device=True, descriptions=True, documents=True)


def copied(ds: Dataset, profile: Profile = Profile()) -> Released:  # noqa: B008
    """The copy, in whose bytes and values nothing that was told is left."""
    made = release(to_bytes(ds), KEY, profile)
    assert made.left_over == ()
    assert [one for one in SECRETS if survives(made.content, one)] == []
    return made


def survives(content: bytes, secret: str) -> bool:
    """Whether a text is in a file: as bytes, or in a value however it is spelt."""
    if any(one.encode(way) in content.lower() for one in spellings(secret) for way in _WAYS):
        return True
    sought = {squeeze(one) for one in spellings(secret)}
    values = [
        squeeze(one) for value in _texts(dcmread(BytesIO(content))) for one in spellings(value)
    ]
    return any(one in value for one in sought for value in values)


_WAYS = ("utf-8", "utf-16-le", "utf-16-be")


def _texts(ds: Dataset) -> Iterator[str]:
    for element in ds.iterall():
        if element.VR not in ("SQ", "UI") and not isinstance(element.value, bytes):
            yield str(element.value)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


# The eleven --------------------------------------------------------------------------------


def test_01_a_name_in_another_case_and_a_written_date() -> None:
    ds = make_dataset(**WHO, AcquisitionProtocolName="Smithson 12.03.1950", ImageID="Smithson")
    ds.DocumentTitle = ds.WindowCenterWidthExplanation = "smithson 12.03.1950"
    ds.WindowCenter, ds.WindowWidth = 100, 200
    copied(ds)
    assert "Chest" in str(_read(copied(_described(ds), Profile(descriptions=True))))


def _described(ds: Dataset) -> Dataset:
    ds.StudyDescription = "Chest of Smithson, see Betty"
    return ds


def test_02_a_name_of_two_letters() -> None:
    ds = make_dataset(PatientName="LI^WU", PatientID="77", AcquisitionProtocolName="LI WU 77",
                      ScanOptions="LI", ImageType=["ORIGINAL", "PRIMARY", "WU"])  # fmt: skip
    made = _read(release(to_bytes(ds), KEY))
    words = " ".join(_texts(made)).replace("'", " ").split()
    assert not {"LI", "WU", "77"} & set(words)
    assert list(made.ImageType)[:2] == ["ORIGINAL", "PRIMARY"]


def test_03_comments_in_a_jpeg_and_04_its_exif_go() -> None:
    """Each segment, each codec: `test_pixel_streams`."""
    from PIL import Image

    out = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = f"PATIENT {TOLD} MRN0012345"
    pixels = np.full((16, 16), 90, np.uint8)
    Image.fromarray(pixels).save(out, "JPEG", exif=exif, comment=TOLD.encode())
    ds = make_dataset(pixels, **WHO)
    ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    ds.PixelData = encapsulate([out.getvalue()])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    assert b"Betty" in to_bytes(ds)
    copied(ds)


def test_05_bytes_behind_the_pixels() -> None:
    ds = make_dataset(**WHO)
    ds.PixelData += (TOLD + " MRN0012345 ").encode()
    copied(ds)


def _report() -> Dataset:
    ds = make_dataset(**WHO, Modality="SR", SOPClassUID=uid.BasicTextSRStorage)
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(ds, keyword)
    text = Dataset()
    text.RelationshipType, text.ValueType, text.TextValue = "CONTAINS", "TEXT", TOLD
    text.ConceptNameCodeSequence = [code("121071", "DCM", "Finding by Dr Welby")]
    deeper = Dataset()
    deeper.RelationshipType, deeper.ValueType = "HAS PROPERTIES", "PNAME"
    deeper.PersonName = "Smithson^Betty"
    deeper.ConceptNameCodeSequence = [code("S1", "99WELBY", "Smithson")]
    text.ContentSequence = [deeper]
    ds.ValueType, ds.ContinuityOfContent, ds.ContentSequence = "CONTAINER", "SEPARATE", [text]
    ds.ConceptNameCodeSequence = [code("11528-7", "LN", "Report on Smithson")]
    return ds


def test_06_a_report_is_refused_and_leaves_without_its_text_when_asked_for() -> None:
    with pytest.raises(InputError, match="structured report") as refusal:
        release(to_bytes(_report()), KEY)
    assert str(refusal.value).endswith(".")
    made = _read(copied(_report(), Profile(documents=True)))
    (item,) = made.ContentSequence
    assert item.ConceptNameCodeSequence[0].CodeMeaning == "Finding"
    assert item.ContentSequence[0].ConceptNameCodeSequence[0].CodeValue == "ANONYMIZED"
    copied(_report(), EVERYTHING)


def test_07_a_presentation_state_is_refused_likewise() -> None:
    ds = make_dataset(**WHO, Modality="PR")
    ds.SOPClassUID = uid.GrayscaleSoftcopyPresentationStateStorage
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(ds, keyword)
    text, drawing = Dataset(), Dataset()
    text.UnformattedTextValue, text.BoundingBoxAnnotationUnits = TOLD, "PIXEL"
    drawing.TextObjectSequence, drawing.GraphicLayer = [text], "SMITHSON"
    ds.GraphicAnnotationSequence = [drawing]
    ds.ContentDescription, ds.ContentLabel = "Smithson", "SMITHSON"
    with pytest.raises(InputError, match="presentation state"):
        release(to_bytes(ds), KEY)
    copied(ds, EVERYTHING)


@pytest.mark.parametrize(
    "kind",
    [uid.EncapsulatedPDFStorage, uid.EncapsulatedCDAStorage, uid.EncapsulatedSTLStorage,
     uid.EncapsulatedOBJStorage, uid.ComputedRadiographyImageStorage],
)  # fmt: skip
def test_enclosed_documents_are_always_refused(kind: str) -> None:
    ds = make_dataset(**WHO, SOPClassUID=kind)
    ds.EncapsulatedDocument, ds.MIMETypeOfEncapsulatedDocument = TOLD.encode(), "application/pdf"
    for profile in (Profile(), EVERYTHING):
        with pytest.raises(InputError, match="encloses a whole document"):
            release(to_bytes(ds), KEY, profile)


@pytest.mark.parametrize(
    "kind",
    [uid.KeyObjectSelectionDocumentStorage, uid.TwelveLeadECGWaveformStorage,
     uid.RTStructureSetStorage, uid.RTPlanStorage, uid.RawDataStorage, uid.ComprehensiveSRStorage,
     uid.ColorSoftcopyPresentationStateStorage, uid.XRayRadiationDoseSRStorage,
     uid.SpatialRegistrationStorage],
)  # fmt: skip
def test_what_holds_no_picture_is_refused(kind: str) -> None:
    ds = make_dataset(**WHO, SOPClassUID=kind)  # with pixels planted in it
    with pytest.raises(InputError, match="without any free text"):
        release(to_bytes(ds), KEY)


def test_08_meanings_of_codes_and_names_of_segments() -> None:
    ds = make_dataset(**WHO)
    ds.ProcedureCodeSequence = [code("P1", "99WELBY", f"Dr Welby {TOLD}")]
    ds.ViewCodeSequence = [code("272479007", "SCT", "smithson lying on Betty")]
    ds.AnatomicRegionSequence = [code("816094009", "SCT", "Betty")]
    made = _read(copied(ds))
    assert made.ViewCodeSequence[0].CodeMeaning.lower().startswith("postero")
    assert made.AnatomicRegionSequence[0].CodeMeaning == "Chest"
    seg = make_dataset(**WHO, Modality="SEG", SOPClassUID=uid.SegmentationStorage)
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentAlgorithmType = 1, "MANUAL"
    segment.SegmentLabel = segment.SegmentDescription = segment.TrackingID = "Betty Smithson"
    seg.SegmentSequence = [segment]
    assert _read(copied(seg)).SegmentSequence[0].SegmentLabel == "ANONYMIZED"


@pytest.mark.parametrize("tag", [0x00189999, 0x00080FFF, 0x0040FFFE, 0x00110001, 0x60020022,
                                 0x50000022, 0xFFFCFFFC, 0x7FE00999, 0x00200031])  # fmt: skip
@pytest.mark.parametrize("vr", ["LO", "OB", "UT", "UN", "CS"])
def test_09_tags_that_nobody_knows(tag: int, vr: str) -> None:
    ds = make_dataset(**WHO)
    secret = "06 MAY 2024" if vr == "CS" else "06 May 2024 Smithson, wife Betty "
    ds.add(DataElement(tag, vr, secret.encode() if vr in ("OB", "UN") else secret))
    assert tag not in _read(copied(ds))


@pytest.mark.parametrize("written", ["Mueller", "Müller", "MU\u0308LLER", "Jörg", "JOERG"])
def test_10_umlauts_and_11_overlays(written: str) -> None:
    ds = make_dataset(PatientName="Müller^Jörg", PatientID="4711", ProtocolName=written)
    ds.AcquisitionProtocolName = f"for {written}"
    ds.add_new(0x60000022, "LO", written)
    ds.add_new(0x60003000, "OW", written.encode().ljust(128, b"\0"))
    made = release(to_bytes(ds), KEY, EVERYTHING)
    assert made.left_over == () and not survives(made.content, written)


# Their kin ---------------------------------------------------------------------------------


def test_values_are_of_the_form_that_their_representation_has() -> None:
    """What pydicom lets pass: words where a time, a date, an age or a number belongs."""
    ds = make_dataset(**WHO)
    for keyword, vr in (("StudyTime", "TM"), ("ContentDate", "DA"), ("AcquisitionDateTime", "DT"),
                        ("PatientAge", "AS"), ("KVP", "DS"), ("Exposure", "IS")):  # fmt: skip
        ds[keyword] = DataElement(keyword, "LO", "Betty")
        ds[keyword].VR = vr
    raw = to_bytes(make_dataset(**WHO, StudyTime="121212"))
    assert not survives(copied(ds).content, "Betty")
    made = release(raw.replace(b"TM\x06\x00121212", b"TM\x06\x00BETTYS"), KEY)
    assert not survives(made.content, "bettys")


@pytest.mark.parametrize("behind", ["Betty", "12Betty", "1212.Betty", " Betty", "+Bett"])
def test_words_behind_the_day_of_a_date_go(behind: str) -> None:
    ds = make_dataset(**WHO)
    ds["AcquisitionDateTime"] = DataElement("AcquisitionDateTime", "LO", f"20240101{behind}")
    ds["AcquisitionDateTime"].VR = "DT"
    made = copied(ds)
    assert not survives(made.content, "bett") and len(_read(made).AcquisitionDateTime) == 8


def test_an_identifier_among_numbers_is_found() -> None:
    ds = make_dataset(**{**WHO, "PatientID": "4821377"}, SeriesNumber=4821377, InstanceNumber=3)
    made = _read(release(to_bytes(ds), KEY))
    assert made.SeriesNumber != 4821377 and made.InstanceNumber == 3


def test_an_attribute_of_another_kind_of_object_goes() -> None:
    """A plan's beam in a radiograph: a number that nobody looks at may say anything."""
    ds = make_dataset(**WHO, BeamNumber=4711, KVP=80)
    ds.SourceImageSequence = [Dataset()]
    ds.SourceImageSequence[0].KVP = 4711
    made = _read(copied(ds))
    assert "BeamNumber" not in made and made.KVP == 80 and "4711" not in str(made)


def test_uids_that_only_look_like_the_standards() -> None:
    ds = make_dataset(**WHO, DeviceUID="1.2.840.10008.0012345")
    ds.ReferencedImageSequence = [Dataset()]
    ds.ReferencedImageSequence[0].ReferencedSOPClassUID = "1.2.840.10008.0012345"
    assert b"0012345" not in release(to_bytes(ds), KEY).content
    assert release(to_bytes(ds), KEY, Profile(device=True)).left_over == ("DeviceUID",)


def test_tables_and_profiles_hold_no_notes() -> None:
    ds = make_dataset(**WHO)
    lut = make_lut(0, list(range(64)), explanation="Smithson's lung")
    lut.LUTData += TOLD.encode()
    ds.VOILUTSequence = [lut]
    ds.ICCProfile = _profile(TOLD)
    made = _read(copied(ds))
    assert len(made.VOILUTSequence[0].LUTData) == 128
    assert made.VOILUTSequence[0].LUTExplanation == "lung"
    assert made.ICCProfile[36:40] == b"acsp" and b"rTRC" in made.ICCProfile
    ds.ICCProfile = TOLD.encode()
    assert "ICCProfile" not in _read(copied(ds))


def _profile(text: str) -> bytes:
    from struct import pack

    curve = pack(">4sLLH", b"curv", 0, 1, 0x0200) + b"\0\0"
    note = b"text\0\0\0\0" + text.encode()
    head = bytearray(128)
    head[8], head[36:40], head[48:52] = 2, b"acsp", b"SMIT"
    names = ((b"desc", note), (b"cprt", note), (b"rTRC", curve), (b"dmnd", note))
    table, body, at = pack(">L", len(names)), b"", 128 + 4 + 12 * len(names)
    for name, data in names:
        table += pack(">4sLL", name, at + len(body), len(data))
        body += data
    return bytes(head) + table + body


def test_preamble_and_file_meta_say_nothing() -> None:
    ds = make_dataset(**WHO)
    ds.preamble = TOLD.encode().ljust(128, b"\0")[:128]
    ds.file_meta.SourceApplicationEntityTitle = "SMITHSON"
    ds.file_meta.ImplementationVersionName = "BETTY"
    ds.file_meta.PrivateInformationCreatorUID = uid.UID("1.2.12345")
    ds.file_meta.PrivateInformation = TOLD.encode()
    copied(ds)


@pytest.mark.parametrize("calendar", ["昭和25年3月12日", "12 Jumada I 1369", "1369-05-22"])
def test_birth_in_another_calendar_is_looked_for_too(calendar: str) -> None:
    ds = make_dataset(**WHO, PatientBirthDateInAlternativeCalendar=calendar)
    ds.PatientAlternativeCalendar, ds.ManufacturerModelName = "JAPANESE", f"X {calendar}"
    assert not survives(copied(ds, EVERYTHING).content, calendar)


def test_a_picture_shows_what_it_showed() -> None:
    ds = make_dataset(**WHO, WindowCenter=[40, 600], WindowWidth=[400, 1500], RescaleSlope=2,
                      RescaleIntercept=-100, RescaleType="HU", PixelSpacing=[0.5, 0.5],
                      WindowCenterWidthExplanation=["Lung", "Betty"], ImageLaterality="L",
                      PatientOrientation=["L", "F"], Manufacturer="SIEMENS",
                      VOILUTFunction="SIGMOID", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
                      SOPClassUID=uid.CTImageStorage)  # fmt: skip
    before, after = read_image(to_bytes(ds)), read_image(copied(ds).content)
    assert before.instance.geometry == after.instance.geometry
    assert len(after.instance.voi_presets) == len(before.instance.voi_presets)
    for preset, other in zip(before.instance.voi_presets, after.instance.voi_presets, strict=True):
        np.testing.assert_array_equal(
            before.display_values(0, preset=preset), after.display_values(0, preset=other)
        )
    ours, theirs = before.instance.acquisition, after.instance.acquisition
    for trait in ("modality", "body_part", "view_position", "laterality", "image_type",
                  "manufacturer"):  # fmt: skip
        assert getattr(ours, trait) == getattr(theirs, trait), trait
    kept = dict(copied(ds).kept)
    assert kept["Modality"] == "CR" and "PatientName" not in kept and "ImageID" not in kept


def _read(made: Released) -> Dataset:
    return dcmread(BytesIO(made.content))


# Planted -----------------------------------------------------------------------------------

SPELLINGS = (
    "MÜLLERSEN", "müllersen", "Muellersen", "MULLERSEN", "Mu\u0308llersen", "Jürgen Müllersen",
    "Müllersen^Jürgen", "M ü l l e r s e n", "J. Muellersen", "мюллерсен", "田中太郎", "Tanaka",
    "4 8 2 1 3 7 7", "ID:4821377", "1. Februar 1970", "1970年2月1日", "geb. 01.02.70",
    "Ms Zsofika called 0171 555 0199",
)  # fmt: skip
# Names that nothing in the header leads to; only what names the device may hold them, if that was
# asked for.
UNKNOWABLE = ("Tanaka", "Zsofika")
PATIENT: dict[str, Any] = {
    "PatientName": "Müllersen^Jürgen=田中^太郎", "PatientID": "4821377",
    "PatientBirthDate": "19700201", "PatientSex": "M",
}  # fmt: skip
VRS = ("LO", "SH", "LT", "ST", "UC", "UT", "PN", "CS", "UR", "AE", "UN", "OB", "OW")
LONGEST = {"SH": 16, "CS": 16, "AE": 16}
PLACES = [  # (tag, VR) of every attribute that can hold a text
    (tag, vr)
    for tag, (vr, _vm, _name, _retired, keyword) in DicomDictionary.items()
    if vr in VRS and keyword and tag >> 16 not in (0, 2, 4) and keyword not in PATIENT
    and keyword not in ("PixelData", "EncapsulatedDocument", "SpecificCharacterSet")
]  # fmt: skip
SEQUENCES = sorted({path for path, _ in iod_of(uid.CTImageStorage).types if path})


@pytest.mark.parametrize("secret", SPELLINGS)
def test_a_secret_in_all_text_attributes_at_once_never_survives(secret: str) -> None:
    """Each attribute of the dictionary: at the top, and in two sequences that every picture has."""
    ds, nested, deeper = make_dataset(**PATIENT), Dataset(), Dataset()
    for inner in (ds, nested, deeper):
        for element in (_planted(tag, vr, secret) for tag, vr in PLACES):
            if not _is_looked_for(element):
                inner.add(element)
    nested.PurposeOfReferenceCodeSequence = [deeper]
    ds.SourceImageSequence = ds.RequestAttributesSequence = [nested]
    made = release(to_bytes(ds), KEY)
    assert made.left_over == ()
    assert not survives(made.content, "Zsofika" if "Zsofika" in secret else secret)
    np.testing.assert_array_equal(
        read_image(to_bytes(ds)).stored_values(), read_image(made.content).stored_values()
    )


def _is_looked_for(element: DataElement) -> bool:
    """Whether what stands there is searched for elsewhere, which would hide that it stays there."""
    alone = Dataset()
    alone.add(element)
    traces = Traces.of(alone)
    return bool(traces.words or traces.inside or traces.numbers)


def _planted(tag: int, vr: str, secret: str) -> DataElement:
    value = anyascii(secret) if vr in ("UR", "CS", "AE") else secret  # default repertoire
    value = value[: LONGEST.get(vr, 64)]
    whole: Any = value.encode() if vr in ("OB", "OW", "UN") else value
    return DataElement(tag, vr, whole)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(PLACES),
    st.sampled_from(SPELLINGS),
    st.sampled_from(((), *SEQUENCES)),
    st.sampled_from((Profile(), Profile(device=True), Profile(descriptions=True))),
)
def test_a_secret_planted_anywhere_in_any_spelling_never_survives(
    place: tuple[int, str], secret: str, path: tuple[str, ...], profile: Profile
) -> None:
    ds = inner = make_dataset(**PATIENT, SOPClassUID=uid.CTImageStorage)
    for keyword in path:
        item = Dataset()
        setattr(inner, keyword, [item])
        inner = item
    inner.add(_planted(*place, secret))
    try:
        made = release(to_bytes(ds), KEY, profile)
    except InputError:
        return
    kept_by_choice = profile.device and any(one in secret for one in UNKNOWABLE)
    if not made.left_over and not kept_by_choice:
        assert not survives(made.content, "Zsofika" if "Zsofika" in secret else secret)
