"""How long until every file of a drop is queued? In a real Chromium, beside Streamlit's uploader.

    python -m bench.upload [--sizes 100,300,1200,5000] [--peer 100,300] [--large 20] [--rounds 1]

Films of about 3 kB are picked in one page; the clock runs from there until the store has them all.
``ms_per_file_N``: milliseconds for each of N files; ``flat``: the last of these over the second,
near 1 where the time is linear. ``streamlit_vs_ours_N``: the time Streamlit's uploader takes for as
many, over ours, in turn at the same server. ``large_mb_per_s``: films of 8 MB, megabytes a second.
``longest_silence_ms``: the longest the page answered nothing while the largest drop went on;
``silence_bare_ms``: the same on a page that holds nothing but the browser's own field for files and
asks nothing of them, which is what Chromium itself takes.
Nobody judges the films meanwhile. The last line is JSON: name -> figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import Browser

from imaging.settings import ROOT
from imaging.store import Repository
from pages.ui.wall.cookie import NAME
from tests.browser.lightbox import (
    READER,
    WINDOW,
    _free_port,
    _wait,
    find_chromium,
    open_chromium,
)
from tests.factories import make_dicom_bytes

RESULT = ROOT / "bench" / "results" / "upload.json"
LONGEST = 1800.0  # seconds for one drop
LARGE = 8 * 2**20  # bytes
_WATCH = """() => {
    window.longest = 0;
    let last = performance.now();
    setInterval(() => {
        const now = performance.now();
        window.longest = Math.max(window.longest, now - last);
        last = now;
    }, 20);
}"""


def main() -> int:
    """Print a table and the JSON line, and keep the figures; 2 when there is no browser."""
    options = _read_options()
    executable = find_chromium()
    if executable is None:
        print("This bench needs a Chromium.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            serve(folder / "home") as address,
            open_chromium(executable) as browser,
            closing(Repository.open(folder / "home")) as repository,
        ):
            figures = Bench(browser, address, repository, folder).measure(options)
    for label, figure in figures.items():
        print(f"{label:28s} {figure:10.2f}")
    RESULT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures))
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time per file of a drop.")

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",") if part]

    parser.add_argument("--sizes", type=numbers, default=[100, 300, 1200, 5000])
    parser.add_argument("--peer", type=numbers, default=[100, 300])
    parser.add_argument("--large", type=int, default=20, help="films of 8 MB")
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


class Bench:
    """A browser before a server."""

    def __init__(
        self, browser: Browser, address: str, repository: Repository, folder: Path
    ) -> None:
        self._browser, self._address = browser, address
        self._repository, self._folder = repository, folder
        self._drops, self.silence = 0, 0.0

    def measure(self, options: argparse.Namespace) -> dict[str, float]:
        """All figures; what is compared alternates."""
        self.drop("ours", self._films(20))  # a first one, which does not count
        figures: dict[str, float] = {}
        for count in options.sizes:
            ours = [self.drop("ours", self._films(count)) for _ in range(options.rounds)]
            figures[f"ms_per_file_{count}"] = round(1000 * median(ours) / count, 2)
        figures["longest_silence_ms"] = round(self.silence, 1)
        figures["silence_bare_ms"] = round(self.bare(self._films(max(options.sizes))), 1)
        for count in options.peer:
            pairs = [
                [self.drop(way, self._films(count)) for way in ("ours", "streamlit")]
                for _ in range(options.rounds)
            ]
            ratios = [theirs / ours for ours, theirs in pairs]
            figures[f"streamlit_vs_ours_{count}"] = round(median(ratios), 2)
        if len(options.sizes) > 2:
            first, last = options.sizes[1], options.sizes[-1]
            flat = figures[f"ms_per_file_{last}"] / figures[f"ms_per_file_{first}"]
            figures["flat"] = round(flat, 2)
        if options.large:
            seconds = self.drop("ours", self._films(options.large, LARGE))
            figures["large_mb_per_s"] = round(options.large * LARGE / 2**20 / seconds, 1)
        return figures

    def drop(self, way: str, paths: Sequence[Path]) -> float:
        """Seconds until the store has all these files."""
        context = self._browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]
        token = self._repository.accounts.open_alone(READER)
        context.add_cookies([{"name": NAME, "value": token, "url": self._address}])
        page = context.new_page()
        page.set_default_timeout(LONGEST * 1000)
        page.goto(f"{self._address}/?way={way}")
        chooser = page.locator('input[type="file"]:not([webkitdirectory])').first
        chooser.wait_for(state="attached")
        page.wait_for_timeout(500)
        page.evaluate(_WATCH)
        before = {job.job_id for job in self._repository.jobs.recent(limit=1)}
        start = time.perf_counter()
        chooser.set_input_files(list(paths))
        while True:
            newest = self._repository.jobs.recent(limit=1)
            if newest and newest[0].job_id not in before and newest[0].total == len(paths):
                break
            if time.perf_counter() - start > LONGEST:
                raise TimeoutError(f"{way}: {len(paths)} files did not arrive")
            page.wait_for_timeout(20)
        seconds = time.perf_counter() - start
        print(f"{way}: {len(paths)} files in {seconds:.1f} s", flush=True)
        if way == "ours":
            self.silence = max(self.silence, float(page.evaluate("() => window.longest")))
        self._repository.jobs.cancel(newest[0].job_id)
        context.close()
        return seconds

    def bare(self, paths: Sequence[Path]) -> float:
        """Milliseconds for which a bare page is silent when so many files are picked."""
        page = self._browser.new_page()
        page.set_content("<input type=file multiple>")
        page.evaluate(_WATCH)
        page.locator("input").set_input_files(list(paths))
        page.wait_for_timeout(100)
        silence = float(page.evaluate("() => window.longest"))
        page.close()
        return silence

    def _films(self, count: int, size: int = 0) -> list[Path]:
        """Films of about 3 kB, or of so many bytes, no two of them alike."""
        self._drops += 1
        place = self._folder / f"drop{self._drops}"
        place.mkdir()
        pixels = np.zeros((48, 50), np.uint8)
        content = make_dicom_bytes(pixels)
        paths = [place / f"film{number:05}.dcm" for number in range(count)]
        for path in paths:
            filler = os.urandom(16) if not size else os.urandom(size - len(content))
            path.write_bytes(content + filler)
        return paths


@contextmanager
def serve(home: Path) -> Iterator[str]:
    """Run the page of `bench.upload_app`; yields its address."""
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", "bench/upload_app.py"]
    command += ["--server.port", str(port)]
    environ = {**os.environ, "LIGHTBOX_HOME": str(home), "LIGHTBOX_SINGLE_READER": READER}
    environ.pop("LIGHTBOX_DATABASE", None)
    with (home.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(server, address)
            yield address
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
