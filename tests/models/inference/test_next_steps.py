"""Every refusal ends in what to do next: the catalogue of all its sentences is walked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imaging import errors
from imaging.dicom import repair
from imaging.dicom.pixels import description
from imaging.entities import Acquisition, Geometry, Identity, Instance, Patient
from imaging.settings import ROOT
from models.checkpoint.card import Scope
from models.inference.assessments import BLANK, LOST
from models.inference.scope import HOW_READ, NO_FILMS, check_scope
from models.rules.gate_rules import REASONS

# What a last sentence, or its last part, may begin with: an imperative.
STEPS = re.compile(
    r"(?i:(please |then |first )?(add|ask|begin|change|check|choose|compare|compute|confirm|do not|"
    r"enter|export|give|go back|have|install|keep|leave|look|make|mark|name|open|pack|pick|press|"
    r"put|read|reinstall|reload|report|restore|rotate|run|save|say|send|separate|sign|start|stop|take|"
    r"tick|try|turn|unpack|upload|use|wait|write)) "
)
SCOPE = Scope("children", ("DX", "CR"), ("CHEST",), ("AP", "PA"), (1.0, 5.99))
FILM = Instance(
    identity=Identity("1.1", "1.2", "1.3", "", "", ""),
    patient=Patient(age_years=4.0),
    acquisition=Acquisition(modality="DX", body_part="CHEST", view_position="AP"),
    geometry=Geometry(10, 10, 1, 1, "MONOCHROME2", 12),
)
TAKEN: list[dict[str, Any]] = [
    *({"modality": modality} for modality in (*HOW_READ, "DG")),
    *({"image_type": ("ORIGINAL", "PRIMARY", kind)} for kind in NO_FILMS),
    *({"intent": "FOR PROCESSING"}, {"laterality": "L"}),
    *({"body_part": "HAND"}, {"coded_body_parts": ("HAND",)}),
    *({"view_position": "LL"}, {"coded_views": ("LL",)}),
]
OTHERS = [
    *(replace(FILM, acquisition=replace(FILM.acquisition, **change)) for change in TAKEN),
    replace(FILM, geometry=replace(FILM.geometry, frames=3)),
    replace(FILM, geometry=replace(FILM.geometry, samples_per_pixel=3)),
    *(replace(FILM, patient=Patient(age_years=a, age_otherwise=b)) for a, b in
      ((77.0, None), (4.0, 77.0), (None, 77.0))),
]  # fmt: skip
# Who starts a server or installs a model reads these; or nobody does, but the log.
ELSEWHERE = (errors.SettingsError, errors.CheckpointError, errors.TokenError)
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type)
    and issubclass(kind, errors.AssistantError)
    and not issubclass(kind, ELSEWHERE)
}


def ends_in_a_step(sentence: str) -> bool:
    """Whether the last sentence, or what follows its last semicolon, says what to do."""
    last = re.split(r"\. ", sentence.strip().rstrip("."))[-1]
    return any(STEPS.match(f"{part} ") for part in re.split(r"(?:[;:,] (?:or |and )?)", last))


@pytest.mark.parametrize("sentence", [*REASONS.values(), BLANK, LOST])
def test_refusals_by_the_pixels_say_what_to_do(sentence: str) -> None:
    assert ends_in_a_step(sentence), sentence


@pytest.mark.parametrize("film", OTHERS)
def test_refusals_by_the_header_say_what_to_do(film: Instance) -> None:
    (reason,) = check_scope(film, SCOPE).refusals
    assert ends_in_a_step(reason), reason


def test_every_check_of_the_header_is_walked() -> None:
    """A refusal that `OTHERS` does not come to would not be looked at."""
    source = (ROOT / "models/inference/scope.py").read_text()
    checks = set(re.findall(r"^def (_check_\w+)", source, re.M)) - {"_check_age"}
    assert len(checks) == 8, "a new check: add a film that it refuses to OTHERS"


@pytest.mark.parametrize("step", repair._DOUBTFUL, ids=lambda step: step.__name__)
def test_doubts_about_a_header_say_what_to_do(step: Any) -> None:
    source = ast.parse((ROOT / "imaging/dicom/repair.py").read_text())
    (body,) = (n for n in source.body if isinstance(n, ast.FunctionDef) and n.name == step.__name__)
    said = [text for node in ast.walk(body) if (text := _sentence(node, {})) and " " in text]
    longest = [t for t in said if t.endswith(".") and not _is_docstring(body, t)]
    assert longest and all(ends_in_a_step(text) for text in longest), longest


def raised() -> Iterator[tuple[str, str]]:
    """(place, sentence) of every error that a reader can come to see."""
    for room in ("imaging", "models", "pages"):
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from _raised_in(path)


def _raised_in(path: Path) -> Iterator[tuple[str, str]]:
    tree = ast.parse(path.read_text())
    names = _constants(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        at = {"border": 1}.get(called, 0 if called in KINDS else None)
        if at is None or len(node.args) <= at:
            continue
        for text in _sentences(node.args[at], names):
            yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def _constants(tree: ast.Module) -> dict[str, str]:
    """The module's own sentences, and the one that its neighbours share."""
    names = {"DAMAGED": description.DAMAGED}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _sentence(node.value, names)
    return names


def _sentences(node: ast.expr, names: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _sentences(node.body, names)
        yield from _sentences(node.orelse, names)
    elif text := _sentence(node, names):
        yield text


def _sentence(node: ast.AST, names: dict[str, str]) -> str:
    """The text of an expression; values that are put in become "..."."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "..." for p in node.values)
        return "".join(map(str, parts))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _sentence(node.left, names) + _sentence(node.right, names)
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""


def _is_docstring(body: ast.FunctionDef, text: str) -> bool:
    return text == ast.get_docstring(body, clean=False) or not text[:1].isupper()


def test_errors_say_what_to_do() -> None:
    found = list(raised())
    assert len(found) > 180, "the walk no longer finds the sentences"
    # what ends in a value says there what to do: the values are sentences of their own
    assert not [
        place for place in found if not place[1].endswith("...") and not ends_in_a_step(place[1])
    ]


def test_a_sentence_that_only_complains_is_found_out() -> None:
    assert not ends_in_a_step("The picture is too small.")
    assert not ends_in_a_step("This is unlike anything; it was left out.")
    assert ends_in_a_step("The file is damaged; ask for it to be sent again.")
