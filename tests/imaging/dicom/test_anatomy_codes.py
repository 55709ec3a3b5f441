"""Views and body parts by code: the whole context groups, in every spelling of their schemes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sr._snomed_dict import mapping
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from imaging.dicom import read_image
from imaging.dicom.header.anatomy_codes import read_coded_anatomy, region_term, view_term
from imaging.entities import Acquisition
from tests.factories import make_dataset, make_dicom_bytes

VIEWS = [*codes.cid4010.concepts.values(), *codes.cid4014.concepts.values()]
REGIONS = [*codes.cid4031.concepts.values(), *codes.cid4.concepts.values()]
# Codes of earlier editions, as files hold them -> the term of BodyPartExamined or ViewPosition.
EARLIER_REGIONS = {
    "T-D3000": "CHEST",
    "51185008": "CHEST",
    "43799004": "CHEST",
    "T-D4000": "ABDOMEN",
    "T-D6000": "PELVIS",
    "R-FAB57": "ABDOMENPELVIS",
    "T-D00F7": "CTSPINE",
    "T-D00F8": "TLSPINE",
    "T-D00F9": "LSSPINE",
    "T-D0146": "SPINE",
    "T-9200B": "PROSTATE",
    "T-70010": "UPRURINARYTRACT",
}
EARLIER_VIEWS = {"R-10214": "PA", "R-10218": "RAO", "R-10222": "SAGITTAL"}
RT_SCHEMES = ("SRT", "SNM3", "99SDM", "srt ")
CT_SCHEMES = ("SCT", "SNOMED-CT", "SNOMED_CT", "snomed ct", "2.16.840.1.113883.6.96")


def item(value: str, scheme: str, meaning: str = "of the file", *, kind: str = "CodeValue") -> Any:
    """A code item (PS3.3 8.8)."""
    ds = Dataset()
    setattr(ds, kind, value)
    ds.CodingSchemeDesignator, ds.CodeMeaning = scheme, meaning
    return ds


def taken(**attributes: Any) -> Acquisition:
    """An acquisition that is told by code alone."""
    silent: dict[str, Any] = {"BodyPartExamined": None, "ViewPosition": None}
    return read_image(make_dicom_bytes(**silent | attributes)).instance.acquisition


def spellings(code: Code) -> list[tuple[str, str]]:
    """Scheme and value of a concept, in every form that files have it in."""
    if code.scheme_designator != "SCT":
        return [(code.scheme_designator, code.value)]
    older = [value for value, newer in mapping["SRT"].items() if newer == code.value]
    return [(s, code.value) for s in CT_SCHEMES] + [(s, v) for s in RT_SCHEMES for v in older]


@pytest.mark.parametrize("code", VIEWS, ids=lambda code: code.meaning)
def test_every_view_is_known_in_every_scheme(code: Code) -> None:
    found = set()
    for scheme, value in spellings(code):
        ds = Dataset()
        ds.ViewCodeSequence = [item(value, scheme)]
        coded = read_coded_anatomy(ds)
        assert coded.unknown_views == ()
        found |= {coded.views}
    ((term,),) = found
    assert term == view_term(code.meaning) or (code in codes.cid4014.concepts.values())


@pytest.mark.parametrize("code", REGIONS, ids=lambda code: code.meaning)
def test_every_region_is_known_in_every_scheme(code: Code) -> None:
    found = set()
    for scheme, value in spellings(code):
        ds = Dataset()
        ds.AnatomicRegionSequence = [item(value, scheme)]
        coded = read_coded_anatomy(ds)
        assert coded.unknown_body_parts == ()
        found |= {coded.body_parts}
    ((term,),) = found
    assert region_term(term) == region_term(code.meaning) == term


@pytest.mark.parametrize(("value", "term"), EARLIER_REGIONS.items())
def test_regions_of_earlier_editions_are_those_of_now(value: str, term: str) -> None:
    scheme = "SCT" if value.isdigit() else "SRT"
    assert taken(AnatomicRegionSequence=[item(value, scheme)]).body_part == term


@pytest.mark.parametrize(("value", "term"), EARLIER_VIEWS.items())
def test_views_of_earlier_editions_are_those_of_now(value: str, term: str) -> None:
    assert taken(ViewCodeSequence=[item(value, "SNM3")]).view_position == term


def test_a_phantom_is_known_by_its_dicom_code() -> None:
    assert taken(AnatomicRegionSequence=[item("113681", "DCM")]).body_part == "PHANTOM"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("85562004", "LongCodeValue"),
        ("http://snomed.info/id/85562004", "URNCodeValue"),
        ("urn:oid:2.16.840.1.113883.6.96.85562004", "URNCodeValue"),
    ],
)
def test_long_and_urn_codes_are_codes(value: str, kind: str) -> None:
    found = taken(AnatomicRegionSequence=[item(value, "SCT", kind=kind)])
    assert found.coded_body_parts == ("HAND",)


def test_a_code_of_a_hospital_is_known_by_its_equivalent() -> None:
    """PS3.3 8.8: EquivalentCodeSequence; the code's own meaning counts first."""
    local = item("HAND-L", "99LOCAL")
    local.EquivalentCodeSequence = [item("1", "99OTHER"), item("T-D8700", "SRT")]
    ds = make_dataset(AnatomicRegionSequence=[local], ViewCodeSequence=[item("V", "99LOCAL")])
    assert read_coded_anatomy(ds).body_parts == ("HAND",)
    assert read_coded_anatomy(ds).unknown_body_parts == ()
    assert read_coded_anatomy(ds).unknown_views == ("of the file",)
    chest = item("816094009", "SCT")
    chest.EquivalentCodeSequence = [item("T-D8700", "SRT")]
    assert read_coded_anatomy(make_dataset(AnatomicRegionSequence=[chest])).body_parts == ("CHEST",)


