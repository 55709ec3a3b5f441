"""A Lightbox of its own for every page test: empty home, tiny network, no shared caches."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from imaging.settings import ROOT
from imaging.store import Repository
from models.batch.worker import Worker
from pages.ui import connection, resources
from pages.ui.wall.cookie import NAME
from tests.conftest import open_empty
from tests.factories import make_dicom_bytes
from tests.served import TakeIn

READER = "Dr Test"
PATIENCE = 120  # seconds; only a hang runs out of it

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def one_scan_for_components() -> Iterator[None]:
    """Look once for components among the installed packages; each AppTest would look again."""
    with pytest.MonkeyPatch.context() as patch:
        scan = manifest_scanner.scan_component_manifests
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(scan))
        yield


class Cookies(dict[str, str]):
    """What the browser before a page sends, which AppTest has none of.

    A reader who reads alone has used the address that was told.
    """

    def present(self) -> connection.SignedIn | None:
        found = connection.signed_in(self)
        reader = resources.settings().single_reader
        if found is None and reader:
            self[NAME] = resources.repository().accounts.open_alone(reader)
        return connection.signed_in(self)


@pytest.fixture
def cookies() -> Cookies:
    """The browser's cookies."""
    return Cookies()


@pytest.fixture
def home(
    tmp_path: Path, checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch, cookies: Cookies
) -> Iterator[Path]:
    """The data folder the pages will use."""
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(checkpoint_folder.parent))
    monkeypatch.setenv("LIGHTBOX_SINGLE_READER", READER)
    for name in ("LIGHTBOX_MODEL", "LIGHTBOX_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(PagesManager, "__init__", _after_the_router)
    monkeypatch.setattr(connection, "present", cookies.present)
    workers: list[Worker] = []

    def make(*args: Any, **options: Any) -> Worker:
        workers.append(Worker(*args, **options))
        return workers[-1]

    monkeypatch.setattr(resources, "Worker", make)
    st.cache_resource.clear()
    yield tmp_path / "home"
    st.cache_resource.clear()
    for worker in workers:  # a server's processes end with it
        worker.stop()


_make = PagesManager.__init__


def _after_the_router(self: PagesManager, *args: Any, **options: Any) -> None:
    """Know what a server knows once its router ran; AppTest forgets it before every run."""
    _make(self, *args, **options)
    PagesManager.uses_pages_directory = False


@pytest.fixture
def store(home: Path, empty_home: Path) -> Iterator[Repository]:
    """The records the pages will show."""
    repository = open_empty(home, empty_home)
    yield repository
    repository.close()


@pytest.fixture
def study(store: Repository, take_in: TakeIn) -> str:
    """UID of one stored study with an answered film."""
    return keep_film(store, take_in)


@pytest.fixture
def open_page(home: Path) -> OpenPage:
    """Run one page through the router, with query parameters; `app.py` is the first page."""

    def run(path: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE)
        if path != "app.py":
            app.switch_page(path)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return run


def keep_film(store: Repository, take_in: TakeIn, **attributes: Any) -> str:
    """Store and assess a synthetic film; returns its study's UID."""
    content = make_dicom_bytes(**attributes)
    outcome = take_in(store, content)
    assert outcome.instance is not None
    return outcome.instance.identity.study_instance_uid


def wait_for_queue(store: Repository) -> None:
    """Return when no queued file waits any more."""
    end = time.monotonic() + PATIENCE
    while store.jobs.unfinished():
        assert time.monotonic() < end, "the queue stands still"
        time.sleep(0.05)


def has_uploader(page: AppTest) -> bool:
    """Whether files can be handed in on a page."""
    return any("uploader" in part.proto.component_name for part in page.get("bidi_component"))


def tables(page: AppTest) -> list[dict[str, Any]]:
    """What each table of studies or files on a page was sent (`pages.ui.grid`)."""
    sent = [part.proto for part in page.get("bidi_component")]
    return [json.loads(one.json) for one in sent if one.component_name == "lightbox_grid"]


def listed(page: AppTest, number: int = 0) -> pd.DataFrame:
    """A table of studies or files as it was sent, a mark as its word."""
    sent = tables(page)[number]
    names = [name for c in sent["columns"] for name in (c["name"], c["below"]) if name]
    rows = [
        {n: row["values"].get(n) for n in names}
        | {n: v["word"] for n, v in row["values"].items() if isinstance(v, dict)}
        for row in sent["rows"]
    ]
    return pd.DataFrame(rows, columns=names, dtype=object)


def words(page: AppTest) -> str:
    """Everything a page says on the screen, in one string; not the report it would print."""
    said: list[Any] = [html.body for html in page.html if 'class="lb-report"' not in html.body]
    for kind in ("error", "warning", "success", "info", "markdown", "caption", "subheader"):
        said += [element.value for element in getattr(page, kind)]
    return "\n".join(map(str, said))
