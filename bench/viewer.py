"""How long from the click to the film, and how smooth is a drag? In a real Chromium, no GPU.

    python -m bench.viewer

``click_to_drawn_vs_loopback``: a click in Streamlit that asks for another film of 3,000 x 3,000
pixels of 16 bits, until that film is painted (read, decoded, packed, sent, drawn), over the time
the same page needs to fetch the same number of bytes from a bare HTTP server on this computer.
Both alternate in one page; medians. ``drag_frames_per_second``: painted frames while the window is
dragged as fast as the browser asks for frames, with software rendering. The rest says where the
time goes, in milliseconds on this machine. The last line is JSON: name -> figure.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from playwright.sync_api import Page

from imaging.settings import ROOT
from tests.browser.lightbox import PATIENCE, WINDOW, find_chromium, open_chromium
from tests.browser.viewer import serve_viewer
from tests.factories import make_dicom_bytes

SIDE = 3000
ROUNDS = 8
FRAMES = 120
RESULT = ROOT / "bench" / "results" / "viewer.json"

_FETCH = """async url => {
    const start = performance.now();
    const found = await (await fetch(url, {cache: 'no-store'})).arrayBuffer();
    return [performance.now() - start, found.byteLength];
}"""
_CLICK = """() => new Promise(done => {
    const button = [...document.querySelectorAll('button')].find(
        one => one.innerText.includes('Next film'));
    const host = [...document.querySelectorAll('*')].map(one => one.shadowRoot).find(
        root => root?.querySelector('.grid'));
    const old = host.querySelector('.pane');
    const start = performance.now();
    let first;
    const look = () => {
        const pane = host.querySelector('.pane');
        const now = performance.now() - start;
        const state = pane && pane !== old ? pane.dataset.ready : undefined;
        if (state) first ??= now;
        if (state === 'true') done([first, now]);
        else requestAnimationFrame(look);
    };
    button.click();
    look();
})"""
_DRAG = """frames => new Promise(done => {
    const host = [...document.querySelectorAll('*')].map(one => one.shadowRoot).find(
        root => root?.querySelector('.grid'));
    const pane = host.querySelector('.pane'), film = pane.querySelector('.film');
    const box = film.getBoundingClientRect();
    const point = (kind, x, y) => film.dispatchEvent(new PointerEvent(kind, {
        clientX: box.left + x, clientY: box.top + y, button: kind === 'pointermove' ? -1 : 0,
        buttons: kind === 'pointerup' ? 0 : 1, pointerId: 1, bubbles: true}));
    film.setPointerCapture = () => {};
    point('pointerdown', 200, 200);
    const before = Number(pane.dataset.drawn), start = performance.now();
    let count = 0;
    const step = () => {
        if (count++ < frames) {
            point('pointermove', 200 + (count % 60) * 3, 200 + (count % 50));
            requestAnimationFrame(step);
        } else {
            const drawn = Number(pane.dataset.drawn) - before;
            const seconds = (performance.now() - start) / 1000;
            point('pointerup', 200, 200);
            done(drawn / seconds);
        }
    };
    requestAnimationFrame(step);
})"""


def main() -> int:
    """Print a table and the JSON line, and keep the figures; 2 when there is no browser."""
    executable = find_chromium()
    if executable is None:
        print("This bench needs a Chromium.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        films = paint(Path(folder))
        with (
            serve_viewer(Path(folder)) as address,
            serve_bytes(2 * SIDE * SIDE) as loopback,
            open_chromium(executable) as browser,
        ):
            page = browser.new_page(viewport=WINDOW)  # type: ignore[arg-type]
            page.set_default_timeout(PATIENCE * 1000)
            figures = measure(page, f"{address}/?scene={quote(json.dumps(films))}", loopback)
    for name, figure in figures.items():
        print(f"{name:28s} {figure:8.2f}")
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    return 0


def paint(folder: Path) -> dict[str, Any]:
    """Films of noise, which no compression on the way could shrink; returns their scene."""
    noise = np.random.default_rng(1)
    names = [f"film{number}.dcm" for number in range(ROUNDS + 1)]
    for number, name in enumerate(names):
        pixels = noise.integers(0, 2**16, (SIDE, SIDE), dtype=np.uint16)
        content = make_dicom_bytes(
            pixels, BitsStored=16, HighBit=15, SOPInstanceUID=f"1.2.9.{number + 1}"
        )
        (folder / name).write_bytes(content)
    return {"films": names, "height": 760}


def measure(page: Page, address: str, loopback: str) -> dict[str, float]:
    """Click and fetch in turn, then drag."""
    page.goto(address)
    page.locator('.pane[data-ready="true"]').wait_for()
    page.evaluate(_FETCH, loopback)
    clicks, wholes, fetches = [], [], []
    for _ in range(ROUNDS):
        page.wait_for_timeout(500)
        elapsed, size = page.evaluate(_FETCH, loopback)
        assert size == 2 * SIDE * SIDE
        fetches.append(elapsed)
        page.wait_for_timeout(500)
        drawn, whole = page.evaluate(_CLICK)
        clicks.append(drawn)
        wholes.append(whole)
    drags = [page.evaluate(_DRAG, FRAMES) for _ in range(3)]
    click, whole, fetch = map(statistics.median, (clicks, wholes, fetches))
    return {
        "click_to_drawn_vs_loopback": round(click / fetch, 2),
        "click_to_whole_vs_loopback": round(whole / fetch, 2),
        "click_to_drawn_ms": round(click, 1),
        "click_to_whole_ms": round(whole, 1),
        "loopback_ms": round(fetch, 1),
        "drag_frames_per_second": round(statistics.median(drags), 1),
    }


@contextmanager
def serve_bytes(size: int) -> Iterator[str]:
    """A bare HTTP server that answers everything with the same bytes."""
    body = np.random.default_rng(2).bytes(size)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
