"""Places of slices as headers give them, and the order of frames."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from imaging.dicom import Image, read_image
from tests.factories import make_dataset, to_bytes

AXIAL = [1, 0, 0, 0, 1, 0]


def item(**values: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def enhanced(*groups: Dataset, shared: Dataset | None = None) -> Image:
    """Frames with their functional groups."""
    pixels = np.arange(len(groups), dtype=np.uint16)[:, None, None] + np.zeros((1, 4, 4), np.uint16)
    ds = make_dataset(pixels, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1")
    ds.PerFrameFunctionalGroupsSequence = list(groups)
    ds.SharedFunctionalGroupsSequence = [shared or Dataset()]
    return read_image(to_bytes(ds))


def frame(z: float | None = None, *, stack: str = "", indices: list[int] | None = None) -> Dataset:
    content = item(StackID=stack) if stack else Dataset()
    if indices:
        content.DimensionIndexValues = indices
    group = item(FrameContentSequence=[content])
    if z is not None:
        group.PlanePositionSequence = [item(ImagePositionPatient=[0, 0, z])]
    return group


ORIENTED = item(PlaneOrientationSequence=[item(ImageOrientationPatient=AXIAL)])


def test_frames_stand_by_their_place() -> None:
    image = enhanced(*(frame(z) for z in (30, 10, 20)), shared=ORIENTED)
    assert image.frame_order == (1, 2, 0)
    assert image.instance.geometry.image_position == (0, 0, 30)
    assert image.instance.geometry.image_orientation == (1, 0, 0, 0, 1, 0)


def test_at_one_place_the_dimensions_decide() -> None:
    groups = (frame(5, indices=[1, 2]), frame(5, indices=[1, 1]), frame(0, indices=[2, 1]))
    assert enhanced(*groups, shared=ORIENTED).frame_order == (2, 1, 0)


def test_without_places_the_dimensions_decide() -> None:
    groups = (frame(indices=[2, 1]), frame(indices=[1, 2]), frame(indices=[1, 1]))
    assert enhanced(*groups).frame_order == (2, 1, 0)


def test_stacks_of_one_object_stay_apart() -> None:
    groups = [
        frame(z, stack=name, indices=[int(name), at])
        for at, (z, name) in enumerate([(1, "2"), (9, "1"), (0, "2"), (8, "1")], 1)
    ]
    assert enhanced(*groups, shared=ORIENTED).frame_order == (3, 1, 2, 0)


@pytest.mark.parametrize("broken", ["one without", "too few", "plain"])
def test_what_says_nothing_stays_as_stored(broken: str) -> None:
    if broken == "plain":
        image = read_image(to_bytes(make_dataset(np.zeros((3, 4, 4), np.uint16))))
    elif broken == "too few":
        ds = dcmread(BytesIO(to_bytes(make_dataset(np.zeros((3, 4, 4), np.uint16)))))
        ds.PerFrameFunctionalGroupsSequence = [frame(3), frame(1)]
        image = read_image(to_bytes(ds))
    else:
        image = enhanced(frame(), frame(), frame(indices=[1]))
    assert image.frame_order == (0, 1, 2)


def test_the_moment_of_acquisition_is_read() -> None:
    def moment(**attributes: Any) -> str:
        return read_image(to_bytes(make_dataset(**attributes))).instance.acquisition.acquired_at

    assert moment(AcquisitionDateTime="20250102030405.5+0100") == "20250102030405.5"
    assert moment(AcquisitionDate="20250102", AcquisitionTime="0304") == "202501020304"
    assert moment(ContentDate="20250102", ContentTime="030405") == "20250102030405"
    assert moment() == ""
