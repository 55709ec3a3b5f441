"""Public bug reports tried: overlays (07), spacing (08), order of slices (22)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.dicom import Image, inspect_image, read_image
from imaging.entities import LengthPlane
from imaging.settings import Settings
from imaging.slices import instances_in_order

DATA = Settings.from_environment().data
ROOT = DATA / "reports" if DATA else Path("LIGHTBOX_DATA-is-unset")
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="LIGHTBOX_DATA/reports is not there")


def reported(folder: str, name: str) -> Image:
    (found,) = ROOT.glob(f"{folder}-*/{name}.dcm")
    return read_image(found)


@pytest.mark.parametrize("name", ["d1_overlay", "d2_overlay_bit15"])
def test_07_the_marker_of_the_overlay_is_drawn(name: str) -> None:
    image = reported("07", name)
    mask = image.overlay_mask()
    assert mask is not None and mask[8, 8:11].all() and mask[37, 8:26].all()  # an L
    assert not mask[8, 12:].any()
    stored = image.stored_values()
    assert int(stored.max()) < 4096
    marker = next(c.words for c in inspect_image(image).cautions if c.code == "laterality")
    assert "overlay" in marker


@pytest.mark.parametrize(
    ("name", "plane", "pixel"),
    [
        ("d3_both_equal", LengthPlane.DETECTOR, 0.2),
        ("d3_both_equal_ermf", LengthPlane.CORRECTED, 0.2 / 1.5),
        ("d3_ps_only_cr", LengthPlane.UNKNOWN, 0.2),
    ],
)
def test_08_lengths_say_where_they_hold(name: str, plane: LengthPlane, pixel: float) -> None:
    image = reported("08", name)
    geometry = image.instance.geometry
    assert geometry.length_plane is plane
    assert geometry.pixel_spacing == pytest.approx((pixel, pixel))
    assert "spacing" in [caution.code for caution in inspect_image(image).cautions]


def test_22_slices_stand_by_their_place() -> None:
    images = [reported("22", f"same_{at}") for at in (3, 0, 4, 2, 1)]
    found = instances_in_order([image.instance for image in images])
    depths = [one.geometry.image_position[2] for one in found if one.geometry.image_position]
    assert depths == [0, 5, 10, 15, 20]
    missing = reported("22", "onemissing_2").instance
    assert missing.acquisition.instance_number is None
    assert missing.geometry.image_position == (0, 0, 10)
    assert np.array_equal(images[0].frame_order, (0,))
