"""Which words and codes of body part and view a network reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from imaging.dicom import read_image
from imaging.entities import Acquisition, Geometry, Identity, Instance, Patient
from models.checkpoint.card import Scope
from models.inference.anatomy import reads_part, reads_view
from models.inference.scope import check_scope, mismatches
from tests.factories import make_dicom_bytes
from tests.imaging.dicom.test_anatomy_codes import item

SCOPE = Scope("children", ("DX", "CR"), ("CHEST", "THORAX", "LUNG"), ("AP", "PA"), (1.0, 5.99))
# Concepts of CID 4031 and 4 that are the chest, whatever else they are called.
CHEST = ("Chest", "Thorax", "Lung", "Intra-thoracic")
FITTING = Instance(
    identity=Identity("1.1", "1.2", "1.3", "", "", ""),
    patient=Patient(age_years=4.0),
    acquisition=Acquisition(modality="DX", body_part="CHEST", view_position="AP"),
    geometry=Geometry(10, 10, 1, 1, "MONOCHROME2", 12),
)


def refusals(**attributes: Any) -> tuple[str, ...]:
    """Why a chest film whose header is changed so is refused."""
    instance = read_image(make_dicom_bytes(**attributes)).instance
    return check_scope(instance, SCOPE).refusals


@pytest.mark.parametrize(
    "words",
    [
        *("CHEST", "Chest", "THORAX", "LUNG", "LUNGS", "CHEST PA", "CHESTPA", "CHEST_AP"),
        *("PORT CHEST", "CHEST 1 VIEW", "CHEST (THORAX)", "CHEST NO GRID", "ped-chest"),
    ],
)
def test_a_chest_in_other_words_is_a_chest(words: str) -> None:
    assert reads_part(words, SCOPE.body_parts)


@pytest.mark.parametrize(
    "words",
    [
        *(
            "CHEST_ABDOMEN",
            "CHESTABDOMEN",
            "CHEST/ABD",
            "CHESTABDPELVIS",
            "NECKCHEST",
            "CHEST WALL",
        ),
        *("CHESTWALL", "APEX OF LUNG", "LUNG APICES", "CHEST RIBS", "THORACIC SPINE", "TSPINE"),
        *("HAND", "RIB", "SHOULDER", "WHOLEBODY", "CHEST TSPINE", "NECK AND CHEST", "?"),
    ],
)
def test_more_or_less_than_the_chest_is_none(words: str) -> None:
    assert not reads_part(words, SCOPE.body_parts)


@pytest.mark.parametrize(
    "code",
    [*codes.cid4031.concepts.values(), *codes.cid4.concepts.values()],
    ids=lambda code: code.meaning,
)
def test_a_coded_region_is_read_only_where_it_is_the_chest(code: Code) -> None:
    region = [item(code.value, code.scheme_designator, code.meaning)]
    alone = refusals(BodyPartExamined=None, AnatomicRegionSequence=region)
    beside = refusals(BodyPartExamined="CHEST", AnatomicRegionSequence=region)
    assert bool(alone) == bool(beside) == (code.meaning not in CHEST)


@pytest.mark.parametrize("code", codes.cid4010.concepts.values(), ids=lambda code: code.meaning)
def test_a_coded_view_is_read_only_where_it_is_frontal(code: Code) -> None:
    view = [item(code.value, code.scheme_designator, code.meaning)]
    frontal = code.meaning in ("antero-posterior", "postero-anterior", "frontal")
    assert bool(refusals(ViewPosition=None, ViewCodeSequence=view)) != frontal
    assert bool(refusals(ViewPosition="AP", ViewCodeSequence=view)) != frontal


def test_a_contradiction_on_the_body_part_asks_for_another_header() -> None:
    (reason,) = refusals(AnatomicRegionSequence=[item("85562004", "SCT")])
    assert reason.startswith("The body part is HAND, not CHEST / THORAX / LUNG. Have the header")
    (reason,) = refusals(BodyPartExamined="HAND", AnatomicRegionSequence=[item("51185008", "SCT")])
    assert reason.startswith("The body part is HAND")


def test_the_mismatch_shows_words_and_codes() -> None:
    taken = replace(FITTING.acquisition, coded_body_parts=("HAND",))
    (mismatch,) = mismatches(replace(FITTING, acquisition=taken), SCOPE)
    assert (mismatch.keyword, mismatch.found) == ("BodyPartExamined", "CHEST, HAND")


@pytest.mark.parametrize(
    ("change", "warned"),
    [
        ({"coded_views": ("PA",)}, ""),
        ({"coded_views": ("AP",), "view_modifiers": ("CEPHALAD",)}, "unusual way: CEPHALAD"),
    ],
)
def test_a_modified_view_is_answered_with_a_warning(change: dict[str, Any], warned: str) -> None:
    found = check_scope(replace(FITTING, acquisition=replace(FITTING.acquisition, **change)), SCOPE)
    assert not found.refusals and [warned in w for w in found.warnings] == [True] * bool(warned)


def test_a_frontal_view_leaves_open_which_where_that_matters() -> None:
    taken = replace(FITTING.acquisition, view_position="FRONTAL")
    film = replace(FITTING, acquisition=taken)
    assert reads_view("frontal", ("AP",)) and not reads_view("frontal", ("LATERAL",))
    assert check_scope(film, SCOPE).warnings == ()
    (warning,) = check_scope(film, replace(SCOPE, views=("AP",))).warnings
    assert "stated as frontal" in warning
