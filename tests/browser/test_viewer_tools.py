"""Mouse, keys, overlay, drawings and linked panes of the viewer, by hand in a real browser."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from playwright.sync_api import Page, expect

from imaging.entities import RESEARCH_USE
from imaging.review import measure
from imaging.review.records import Annotation, Shape
from tests.browser.lightbox import PATIENCE
from tests.browser.viewer import Bench, grey
from tests.factories import make_dicom_bytes, make_lut

pytestmark = [pytest.mark.browser]
expect.set_options(timeout=PATIENCE * 1000)
ROWS, COLUMNS = 200, 300


def _flat(value: int = 1000, kind: str = "u2") -> np.ndarray:
    return np.full((ROWS, COLUMNS), value, kind)


def _halves() -> np.ndarray:
    pixels = _flat(100)
    pixels[:, COLUMNS // 2 :] = 900
    return pixels


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    window = {"WindowCenter": 500, "WindowWidth": 1000, "PatientOrientation": ["L", "F"]}
    made: dict[str, bytes] = {
        "px": make_dicom_bytes(_halves(), SOPInstanceUID="1.2.1", **window),
        "mm": make_dicom_bytes(
            _halves(), SOPInstanceUID="1.2.2", PixelSpacing=[0.5, 0.5], **window
        ),
        "detector": make_dicom_bytes(
            _halves(), SOPInstanceUID="1.2.3", ImagerPixelSpacing=[0.25, 0.25], **window
        ),
        "earlier": make_dicom_bytes(
            _halves()[:, ::-1].repeat(2, 0).repeat(2, 1), SOPInstanceUID="1.2.9", **window
        ),
        "negative": make_dicom_bytes(
            _halves(), SOPInstanceUID="1.2.4", PhotometricInterpretation="MONOCHROME1", **window
        ),
        "ct": make_dicom_bytes(
            _flat(0, "i2"), SOPInstanceUID="1.2.5", Modality="CT", RescaleSlope=1,
            RescaleIntercept=-1024, RescaleType="HU", **window,
        ),
        "lut": make_dicom_bytes(
            _halves(), SOPInstanceUID="1.2.6",
            VOILUTSequence=[make_lut(0, list(range(0, 65536, 16)), explanation="STRAIGHT")],
        ),
        "cine": make_dicom_bytes(
            np.stack([_flat(100 * n) for n in range(6)]), SOPInstanceUID="1.2.7", FrameTime=40,
            **window,
        ),
        "big": make_dicom_bytes(_flat(0).repeat(4, 0).repeat(4, 1), SOPInstanceUID="1.2.8",
            WindowCenter=3000, WindowWidth=100),
    }  # fmt: skip
    for name, content in made.items():
        (folder / f"{name}.dcm").write_bytes(content)
    block = np.zeros((20, 30), np.float32)
    block[5:15, 10:20] = 1
    np.save(folder / "block.npy", block)
    np.save(folder / "signed.npy", block - np.roll(block, 10, axis=1))
    return folder


def report(bench: Bench, *, annotations: int | None = None) -> dict[str, Any]:
    """What Python has heard from the viewer last; waits until it is so many annotations."""
    shown = bench.page.locator('[data-testid="stCode"] code')
    shown.wait_for()
    end = time.monotonic() + PATIENCE
    while True:
        heard: dict[str, Any] = json.loads(shown.inner_text())
        if annotations in (None, len(heard["annotations"])):
            return heard
        assert time.monotonic() < end, heard
        bench.page.wait_for_timeout(50)


def test_window_drag_sends_nothing_to_the_server(page: Page, viewer: str) -> None:
    frames: list[Any] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: frames.append(data)))
    bench = Bench(page, viewer).open({"film": "mm.dcm"})
    page.wait_for_timeout(1000)  # what Streamlit says when it opens a page
    page.mouse.move(*bench.at(200, 200))
    before = len(frames)
    page.mouse.down()
    page.mouse.move(*bench.at(320, 140), steps=20)
    page.wait_for_timeout(1500)
    assert len(frames) == before
    assert bench.number("windowWidth") > 1000
    assert bench.number("windowCenter") < 500
    page.mouse.up()


def test_the_middle_button_moves_and_the_right_one_zooms(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"})
    before = bench.place()
    bench.drag((300, 300), (350, 280), button="middle")
    assert np.allclose(bench.place()[:, 2] - before[:, 2], (50, -20))
    zoom = bench.number("zoom")
    bench.drag((300, 300), (300, 250), button="right")
    assert bench.number("zoom") > zoom


def test_the_wheel_goes_through_frames_or_zooms_a_single_one(bench: Bench) -> None:
    bench.open({"film": "cine.dcm"}, {"film": "mm.dcm"})
    bench.page.mouse.move(*bench.at(200, 200))
    bench.page.mouse.wheel(0, 100)
    bench.settle()
    assert bench.state()["frame"] == "1"
    zoom = bench.number("zoom", 1)
    bench.page.mouse.move(*bench.at(200, 200, 1))
    bench.page.mouse.wheel(0, -100)
    bench.settle()
    assert bench.number("zoom", 1) > zoom


def test_each_key_does_its_work(bench: Bench) -> None:
    """What each action does is asked in frontend/test/tools.test.ts; here, that keys get there."""
    bench.open({"film": "mm.dcm", "overlay": "block.npy"})
    fitted = bench.number("zoom")
    for keys, name, value in [
        (["i"], "inverted", "true"),
        (["r"], "rotation", "90"),
        (["l"], "rotation", "270"),
        (["h"], "flipped", "true"),
        (["v"], "rotation", "180"),
        (["0"], "zoom", "1"),
        (["2"], "function", "LINEAR_EXACT"),
        (["ArrowDown", "End"], "frame", "0"),
    ]:
        bench.press(*keys)
        assert bench.state()[name] == value, keys
        bench.press("Space")
    assert bench.number("zoom") == fitted
    bench.press("+", "+")
    assert bench.number("zoom") > fitted
    bench.press("-", "-", "-")
    assert bench.number("zoom") < fitted
    bench.press("=")
    assert bench.number("zoom") == fitted
    for keys, name, value in [
        (["o"], "overlay", "on"),
        (["]"], "opacity", "0.7"),
        (["[", "[", "["], "opacity", "0.4"),
        (["o"], "overlay", "off"),
    ]:
        bench.press(*keys)
        assert bench.state()[name] == value, keys


def test_reset_brings_back_the_acquired_presentation(bench: Bench) -> None:
    bench.open({"film": "negative.dcm"})
    before = bench.state()
    bench.drag((200, 200), (300, 260))
    bench.press("i", "r", "h", "+", "Space")
    after = bench.state()
    assert {**after, "drawn": ""} == {**before, "drawn": ""}
    bench.press("0")
    assert grey(bench.film())[0, 0] > 200  # low values stay bright


def test_hu_presets_belong_to_ct_alone(bench: Bench) -> None:
    bench.open({"film": "ct.dcm"}, {"film": "mm.dcm"})
    labels = bench.page.locator('select[data-action="presets"]')
    assert "Lung" in labels.inner_text()
    bench.press("2")
    assert (bench.number("windowCenter"), bench.number("windowWidth")) == (-600, 1500)
    bench.press("ArrowRight")
    assert "Lung" not in labels.inner_text()


def test_keys_of_the_page_are_left_alone(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"})
    bench.page.evaluate("addEventListener('keydown', e => { (window.heard ??= []).push(e.key) })")
    bench.press("n", "i", "p")
    assert bench.page.evaluate("window.heard") == ["n", "p"]


def test_keys_go_to_a_field_that_has_the_focus(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"})
    bench.page.get_by_label("Note").click()
    bench.press("i")
    assert bench.state()["inverted"] == "false"
    expect(bench.page.get_by_label("Note")).to_have_value("i")


def test_keys_can_be_bound_anew_and_the_help_sheet_names_every_key(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"}, bindings={"invert": "q"}).press("i")
    assert bench.state()["inverted"] == "false"
    bench.press("q")
    assert bench.state()["inverted"] == "true"
    bench.press("?")
    sheet = bench.page.get_by_role("dialog")
    expect(sheet).to_contain_text("Invert grey")
    expect(sheet).to_contain_text("Q")
    bench.press("Escape")
    expect(sheet).to_have_count(0)


def test_every_pane_names_its_patient_and_the_intended_use(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"}, {"film": "px.dcm"})
    for index in (0, 1):
        expect(bench.pane(index)).to_contain_text(RESEARCH_USE)
        expect(bench.pane(index)).to_contain_text("<b>SYNTHETIC</b>")  # text, never markup


def test_a_rerun_keeps_everything_and_sends_no_pixels(page: Page, viewer: str) -> None:
    received: list[int] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: received.append(len(data))),
    )
    bench = Bench(page, viewer).open({"film": "big.dcm", "overlay": "block.npy"})
    bench.press("i", "r", "+", "o")
    page.wait_for_timeout(1500)
    before, received[:] = bench.state(), []
    page.get_by_role("button", name="Rerun").click()
    expect(page.get_by_text("Run 3")).to_be_visible()
    assert bench.state() == before
    assert 0 < sum(received) < 100_000 < 2 * 16 * ROWS * COLUMNS


def test_cine_plays_in_order_and_stops(bench: Bench) -> None:
    bench.open({"film": "cine.dcm"}).press("c")
    seen = bench.pane().evaluate(
        """pane => new Promise(done => {
            const seen = [];
            new MutationObserver(() => {
                if (seen.at(-1) !== pane.dataset.frame) seen.push(pane.dataset.frame);
                if (seen.length === 8) done(seen);
            }).observe(pane, {attributes: true, attributeFilter: ['data-frame']});
        })"""
    )
    steps = np.diff([int(one) for one in seen]) % 6
    assert set(steps) == {1}
    bench.press("c")
    frame = bench.state()["frame"]
    bench.page.wait_for_timeout(300)
    assert bench.state()["frame"] == frame


def test_linked_panes_move_together_and_apart_again(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"}, {"film": "mm.dcm", "overlay": "block.npy"}, linked=True)
    bench.drag((200, 200), (260, 230))
    bench.drag((200, 200), (230, 190), button="middle")
    bench.press("+")
    for name in ("windowCenter", "windowWidth", "zoom", "place"):
        left, right = (json.loads(bench.state(pane)[name]) for pane in (0, 1))
        assert left == pytest.approx(right)
    bench.press("y")
    bench.drag((200, 200), (260, 230))
    assert bench.state(0)["windowWidth"] != bench.state(1)["windowWidth"]


def edges_of(lit: np.ndarray) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the lit part of a picture, to a fraction of a pixel."""
    found = []
    for axis in (0, 1):
        line = lit.sum(axis=axis) / lit.sum(axis=axis).max()
        inside = np.flatnonzero(line > 0.5)
        first, last = inside[0], inside[-1]
        before, after = line[first] - line[first - 1], line[last] - line[last + 1]
        found.append(first + 0.5 - (line[first] - 0.5) / before)
        found.append(last + 0.5 + (line[last] - 0.5) / after)
    return found[0], found[1], found[2], found[3]


