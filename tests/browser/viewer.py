"""A viewer alone on a page, in a real Chromium, and what its pixels must be."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from playwright.sync_api import Locator, Page

from imaging.settings import ROOT
from tests.browser.lightbox import PATIENCE, _free_port, _wait

APP = ROOT / "tests" / "browser" / "viewer_app.py"
TRIM = ".trim, .pane.active::after { visibility: hidden !important; content: none !important; }"


@contextmanager
def serve_viewer(films: Path, **extra: str) -> Iterator[str]:
    """Run the viewer's own page over a folder of DICOM files; yields its address.

    ``extra`` goes into the server's environment.
    """
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)]
    environ = {**os.environ, "VIEWER_FILMS": str(films), "LIGHTBOX_HOME": str(films / "home")}
    environ |= extra
    with (films / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}/{extra.get('STREAMLIT_SERVER_BASE_URL_PATH', '')}"
            _wait(server, address.rstrip("/"))
            yield address.rstrip("/")
        finally:
            server.terminate()
            server.wait(PATIENCE)


@dataclass
class Bench:
    """A page that shows scenes, with the moves of a reader's hand."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)

    def open(self, *panes: dict[str, Any], **scene: Any) -> Bench:
        """Show panes and wait until each is drawn."""
        layout = scene.pop("layout", "1" if len(panes) == 1 else "2")
        wanted = {"panes": panes, "layout": layout, "height": 640, **scene}
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{self.address}/?scene={quote(json.dumps(wanted))}")
        for index in range(len(panes)):
            self.page.locator(f'.pane[data-key="{index}"][data-ready="true"]').wait_for()
        self.page.mouse.move(5, 5)
        return self

    def pane(self, index: int = 0) -> Locator:
        return self.page.locator(f'.pane[data-key="{index}"]')

    def state(self, index: int = 0) -> dict[str, str]:
        """The data attributes of a pane."""
        return self.pane(index).evaluate("pane => ({...pane.dataset})")

    def number(self, name: str, index: int = 0) -> float:
        return float(self.state(index)[name])

    def press(self, *keys: str) -> None:
        """Press keys, each drawn before the next."""
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is on the screen."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def at(self, x: float, y: float, index: int = 0) -> tuple[float, float]:
        """A place in a pane on the page."""
        box = self.pane(index).bounding_box()
        assert box is not None
        return box["x"] + x, box["y"] + y

    def drag(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        button: Any = "left",
        index: int = 0,
    ) -> None:
        """Press, move and let go."""
        self.page.mouse.move(*self.at(*start, index))
        self.page.mouse.down(button=button)
        self.page.mouse.move(*self.at(*end, index), steps=6)
        self.page.mouse.up(button=button)
        self.settle()

    def pixels(self, index: int = 0) -> NDArray[np.uint8]:
        """What a pane shows, without the words around the film: (rows, columns, 3) uint8."""
        self.settle()
        self.pane(index).evaluate(
            """(pane, css) => {
                const root = pane.getRootNode();
                if (root.querySelector('style.test')) return;
                const style = document.createElement('style');
                style.className = 'test';
                style.textContent = css;
                root.append(style);
            }""",
            TRIM,
        )
        shot = self.pane(index).screenshot()
        return np.asarray(PilImage.open(io.BytesIO(shot)).convert("RGB"))

    def place(self, index: int = 0) -> NDArray[np.float64]:
        """The map from film pixels (column, row, 1) to pixels of the pane: (2, 3)."""
        return np.array(json.loads(self.state(index)["place"])).reshape(3, 2).T

    def film(self, index: int = 0) -> NDArray[np.uint8]:
        """The film of a pane at one to one, cut out where the viewer says it lies."""
        shown = self.pixels(index)
        rows, columns = (int(self.state(index)[name]) for name in ("rows", "columns"))
        corners = np.array([[0, columns, 0, columns], [0, 0, rows, rows], [1, 1, 1, 1]])
        (left, right), (top, bottom) = (
            (int(ends.min()), int(ends.max())) for ends in self.place(index) @ corners
        )
        return shown[top:bottom, left:right]


def grey(picture: NDArray[np.uint8]) -> NDArray[np.int16]:
    """One channel of a picture whose three are equal."""
    assert np.ptp(picture.astype(np.int16), axis=2).max() == 0
    return picture[..., 0].astype(np.int16)