def test_words_and_codes_are_kept_beside_each_other() -> None:
    found = taken(ViewPosition="AP", ViewCodeSequence=[item("272479007", "SCT")])
    assert (found.view_position, found.coded_views) == ("AP", ("PA",))


def test_several_items_are_all_read_and_empty_ones_say_nothing() -> None:
    items = [Dataset(), item("85562004", "SCT"), item("56459004", "SCT"), item("85562004", "SCT")]
    found = taken(AnatomicRegionSequence=items)
    assert found.coded_body_parts == ("HAND", "FOOT") and found.body_part == "HAND, FOOT"
    assert taken(AnatomicRegionSequence=[Dataset()]).body_part == ""
    assert taken(AnatomicRegionSequence=[]).body_part == ""


@pytest.mark.parametrize(
    "group", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
)
def test_an_enhanced_object_keeps_its_region_in_the_frame_anatomy(group: str) -> None:
    anatomy, holder = Dataset(), Dataset()
    anatomy.AnatomicRegionSequence = [item("85562004", "SCT")]
    holder.FrameAnatomySequence = [anatomy]
    assert taken(**{group: [holder]}).coded_body_parts == ("HAND",)


def test_a_modifier_of_the_view_is_read() -> None:
    view = item("399348003", "SCT")
    view.ViewModifierCodeSequence = [item("R-10244", "SRT")]
    found = taken(ViewCodeSequence=[view])
    assert (found.coded_views, found.view_modifiers) == (("AP",), ("CEPHALAD",))


@given(st.text("0123456789-TRDF", min_size=1, max_size=8), st.sampled_from(["99LOCAL", "RADLEX"]))
def test_a_code_of_another_scheme_is_not_known_and_shows_its_meaning(
    value: str, scheme: str
) -> None:
    ds = make_dataset(BodyPartExamined=None, ViewPosition=None)
    ds.AnatomicRegionSequence = [item(value, scheme, "Left gizmo")]
    ds.ViewCodeSequence = [item(value, scheme, "From behind")]
    coded = read_coded_anatomy(ds)
    assert (coded.body_parts, coded.views) == ((), ())
    assert coded.unknown_body_parts == ("Left gizmo",) and coded.unknown_views == ("From behind",)


def test_an_unknown_code_is_told_beside_the_film_and_counts_as_silence() -> None:
    silent: dict[str, Any] = {"BodyPartExamined": None}
    data = make_dicom_bytes(
        **silent, AnatomicRegionSequence=[item("4711", "99LOCAL", "Hand \u202eof doom")]
    )
    image = read_image(data)
    assert image.instance.acquisition.body_part == ""
    assert image.remarks == (
        "The code of the body part is not known to Lightbox: Hand of doom. It counts as not "
        "stated.",
    )


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"ViewCodeSequence": [item("272479007", "SCT")]}, "AP in words and PA by code"),
        ({"AnatomicRegionSequence": [item("85562004", "SCT")]}, "CHEST in words and HAND by code"),
        ({"ViewCodeSequence": [item("399348003", "SCT")]}, ""),
        ({"ViewPosition": "antero-posterior", "ViewCodeSequence": [item("R-10206", "SRT")]}, ""),
        ({"AnatomicRegionSequence": [item("39607008", "SCT")]}, ""),  # the lung is in the chest
        ({"AnatomicRegionSequence": [item("T-D3000", "SRT")]}, ""),
        ({"BodyPartExamined": "CHEST_PA", "AnatomicRegionSequence": [item("51185008", "SCT")]}, ""),
        (
            {"AnatomicRegionSequence": [item("51185008", "SCT"), item("85562004", "SCT")]},
            "CHEST in words and CHEST and HAND by code",
        ),
    ],
)
def test_a_contradiction_of_words_and_codes_is_told(attributes: dict[str, Any], told: str) -> None:
    remarks = read_image(make_dicom_bytes(**attributes)).remarks
    assert len(remarks) == bool(told) and (not told or told in remarks[0])
