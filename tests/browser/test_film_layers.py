"""What a file draws over its film, its frames by their place, and lengths on turned films."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from playwright.sync_api import expect
from pydicom.dataset import Dataset

from imaging.commands.render import render_png
from imaging.dicom import read_image
from tests.browser.lightbox import PATIENCE
from tests.browser.test_viewer_tools import on_film, report
from tests.browser.viewer import Bench
from tests.factories import make_dataset, make_overlay, make_pixels, to_bytes

pytestmark = [pytest.mark.browser]
expect.set_options(timeout=PATIENCE * 1000)
ROWS, COLUMNS = 200, 300
GREEN = (40, 220, 110)
SPACING = (0.5, 0.2)  # pixels that are 2.5 times as high as wide


def _marker() -> np.ndarray:
    """An L as large as a side marker, and a line one pixel wide down the film."""
    mark = np.zeros((ROWS, COLUMNS), bool)
    mark[20:60, 20:26] = mark[54:60, 20:46] = mark[:, 280] = True
    return mark


def _slices() -> Dataset:
    """Three frames that are stored in another order than they lie."""
    frames = np.stack([np.full((64, 64), level, np.uint16) for level in (3000, 1000, 2000)])
    ds = make_dataset(frames, Modality="MR", WindowCenter=2000, WindowWidth=4000)
    orientation, shared = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PlaneOrientationSequence = [orientation]
    ds.SharedFunctionalGroupsSequence, groups = [shared], []
    for depth in (30, 10, 20):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, depth]
        group.PlanePositionSequence = [position]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    return ds


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    pixels = make_pixels(ROWS, COLUMNS)
    marked = make_dataset(pixels, SOPInstanceUID="1.2.1")
    for element in make_overlay(_marker()).values():
        marked.add(element)
    tall = make_dataset(pixels, SOPInstanceUID="1.2.2", Modality="CT", PixelSpacing=list(SPACING))
    for name, ds in {"marked": marked, "tall": tall, "slices": _slices()}.items():
        (folder / f"{name}.dcm").write_bytes(to_bytes(ds))
    return folder


def greens(picture: np.ndarray) -> int:
    return int((picture == GREEN).all(axis=-1).sum())


def test_the_overlay_is_a_layer_that_can_be_switched(
    bench: Bench, films: Path, tmp_path: Path
) -> None:
    bench.open({"film": "marked.dcm"})
    bench.page.screenshot(path=tmp_path / "overlay-on.png")
    button = bench.page.locator('button[data-action="planes"]')
    assert button.get_attribute("aria-pressed") == "true" and bench.state()["planes"] == "on"
    bench.press("e")
    expect(bench.pane().locator(".readout")).to_contain_text("The file's overlay is hidden")
    bench.page.screenshot(path=tmp_path / "overlay-off.png")
    (left,) = report(bench)["presentations"]
    assert left["overlays"] is False
    assert greens(bench.pixels()) == 0
    button.click()
    bench.press("0")
    image = read_image(films / "marked.dcm")
    wanted = np.asarray(PilImage.open(BytesIO(render_png(image, 0))))
    assert np.array_equal(bench.film(), wanted)  # what `cli.py render` writes
    bench.press("?")
    expect(bench.page.locator(".help")).to_contain_text("Show or hide the file's own overlay")
    bench.page.screenshot(path=tmp_path / "help.png")


def test_a_thin_line_stays_when_the_film_is_small(bench: Bench) -> None:
    bench.open({"film": "marked.dcm"}).press(*("-" * 9))
    assert bench.number("zoom") < 0.5
    shown = bench.film() if bench.number("zoom") == 1 else bench.pixels()
    (x, top), (_, bottom) = (on_film(bench, 280.5, row) for row in (0, ROWS))
    line = shown[int(top) + 1 : int(bottom) - 1, int(x) - 2 : int(x) + 3]
    assert (line == GREEN).all(axis=-1).any(axis=1).all()


def test_a_film_without_an_overlay_has_no_such_button(bench: Bench) -> None:
    bench.open({"film": "tall.dcm"})
    assert not bench.page.locator('button[data-action="planes"]').is_visible()


@pytest.mark.parametrize("keys", ["", "r", "h", "lv", "r++"])
def test_a_turned_film_is_measured_as_it_is_stored(bench: Bench, keys: str) -> None:
    bench.open({"film": "tall.dcm"}).press(*keys)
    start, end = (120.0, 80.0), (180.0, 110.0)
    bench.press("d")
    bench.drag(on_film(bench, *start), on_film(bench, *end))
    (line,) = report(bench, annotations=1)["annotations"]
    pixel = 1.5 / bench.number("zoom")
    for found, wanted in zip(line["points"], (start, end), strict=True):
        assert found == pytest.approx(wanted, abs=pixel)
    ((_, millimetres, unit),) = line["measures"]
    (x0, y0), (x1, y1) = line["points"]
    assert unit == "mm"
    assert millimetres == pytest.approx(np.hypot((x1 - x0) * SPACING[1], (y1 - y0) * SPACING[0]))
    assert millimetres == pytest.approx(np.hypot(60 * 0.2, 30 * 0.5), abs=2 * pixel)
    bench.press("b")
    bench.drag(on_film(bench, 100, 120), on_film(bench, 140, 150))
    areas: list[dict[str, Any]] = report(bench, annotations=2)["annotations"]
    (box,) = (one for one in areas if one["shape"] == "rectangle")
    area = next(value for name, value, _ in box["measures"] if name == "area")
    assert area == pytest.approx(40 * 0.2 * 30 * 0.5, rel=0.15)


def test_frames_are_gone_through_by_their_place(bench: Bench) -> None:
    bench.open({"film": "slices.dcm"})
    readout = bench.pane().locator(".readout")
    for number, frame in enumerate((2, 3, 1), 1):
        expect(readout).to_contain_text(f"Image {number} of 3 (frame {frame})")
        assert bench.state()["frame"] == str(frame - 1)
        bench.press("ArrowDown")
    bench.press("Home")
    expect(readout).to_contain_text("Image 1 of 3 (frame 2)")
