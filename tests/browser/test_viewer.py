"""The viewer shows exactly the grey levels that Python computes, however the film is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from imaging.dicom import read_image
from tests.browser.lightbox import _QUIET, WINDOW, find_chromium
from tests.browser.viewer import Bench, grey
from tests.factories import make_dicom_bytes, make_lut

pytestmark = [pytest.mark.browser]
ROWS, COLUMNS = 180, 240


def _ramp(low: int, high: int, kind: str = "u2") -> np.ndarray:
    """Every level from low to high, on a diagonal."""
    steps = np.add.outer(np.arange(ROWS), np.arange(COLUMNS)) / (ROWS + COLUMNS - 2)
    return np.rint(low + steps * (high - low)).astype(kind)


def _colours() -> np.ndarray:
    noise = np.random.default_rng(7)
    return noise.integers(0, 256, (ROWS, COLUMNS, 3)).astype(np.uint8)


def _table() -> list[int]:
    return (65535 * np.linspace(0, 1, 4096) ** 0.5).astype(int).tolist()


FILMS: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "plain": (_ramp(0, 4095), {"WindowCenter": 2000, "WindowWidth": 3001}),
    "monochrome1": (
        _ramp(0, 4095),
        {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 1500, "WindowWidth": 2000},
    ),
    "no window": (_ramp(100, 3000), {}),
    "signed ct": (
        _ramp(-1500, 2000, "i2"),
        {
            "Modality": "CT", "RescaleSlope": 1.5, "RescaleIntercept": -24.25,
            "RescaleType": "HU", "WindowCenter": 40, "WindowWidth": 400,
        },
    ),
    "voi lut": (
        _ramp(0, 4095),
        {"VOILUTSequence": [make_lut(0, _table(), bits=16, explanation="GAMMA")]},
    ),
    "modality lut": (
        _ramp(0, 1023),
        {
            "ModalityLUTSequence": [make_lut(0, [(i * i) % 5000 for i in range(1024)])],
            "WindowCenter": 2500, "WindowWidth": 4000,
        },
    ),
    "sigmoid": (
        _ramp(0, 4095),
        {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
    ),
    "linear exact": (
        _ramp(0, 4095),
        {"WindowCenter": 2000, "WindowWidth": 777, "VOILUTFunction": "LINEAR_EXACT"},
    ),
    "8 bit": (_ramp(0, 255, "u1"), {"WindowCenter": 128, "WindowWidth": 256}),
    "full depth": (_ramp(0, 65535), {"BitsStored": 16, "HighBit": 15}),
    "colour": (_colours(), {}),
    "frames": (
        np.stack([_ramp(0, 1000), _ramp(1000, 3000), _ramp(3000, 0)]),
        {"WindowCenter": 1500, "WindowWidth": 3000},
    ),
    "odd": (_ramp(0, 4095)[:-1, :-1], {"WindowCenter": 2000, "WindowWidth": 3001}),
}  # fmt: skip


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, (pixels, attributes) in FILMS.items():
        content = make_dicom_bytes(
            pixels,
            PatientOrientation=["L", "F"],
            SOPInstanceUID=f"1.2.3.{list(FILMS).index(name) + 1}",
            **attributes,
        )
        (folder / f"{name}.dcm").write_bytes(content)
    return folder


def expected(films: Path, name: str, frame: int = 0) -> np.ndarray:
    image = read_image((films / f"{name}.dcm").read_bytes(), file_name=name)
    return image.display_values(frame).astype(np.int16)


NAMES = list(FILMS)
PAIRS = [NAMES[at : at + 2] for at in range(0, len(NAMES), 2)]  # side by side on one page


@pytest.mark.parametrize("names", PAIRS, ids=", ".join)
def test_pixels_on_screen_are_those_of_python(bench: Bench, films: Path, names: list[str]) -> None:
    bench.open(*({"film": f"{name}.dcm"} for name in names))
    for index, name in enumerate(names):
        bench.press("0")
        wanted = expected(films, name)
        shown = bench.film(index).astype(np.int16)
        shown = shown if wanted.ndim == 3 else grey(shown.astype(np.uint8))
        assert np.abs(shown - wanted).max() == 0, name
        bench.press("ArrowRight")


def test_each_frame_is_the_right_one(bench: Bench, films: Path) -> None:
    bench.open({"film": "frames.dcm"}).press("0")
    for frame in (1, 2):
        bench.press("ArrowDown")
        shown = grey(bench.film())
        assert np.array_equal(shown, expected(films, "frames", frame))


def test_an_inverted_film_is_the_negative(bench: Bench, films: Path) -> None:
    bench.open({"film": "signed ct.dcm"}).press("0", "i")
    assert np.array_equal(grey(bench.film()), 255 - expected(films, "signed ct"))


TURNS: dict[str, tuple[list[str], Any, tuple[str, str, str, str]]] = {
    "flipped across": (["h"], np.fliplr, ("H", "R", "F", "L")),
    "flipped down": (["v"], np.flipud, ("F", "L", "H", "R")),
    "turned right": (["r"], lambda a: np.rot90(a, -1), ("R", "H", "L", "F")),
    "turned left": (["l"], lambda a: np.rot90(a, 1), ("L", "F", "R", "H")),
    "turned and flipped": (
        ["r", "h"], lambda a: np.fliplr(np.rot90(a, -1)), ("R", "F", "L", "H"),
    ),
}  # fmt: skip


def test_turns_move_pixels_and_letters_together(bench: Bench, films: Path) -> None:
    bench.open({"film": "plain.dcm"})
    for name, (keys, _, letters) in TURNS.items():
        bench.press("Space", *keys, "0")
        edges = [
            bench.pane().locator(f".edge.{edge}").inner_text()
            for edge in ("top", "right", "bottom", "left")
        ]
        assert tuple(edges) == letters, name
        flipped = any(key in "hv" for key in keys)
        assert bench.pane().locator(".warning").is_visible() == flipped, name
    for name, (keys, turn, _) in TURNS.items():  # apart: a look at the pixels hides the words
        bench.press("Space", *keys, "0")
        assert np.array_equal(grey(bench.film()), turn(expected(films, "plain"))), name


WEBGL = {"with WebGL": ("--enable-unsafe-swiftshader",), "without": ("--disable-3d-apis",)}


@pytest.mark.parametrize("name", list(WEBGL))
def test_the_same_pixels_with_and_without_webgl(
    chromium: Browser, viewer: str, films: Path, name: str
) -> None:
    quiet = [flag for flag in _QUIET if flag != "--disable-gpu"]
    browser = chromium.browser_type.launch(
        executable_path=find_chromium(), args=[*quiet, *WEBGL[name]]
    )
    assert has_webgl(browser) == (name == "with WebGL")
    bench = Bench(browser.new_page(viewport=WINDOW), viewer)  # type: ignore[arg-type]
    bench.open({"film": "sigmoid.dcm"}).press("0")
    assert np.array_equal(grey(bench.film()), expected(films, "sigmoid"))
    browser.close()


def has_webgl(browser: Browser) -> bool:
    page = browser.new_page()
    found = page.evaluate("document.createElement('canvas').getContext('webgl2') !== null")
    page.close()
    return bool(found)
