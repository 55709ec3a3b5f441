"""A browser page on a Lightbox of its own; nothing on it may call out of this computer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from imaging.settings import ROOT
from models.network.checkpoint import installed_checkpoints
from tests.browser.lightbox import Server, find_chromium, open_chromium, open_page, serve
from tests.browser.viewer import Bench, serve_viewer


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The installed Chromium. Without one the tests skip, or fail where a browser is required."""
    executable = find_chromium()
    if executable is None:
        report = pytest.fail if os.environ.get("LIGHTBOX_REQUIRE_BROWSER") == "1" else pytest.skip
        report("no Chromium or Chrome on this computer (Debian: apt install chromium)")
    with open_chromium(executable) as browser:
        yield browser


@pytest.fixture(scope="session")
def weights(checkpoint_folder: Path) -> Path:
    """The shipped network where there is one, else a tiny one with random weights."""
    shipped = ROOT / "models" / "weights"
    return shipped if installed_checkpoints(shipped) else checkpoint_folder.parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Server]:
    """The server of a test file: what one test stored, the next one finds."""
    found = Server(tmp_path_factory.mktemp("server") / "home", weights)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def address(server: Server) -> str:
    """Where the server of the test file answers."""
    return server.address


@pytest.fixture
def fresh_address(tmp_path: Path, weights: Path) -> Iterator[str]:
    """A server of the test's own, with an empty home, which nobody has visited."""
    with serve(tmp_path / "home", weights) as found:
        yield found


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty browser page that must not call out."""
    with open_page(chromium) as found:
        yield found


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The eight synthetic films of children, the clearest finding first; they show no patient."""
    folder = tmp_path_factory.mktemp("films") / "ward"
    folder.mkdir()
    examples = sorted(
        (ROOT / "examples").glob("synthetic_0[1-8]_*.dcm"),
        key=lambda p: ("normal" in p.name, p.name),
    )
    return [
        Path(shutil.copy(example, folder / f"film{number:02d}.dcm"))
        for number, example in enumerate(examples, start=1)
    ]


@pytest.fixture(scope="module")
def viewer(films: Path) -> Iterator[str]:
    """A page with the viewer alone, over the module's own `films` (a folder)."""
    with serve_viewer(films) as address:
        yield address


@pytest.fixture
def bench(page: Page, viewer: str) -> Iterator[Bench]:
    """The viewer under test; nothing may go wrong in its console."""
    made = Bench(page, viewer)
    yield made
    assert not made.errors
