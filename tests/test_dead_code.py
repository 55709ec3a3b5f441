"""No public function, method or class of imaging/ or models/ lives for the tests alone.

vulture looks at the product without its tests: a name that nothing there mentions is one that only
tests (or nobody) would call. What it cannot see - names that a registry, a decorator or a library
looks up - is listed here, each with its reason.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from vulture import Vulture

from imaging.settings import ROOT

ENTRANCES = ["app.py", "cli.py", "imaging", "models", "pages"]
KINDS = {"function", "method", "class", "property"}
REGISTERED = {
    # typer commands, registered by their decorator
    "examples": "typer",
    "list_audit": "typer",
    "list_accounts": "typer",
    "list_cases": "typer",
    "list_protectors": "typer",
    "renew_recovery": "typer",
    "recover": "typer",
    # the writers of `imaging.export`, imported by name when a form is asked for
    "diagnostic_report": "imaging.export._WRITERS",
    "html_report": "imaging.export._WRITERS",
    "pdf_report": "imaging.export._WRITERS",
    "presentation_states": "imaging.export._WRITERS",
    "secondary_captures": "imaging.export._WRITERS",
    "structured_report": "imaging.export._WRITERS",
    "findings_table": "imaging.export._WRITERS",
    # columns of a table of results, read by their name
    "scope_reason": "imaging.export.batch.columns",
    # what a library calls
    "process_result_value": "sqlalchemy.TypeDecorator",
    "process_bind_param": "sqlalchemy.TypeDecorator",
    "SchemaTable": "sqlalchemy: a table that only migrations write",
    "get_next": "onnxruntime.quantization.CalibrationDataReader",
    # the losses of the generator's three networks, chosen by the stage's name
    "detail_loss": "models.synthesis.synthesize",
    "fine_loss": "models.synthesis.synthesize",
}


def unused(*paths: Path) -> dict[str, str]:
    """Names that these files define and none of them mentions, with their places."""
    search = Vulture()
    search.scavenge(
        [str(path) for path in paths], exclude=["*/node_modules/*", "*/migrations/versions/*"]
    )
    here = f"{ROOT.as_posix()}/"
    return {
        item.name: f"{item.filename.as_posix().removeprefix(here)}:{item.first_lineno}"
        for item in search.get_unused_code()
        if item.typ in KINDS and not item.name.startswith("_")
    }


@pytest.fixture(scope="module")
def unmentioned() -> dict[str, str]:
    return unused(*(ROOT / entrance for entrance in ENTRANCES))


@pytest.mark.slow
def test_nothing_lives_for_the_tests_alone(unmentioned: dict[str, str]) -> None:
    rooms = ("imaging/", "models/")
    dead = {
        name: place
        for name, place in unmentioned.items()
        if place.startswith(rooms) and name not in REGISTERED
    }
    assert dead == {}


def test_every_exception_is_still_needed(unmentioned: dict[str, str]) -> None:
    assert set(REGISTERED) <= set(unmentioned)


def test_a_dead_function_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text("def served(): ...\ndef forgotten(): ...\nserved()\n")
    assert set(unused(tmp_path / "room.py")) == {"forgotten"}
