"""The order of a series, and what of it the wheel goes through."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from imaging.decoding import DistantImage, read_image
from imaging.entities import Assessment, Instance, Status
from imaging.store.schema.json_codec import instance_from_json, instance_to_json
from imaging.study import StudyRecord
from pages.ui.review import series
from pages.ui.viewer import Pane, Scene, Stack
from pages.ui.viewer.reports import read_report
from tests.factories import make_dicom_bytes


def picture(number: int | None, **attributes: Any) -> DistantImage:
    """One slice of a series."""
    uids = {"SOPInstanceUID": f"1.2.3.{id(attributes)}"}
    values = {"Modality": "CT", "InstanceNumber": number, **uids, **attributes}
    present = {keyword: value for keyword, value in values.items() if value is not None}
    return read_image(make_dicom_bytes(np.zeros((8, 8), np.uint16), **present))


def record(*numbers: int | None, **attributes: Any) -> tuple[StudyRecord, list[Instance]]:
    """A study whose slices came in this order."""
    found = [
        picture(number, SOPInstanceUID=f"1.2.{at + 1}", **attributes).instance
        for at, number in enumerate(numbers)
    ]
    study = found[0].identity.study_instance_uid
    answers = tuple(Assessment(one.identity.sop_instance_uid, Status.REFUSED) for one in found)
    return StudyRecord(study, tuple(found), answers, (), datetime.now(UTC)), found


def test_pictures_stand_by_their_number() -> None:
    study, found = record(3, 1, 2)
    assert series.members(study, found[0]) == [found[1], found[2], found[0]]
    assert series.stack(study, found[0]) == Stack(found[0].identity.series_instance_uid, 2, 3)


@pytest.mark.parametrize(
    ("numbers", "order"),
    [((3, None, 1), (2, 0, 1)), ((2, 2, 1), (2, 0, 1)), ((None, None), (0, 1))],
)
def test_without_a_number_of_its_own_a_picture_keeps_its_place_of_arrival(
    numbers: tuple[int | None, ...], order: tuple[int, ...]
) -> None:
    study, found = record(*numbers)
    assert series.members(study, found[0]) == [found[at] for at in order]


def test_projections_and_single_pictures_are_no_stack() -> None:
    study, found = record(1, 2, Modality="DX")
    assert series.stack(study, found[0]) is None
    study, found = record(1)
    assert series.stack(study, found[0]) is None


def test_the_number_is_stored() -> None:
    instance = picture(7).instance
    assert instance_from_json(instance_to_json(instance)).acquisition.instance_number == 7
    old = instance_to_json(instance)
    del old["acquisition"]["instance_number"]  # as kept before it was read
    for name in ("length_plane", "magnification", "image_position", "image_orientation"):
        del old["geometry"][name]
    found = instance_from_json(old)
    assert found.acquisition.instance_number is None
    assert found.geometry.image_position is None and found.geometry.length_plane == "body"


def test_the_place_in_the_patient_is_stored() -> None:
    placed = picture(
        1, ImagePositionPatient=[1, 2, 3.5], ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
    ).instance
    assert instance_from_json(instance_to_json(placed)) == placed
    assert placed.geometry.image_position == (1.0, 2.0, 3.5)


def test_an_angle_is_that_of_the_body_where_pixels_are_not_square() -> None:
    image = picture(1, PixelAspectRatio=[2, 1])
    uid = image.instance.identity.sop_instance_uid
    points = [[4.0, 0.0], [0.0, 0.0], [2.0, 1.0]]  # two across, one down and that counts double
    drawn = {"uid": "a", "sop": uid, "frame": 0, "shape": "angle", "points": points}
    report = {"generation": 0, "revision": 1, "sops": [uid], "annotations": [drawn]}
    reading = read_report(report, Scene((Pane("0", image, ""),)), {})
    assert reading is not None
    (angle,) = [m for m in reading.annotations[0].measures if m.name == "angle"]
    assert angle.value == pytest.approx(45)
    assert math.degrees(math.atan2(1, 2)) != pytest.approx(45)