def test_the_overlay_lies_where_it_belongs_at_any_zoom(bench: Bench) -> None:
    bench.open({"film": "big.dcm", "overlay": "block.npy"}).press("o")
    bench.page.locator('[data-action="map_look"]').click()
    bench.page.locator('[data-action="threshold"]').fill("0")
    bench.page.locator('[data-action="palette"]').click()
    bench.page.mouse.click(*bench.at(5, 5))  # the keys go to the film again
    # A map of 20 x 30 with a block of 10 x 10: its half height lies on the block's edges.
    rows, columns = 4 * ROWS, 4 * COLUMNS
    block = np.array([[columns / 3, columns * 2 / 3], [rows / 4, rows * 3 / 4], [1, 1]])
    for keys in (["="], ["0"], ["+", "+"], ["-", "-"], ["r", "+"], ["h", "-"]):
        bench.press("Space", *keys)
        lit = bench.pixels()[..., 0].astype(float)
        (x0, x1), (y0, y1) = bench.place() @ block
        wanted = (min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1))
        assert np.abs(np.array(edges_of(lit)) - wanted).max() <= 1, keys


def test_the_second_pane_shows_its_overlay_too(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"}, {"film": "mm.dcm", "overlay": "block.npy"}, linked=True)
    plain, before = bench.pixels(0), bench.pixels(1)
    bench.press("o")
    assert np.array_equal(bench.pixels(0), plain)
    assert not np.array_equal(bench.pixels(1), before)


def test_the_overlay_opens_off_and_is_explained_when_on(bench: Bench) -> None:
    bench.open({"film": "mm.dcm", "overlay": "signed.npy"})
    without = bench.pixels()
    legend = bench.pane().locator(".legend")
    assert bench.state()["overlay"] == "off" and not legend.is_visible()
    bench.press("o")
    for words in ("Grad-CAM", "Pneumonia", "low", "high", "tiny 0.1 (abc)"):
        expect(legend).to_contain_text(words)
    assert not np.array_equal(bench.pixels(), without)
    bench.press("o")
    assert np.array_equal(bench.pixels(), without)


def test_a_length_is_in_millimetres_only_where_the_file_says_so(bench: Bench) -> None:
    films = {
        "mm": ("mm", 0.5, "mm"),
        "px": ("{pixels}", 1.0, "px"),
        "detector": ("mm", 0.25, "(at the detector)"),
    }
    bench.open(*({"film": f"{film}.dcm"} for film in films), layout="4").press("d")
    for index, (unit, size, shown) in enumerate(films.values()):
        bench.press("0")
        bench.drag((200, 150), (320, 150), index=index)
        found = report(bench, annotations=index + 1)["annotations"]
        (mine,) = (one for one in found if one["measures"] == [["length", 120 * size, unit]])
        assert mine["shape"] == "length"
        expect(bench.pane(index).locator("svg text")).to_contain_text(shown)
        bench.press("ArrowRight")


def test_a_drawing_is_undone_redone_deleted_and_tied_to_a_finding(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"}).press("0", "d")
    bench.drag((560, 250), (680, 250))
    assert len(report(bench)["annotations"]) == 1
    bench.page.locator('select[data-action="finding"]').select_option("pneumonia")
    expect(bench.page.locator('[data-testid="stCode"]')).to_contain_text('"pneumonia"')
    lines = bench.pane().locator("svg line, svg path")
    bench.press("Control+z", "Control+z")
    expect(bench.page.locator('[data-testid="stCode"]')).to_contain_text('"annotations": []')
    assert lines.count() == 0
    bench.press("Control+y")
    expect(bench.page.locator('[data-testid="stCode"]')).to_contain_text('"length"')
    bench.press("Escape")
    bench.page.mouse.click(*bench.at(600, 250))
    bench.page.wait_for_timeout(600)
    bench.press("Backspace")
    expect(bench.page.locator('[data-testid="stCode"]')).to_contain_text('"annotations": []')


def test_the_probe_reads_modality_values(bench: Bench) -> None:
    bench.open({"film": "ct.dcm"})
    bench.page.mouse.move(*bench.at(400, 300))
    expect(bench.pane().locator(".probe")).to_contain_text("-1024 HU")


def test_a_look_up_table_gives_way_to_a_window_when_dragged(bench: Bench) -> None:
    bench.open({"film": "lut.dcm"})
    assert bench.state()["function"] == "LUT"
    bench.drag((200, 200), (240, 220))
    assert bench.state()["function"] == "LINEAR"
    bench.press("1")
    assert bench.state()["function"] == "LUT"


def test_the_window_a_reader_left_reaches_python(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"})
    bench.drag((200, 200), (260, 200))
    bench.press("h")
    (found,) = report(bench)["presentations"]
    assert found["window_width"] == pytest.approx(bench.number("windowWidth"))
    assert found["flipped"] is True


def drawn(bench: Bench) -> tuple[dict[str, tuple[float, str]], Annotation]:
    """The one annotation that Python heard of, and its measures by name."""
    (found,) = report(bench, annotations=1)["annotations"]
    points = tuple((column, row) for column, row in found["points"])
    mark = Annotation("1", "1.2.2", Shape(found["shape"]), points)
    return {name: (value, unit) for name, value, unit in found["measures"]}, mark


def computed(mark: Annotation, spacing: tuple[float, float] = (0.5, 0.5)) -> dict[str, Any]:
    """What `imaging.review.measure` makes of the same points on the same film."""
    found = measure.measure(mark, _halves().astype(np.float32), spacing=spacing)
    return {m.name: (m.value, m.unit) for m in found}


def on_film(bench: Bench, column: float, row: float) -> tuple[float, float]:
    """A place on the film as one in its pane."""
    x, y = bench.place() @ (column, row, 1)
    return float(x), float(y)


def draw_angle(bench: Bench) -> None:
    bench.drag(on_film(bench, 200, 50), on_film(bench, 100, 50))
    bench.page.mouse.move(*bench.at(*on_film(bench, 150, 100)), steps=4)
    bench.page.mouse.click(*bench.at(*on_film(bench, 150, 100)))


def draw_region(bench: Bench) -> None:
    corners = [(110, 60), (140, 60), (140, 90), (110, 90), (110, 60)]
    bench.page.mouse.move(*bench.at(*on_film(bench, *corners[0])))
    bench.page.mouse.down()
    for corner in corners[1:]:
        bench.page.mouse.move(*bench.at(*on_film(bench, *corner)), steps=12)
    bench.page.mouse.up()
    bench.settle()


def draw_ratio(bench: Bench) -> None:
    for start, end in (((120, 100), (180, 100)), ((90, 130), (210, 130))):
        bench.drag(on_film(bench, *start), on_film(bench, *end))


def draw_between(start: tuple[float, float], end: tuple[float, float]) -> Callable[[Bench], None]:
    """Drag from one place on the film to another."""
    return lambda bench: bench.drag(on_film(bench, *start), on_film(bench, *end))


# Key, the hand's way over the film, the shape, a value it must have, and a word beside it. The
# rules of measuring are asked in frontend/test/tools.test.ts and
# tests/imaging/review/test_measure.py.
TOOLS: list[tuple[str, Callable[[Bench], None], Shape, dict[str, Any], str]] = [
    ("a", draw_angle, Shape.ANGLE, {"angle": (pytest.approx(45, abs=1), "deg")}, "45"),
    ("k", draw_ratio, Shape.RATIO, {"ratio": (pytest.approx(0.5, abs=0.02), "1")}, "0.5"),
    (
        "b", draw_between((130, 50), (170, 90)), Shape.RECTANGLE,
        {"area": (pytest.approx(400), "mm2"), "mean": (pytest.approx(500), "1"),
         "minimum": (100, "1"), "maximum": (900, "1")}, "mm",
    ),
    (
        "x", draw_between((150, 100), (190, 120)), Shape.ELLIPSE,
        {"mean": (pytest.approx(500, abs=5), "1"), "minimum": (100, "1"),
         "maximum": (900, "1")}, "mm",
    ),
    (
        "f", draw_region, Shape.REGION,
        {"area": (pytest.approx(30 * 30 * 0.25, rel=0.05), "mm2"), "mean": (100, "1")}, "",
    ),
]  # fmt: skip


def test_each_tool_draws_what_python_measures(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"}).press("0")
    for key, draw, shape, wanted, shown in TOOLS:
        bench.press(key)
        draw(bench)
        measures, mark = drawn(bench)
        assert mark.shape is shape and measures == computed(mark)
        assert {name: measures[name] for name in wanted} == wanted
        if shown:
            expect(bench.pane().locator("svg text").first).to_contain_text(shown)
        bench.press("Control+z")
        report(bench, annotations=0)


def test_while_a_key_is_held_the_prior_lies_in_the_place_of_the_image(bench: Bench) -> None:
    """Its date, its patient, no colour and no drawing of the image; all is back afterwards."""
    box = [0.1, 0.2, 0.9, 0.7]
    earlier = {"film": "earlier.dcm", "title": "Prior, 2024-01-01", "banner": [["Name", "EARLIER"]]}
    beside = {"prior": "1", "lungs": [box, box], "aligned": "by the lungs"}
    bench.open({"film": "px.dcm", "overlay": "block.npy"}, earlier, comparison=beside)
    image, page = bench.pane(), bench.page
    bench.press("d")
    bench.drag(on_film(bench, 60, 150), on_film(bench, 200, 150))
    bench.press("Escape", "o")
    page.mouse.move(5, 5)

    def left() -> str:
        half = image.screenshot()
        shown = np.asarray(PilImage.open(io.BytesIO(half)).convert("RGB")).astype(int)
        (x, y) = on_film(bench, 30, 20)
        return "bright" if shown[int(y), int(x)].mean() > 128 else "dark"

    expect(image.locator(".legend")).to_be_visible()
    assert left() == "dark" and image.locator("svg text").first.is_visible()
    page.keyboard.down(".")
    bench.settle()
    assert bench.state()["stead"] == "1" and left() == "bright"
    expect(image.locator(".title")).to_have_text("Prior, 2024-01-01")
    expect(image.locator(".aligned")).to_have_text("by the lungs")
    expect(page.locator("[data-action=length]")).to_be_disabled()
    expect(page.locator("[data-action=blink]")).to_have_attribute("aria-pressed", "true")
    expect(image.locator(".nw")).to_contain_text("EARLIER")
    expect(image.locator(".legend")).to_be_hidden()
    assert not image.locator("svg text").first.is_visible()
    glass = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)"
    assert not image.locator(".glass").evaluate(glass)
    page.wait_for_timeout(400)  # held, not tapped
    page.keyboard.up(".")
    bench.settle()
    assert bench.state()["stead"] == "" and left() == "dark"
    expect(page.locator("[data-action=length]")).to_be_enabled()
    expect(page.locator("[data-action=blink]")).to_have_attribute("aria-pressed", "false")
    expect(image.locator(".nw")).to_contain_text("SYNTHETIC")
    expect(image.locator(".legend")).to_be_visible()
    assert image.locator("svg text").first.is_visible()
    assert image.locator(".glass").evaluate(glass)


def test_a_drawing_beyond_the_film_ends_at_its_edge(bench: Bench) -> None:
    bench.open({"film": "px.dcm"}).press("0", "d")
    bench.drag(on_film(bench, 200, 50), on_film(bench, COLUMNS + 90, 50))
    ((x0, _), (x1, _)) = report(bench, annotations=1)["annotations"][0]["points"]
    assert (x0, x1) == (pytest.approx(200), COLUMNS)


def test_the_magnifier_shows_three_times_the_film_and_goes(bench: Bench) -> None:
    bench.open({"film": "mm.dcm"}).press("0", "g")
    x, y = on_film(bench, COLUMNS / 2, ROWS / 2)
    bench.page.mouse.move(*bench.at(x, y))
    bench.page.mouse.down()
    bench.settle()
    lens = bench.pane().locator(".lens")
    lens.wait_for()
    shown = np.asarray(PilImage.open(io.BytesIO(lens.screenshot())).convert("L")).astype(int)
    middle = shown[len(shown) // 2, 10:-10]  # without the lens's rim
    edge = int(np.flatnonzero(np.diff(middle > 128))[0])  # the film's own edge, under the hand
    assert abs(edge - len(middle) // 2) <= 3
    assert middle[len(middle) // 4] < 60 < 200 < middle[3 * len(middle) // 4]
    bench.page.mouse.up()
    bench.settle()
    assert lens.count() == 0


def test_two_fingers_zoom_and_move_and_change_no_window(bench: Bench) -> None:
    """As on a tablet: by the distance of two fingers, about their middle; one finger windows."""
    bench.open({"film": "mm.dcm"})
    before = bench.state()
    session = bench.page.context.new_cdp_session(bench.page)

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    (x, y) = bench.at(300, 300)
    touch("touchStart", (x - 50, y))
    touch("touchStart", (x - 50, y), (x + 50, y))
    for apart in (60, 80, 100):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    bench.settle()
    after = bench.state()
    assert float(after["zoom"]) == pytest.approx(2 * float(before["zoom"]), rel=0.02)
    assert (after["windowCenter"], after["windowWidth"]) == (
        before["windowCenter"],
        before["windowWidth"],
    )
    touch("touchStart", (x, y))
    touch("touchMove", (x + 60, y + 40))
    touch("touchEnd")
    bench.settle()
    assert bench.state()["windowWidth"] != after["windowWidth"]
    assert bench.state()["zoom"] == after["zoom"]
