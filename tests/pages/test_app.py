"""The router: banner on every page, set-up failures as one sentence, ways between the pages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imaging.entities import RESEARCH_USE
from imaging.settings import ROOT
from imaging.store.worklist_pages import WorklistPages
from pages.ui import study_table
from pages.ui.grid.component import Chosen
from tests.pages.conftest import OpenPage, has_uploader, tables, words

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("[a-z]*.py"))


def only_error(app: AppTest) -> str:
    """The one sentence shown instead of a page."""
    assert not app.exception and len(app.error) == 1
    assert not has_uploader(app) and not tables(app)
    return str(app.error[0].value)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_states_the_intended_use(open_page: OpenPage, path: str) -> None:
    app = open_page("app.py").switch_page(path).run()
    assert not app.exception
    # who reads alone is no researcher, and needs no copies by number
    assert len(app.error) == (path == "pages/release.py")
    assert RESEARCH_USE in words(app)


def test_the_router_opens_upload_first(open_page: OpenPage) -> None:
    assert has_uploader(open_page("app.py"))


def test_an_altered_checkpoint_is_one_sentence(
    open_page: OpenPage, checkpoint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny"))
    weights = copy / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(copy.parent))
    assert "damaged or were altered" in only_error(open_page("app.py"))


def test_a_missing_model_is_one_sentence(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(tmp_path / "nothing"))
    assert "No model is installed" in only_error(open_page("app.py"))


def test_a_home_that_cannot_be_written_is_one_sentence(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "file" / "home"))
    assert "HOME names a folder" in only_error(open_page("app.py"))


def test_a_wrong_setting_is_one_sentence(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", "/nowhere")
    assert "WEIGHTS names a folder" in only_error(open_page("app.py"))


def test_a_missing_store_folder_is_made(open_page: OpenPage, home: Path) -> None:
    assert not home.exists()
    assert not open_page("app.py").error
    assert home.is_dir()


def test_an_unforeseen_failure_is_one_sentence_without_its_text(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("DOE^JANE")

    monkeypatch.setattr(WorklistPages, "page", fail)
    app = open_page("app.py").switch_page("pages/triage.py").run()
    assert "Something went wrong" in only_error(app)
    assert "RuntimeError" in caplog.text and "DOE" not in words(app) + caplog.text


def test_a_worklist_row_opens_its_review(
    open_page: OpenPage, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_table, "render_grid", lambda rows, *_, **__: Chosen(rows[0].uid))
    app = open_page("app.py").switch_page("pages/triage.py").run()
    assert not app.exception and not app.error
    assert app.query_params["study"] == study and "Patient ID T-1" in words(app)
