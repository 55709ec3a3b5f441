"""What travels to the viewer, and what is believed of its reports."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imaging.decoding import DistantImage, read_image
from imaging.entities import LengthPlane
from imaging.review.records import Annotation, Measure, Presentation, Shape
from pages.ui.viewer.packets import halve, overlay_hash, pack_film, pack_overlay
from pages.ui.viewer.reports import MOST_ANNOTATIONS, read_report
from pages.ui.viewer.scene import Overlay, Pane, Scene, ViewerReport
from tests.factories import make_dicom_bytes, make_lut

UID, OTHER = "1.2.3.4", "1.2.3.5"


def image(pixels: np.ndarray | None = None, **attributes: Any) -> DistantImage:
    attributes = {"SOPInstanceUID": UID, **attributes}
    return read_image(make_dicom_bytes(pixels, **attributes), file_name="film.dcm")


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", data)
    start = 4 + length
    return json.loads(data[4:start]), data[start + (-start % 8) :]


def test_a_film_arrives_as_stored() -> None:
    film = image(np.arange(12, dtype=np.uint16).reshape(3, 4))
    header, body = unpack(pack_film(film).data)
    assert (header["rows"], header["columns"], header["type"]) == (3, 4, "uint16")
    assert np.array_equal(np.frombuffer(body, "<u2").reshape(3, 4), film.stored_values())


def test_equal_tables_of_many_frames_travel_once() -> None:
    table = make_lut(0, list(range(4096)), bits=12)
    film = image(np.zeros((3, 5, 5), np.uint16), VOILUTSequence=[table, table])
    header, body = unpack(pack_film(film).data)
    offsets = {one["lut"]["offset"] for frame in header["frames"] for one in frame["presets"]}
    (offset,) = offsets
    assert offset % 8 == 0
    assert np.array_equal(np.frombuffer(body[offset : offset + 8192], "<u2"), np.arange(4096))


def test_a_large_film_is_preceded_by_a_small_one() -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (1500, 2101)).astype(np.uint16)
    whole = pack_film(image(pixels))
    assert whole.preview is not None and len(whole.data) > 15 * len(whole.preview.data)
    header, body = unpack(whole.preview.data)
    small = np.frombuffer(body, "<u2").reshape(375, 526)
    assert header["halved"] == 2 and (header["rows"], header["columns"]) == (1500, 2101)
    assert np.array_equal(small, halve(halve(pixels)))


def test_halving_is_that_of_the_browser() -> None:
    found = halve(np.arange(1, 10, dtype=np.uint16).reshape(3, 3))
    assert found.tolist() == [[3, 5], [8, 9]]
    assert halve(np.array([[-1, -2], [-3, -4]], np.int16)).tolist() == [[-2]]


def test_an_overlay_without_numbers_in_places_counts_them_as_nothing() -> None:
    values = np.array([[1.0, np.nan], [np.inf, -1.0]])
    _, body = unpack(pack_overlay(overlay(values)).data)
    assert np.frombuffer(body, "<f4").tolist() == [1, 0, 0, -1]


def test_the_name_of_an_overlay_follows_its_values_and_scale() -> None:
    one = overlay(np.ones((2, 2)))
    assert overlay_hash(one) == overlay_hash(overlay(np.ones((2, 2))))
    assert overlay_hash(one) != overlay_hash(overlay(np.ones((2, 2)) * 2))
    assert overlay_hash(one) != overlay_hash(replace(one, limit=2.0))


def test_a_doubtful_map_has_no_colour() -> None:
    one = overlay(np.ones((2, 2)))
    doubtful = replace(one, doubtful=True)
    header, _body = unpack(pack_overlay(doubtful).data)
    colours = np.reshape(header["colours"], (256, 3))
    assert (colours == colours[:, :1]).all() and np.ptp(colours) > 100
    assert overlay_hash(one) != overlay_hash(doubtful)


def overlay(values: np.ndarray) -> Overlay:
    return Overlay(values, 1.0, True, "method", "target", "a | b", "model")


def scene(**fields: Any) -> Scene:
    film = image(np.arange(200, dtype=np.uint16).reshape(10, 20), PixelSpacing=[0.5, 0.5])
    return Scene((Pane("a", film, "film"),), finding_labels={"pneumonia": "Pneumonia"}, **fields)


def line(**fields: Any) -> dict[str, Any]:
    found = {
        "uid": "u1", "sop": UID, "shape": "length", "points": [[1, 2], [5, 2]], "frame": 0,
        "label": "", "finding": "pneumonia",
    }  # fmt: skip
    return found | fields


def heard(*annotations: Any, shown: Scene | None = None, **fields: Any) -> ViewerReport | None:
    report = {
        "revision": 3, "generation": 0, "sops": [UID], "annotations": list(annotations),
        "presentations": [],
    }  # fmt: skip
    return read_report(report | fields, shown or scene(), {UID: "HU"})


def test_a_line_is_measured_here_whatever_the_browser_says() -> None:
    found = heard(line(measures=[["length", 99, "mm"]]))
    assert found is not None
    (one,) = found.annotations
    assert one.measures == (Measure("length", 2.0, "mm", LengthPlane.UNKNOWN),)
    assert (one.shape, one.finding, found.revision) == (Shape.LENGTH, "pneumonia", 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sop": OTHER}, {"frame": 1}, {"frame": -1}, {"frame": True}, {"shape": "circle"},
        {"points": [[1, 2]]}, {"points": [[1, 2], [3, float("nan")]]}, {"points": "all"},
        {"points": [[1, 2], [3, "4"]]}, {"points": [[1, 2, 3], [4, 5, 6]]}, {"uid": ""},
        {"uid": "x" * 65}, {"uid": 7}, {"points": [[1, 2]] * 5000, "shape": "region"},
    ],
)  # fmt: skip
def test_what_does_not_hold_is_left_out(wrong: dict[str, Any]) -> None:
    found = heard(line(**wrong))
    assert found is not None and found.annotations == ()


@pytest.mark.parametrize("report", [None, 5, "x", [], {}, {"revision": 1}])
def test_no_report_is_no_reading(report: Any) -> None:
    assert read_report(report, scene(), {}) is None


def test_a_report_about_other_films_or_an_older_generation_is_none() -> None:
    assert heard(line(), sops=[OTHER]) is None
    assert heard(line(), shown=scene(generation=1)) is None


def test_points_end_at_the_edge_and_unknown_findings_are_dropped() -> None:
    found = heard(line(points=[[-5, 2], [500, 2]], finding="<script>"))
    assert found is not None
    assert found.annotations[0].points == ((0.0, 2.0), (20.0, 2.0))
    assert found.annotations[0].finding == ""


def test_there_is_an_end_to_annotations() -> None:
    found = heard(*(line(uid=f"u{number}") for number in range(500)))
    assert found is not None and len(found.annotations) == MOST_ANNOTATIONS


def test_drawings_on_films_out_of_sight_stay() -> None:
    hidden = Annotation("h", OTHER, Shape.LENGTH, ((0, 0), (1, 1)))
    found = heard(line(), shown=scene(annotations=(hidden,)))
    assert found is not None
    assert [one.uid for one in found.annotations] == ["h", "u1"]


@pytest.mark.parametrize(
    ("window", "expected"),
    [((40, 400), (40.0, 400.0)), ((None, None), (None, None)), ((40, 0), (None, None)),
     ((40, "wide"), (None, None))],
)  # fmt: skip
def test_a_presentation_has_a_usable_window_or_none(window: Any, expected: Any) -> None:
    said = {
        "sop": UID, "frame": 0, "center": window[0], "width": window[1], "curve": "LINEAR",
        "inverted": True, "flipped": False, "rotation": 90,
    }  # fmt: skip
    found = heard(presentations=[said, {**said, "rotation": 45}, {**said, "sop": OTHER}])
    assert found is not None
    (one,) = found.presentations
    assert (one.window_center, one.window_width) == expected
    assert replace(one, window_center=None, window_width=None) == Presentation(
        UID, inverted=True, rotation=90
    )
