"""Low precision serves only the very networks that passed the parity gate, and says so."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from bench import performance_page, precision_page
from imaging.entities import Status
from imaging.errors import CheckpointError
from imaging.export.batch.rows import result_row
from imaging.intake import decode_process
from imaging.intake.decode_process import DecodedFilm
from imaging.jobs import Result, Task
from imaging.settings import BF16, FP32, INT8, ROOT, Settings
from imaging.store import Repository
from models.batch.file_worker import FileWorker, Known
from models.batch.worker import drain
from models.checkpoint.installed import CARD, find_checkpoint
from models.graphs import parity
from models.graphs import precision_gate as precision
from models.graphs.parity import Attempt, compare, try_recipes
from models.graphs.quantize import Recipe, find_spared
from models.inference import precision_networks
from models.inference.assessor import Assessor, ServedModel
from models.inference.fingerprint import fingerprint
from models.inference.precision_networks import LEAST, Parity, admission, admit
from tests.factories import make_dicom_bytes

# The tiny networks have a stem and two stages; the last stage alone is quantised.
RECIPE = Recipe("minmax", spared=2)


def film(number: int) -> bytes:
    draw = np.random.default_rng(number)
    return make_dicom_bytes(draw.integers(0, 4096, (40, 50)).astype(np.uint16))


def readings(first: int, count: int) -> Iterator[Sequence[DecodedFilm]]:
    for number in range(first, first + count):
        found = decode_process.read_for_triage(film(number), "film", enough=0)
        assert isinstance(found, DecodedFilm)
        yield [found]


def gate(folder: Path, films: int = LEAST, *, complete: bool = True) -> list[Attempt]:
    """Put int8 of a checkpoint to the gate, on so many films."""
    return try_recipes(
        folder,
        ServedModel.load(folder),
        INT8,
        train=lambda: readings(5000, 8),
        validation=lambda: readings(0, films),
        complete=complete,
        recipes=[RECIPE],
    )


@pytest.fixture
def low(tmp_path: Path, checkpoint_folder: Path) -> Settings:
    """A copy of the tiny checkpoint, asked for in int8; nothing is admitted yet.

    Its calibration is flat: random weights of this size lose more to eight bits than trained ones.
    """
    card = shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny") / CARD
    card.write_text(json.dumps({**json.loads(card.read_text()), "temperature": 10.0}))
    return Settings(home=tmp_path / "home", weights=tmp_path / "weights", precision=INT8)


@pytest.fixture
def folder(low: Settings) -> Path:
    return find_checkpoint(low.weights)


@pytest.fixture
def passed(folder: Path) -> list[Attempt]:
    """The gate, passed and on record."""
    return gate(folder)


def test_a_gate_that_passes_quantises_and_compares(
    low: Settings, folder: Path, passed: list[Attempt]
) -> None:
    (attempt,) = passed
    assert attempt.passed and attempt.parity.films == attempt.parity.answered == LEAST
    assert 0 < attempt.parity.largest <= precision_networks.LIMIT  # eight bits are not thirty-two
    nodes = onnx.load(folder / "members.int8.onnx").graph.node
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in nodes}
    (one,) = readings(1, 1)
    eight = Assessor.load(low).assess(one)[0].findings[0].probability
    exact = Assessor.load(replace(low, precision=FP32)).assess(one)[0].findings[0].probability
    assert eight != exact and abs(eight - exact) <= attempt.parity.largest


def test_every_row_names_the_engine(low: Settings, passed: list[Attempt]) -> None:
    outside = decode_process.read_for_triage(make_dicom_bytes(Modality="US"), "film", enough=0)
    assert isinstance(outside, DecodedFilm)
    (inside,) = readings(1, 1)
    found = Assessor.load(low).assess([*inside, outside])
    assert [one.status for one in found] == [Status.OK, Status.REFUSED]
    assert {result_row("a.dcm", one).engine for one in found} == {"onnxruntime int8"}


class Here:
    """A file worker in this process."""

    reduced = True

    def __init__(self, settings: Settings) -> None:
        self._worker = FileWorker(Assessor.load(settings))

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        return self._worker.run(tasks, known=known, at=lambda _: None)

    def start(self) -> None: ...

    def ready(self) -> None: ...

    def close(self) -> None: ...


def test_stored_answers_of_one_precision_never_stand_for_anothers(
    low: Settings, passed: list[Attempt], repository: Repository
) -> None:
    engines = []
    for settings in (low, replace(low, precision=FP32)):
        job = repository.jobs.add([("a.dcm", film(1))])
        assert drain(repository, settings, jobs=[job], processors=[Here(settings)]) == 1
        (uid,) = repository.worklist.study_uids()
        (said,) = repository.studies.get(uid).assessments
        engines.append(said.engine if said else "")
    assert engines == ["onnxruntime int8", "onnxruntime fp32"]


def test_the_fingerprint_knows_precision_and_graph(
    low: Settings, folder: Path, passed: list[Attempt]
) -> None:
    exact, eight = fingerprint(replace(low, precision=FP32)), fingerprint(low)
    admit(folder, replace(admission(folder, INT8), graph_sha256="f" * 64))
    assert len({exact, eight, fingerprint(low)}) == 3


@pytest.mark.slow
def test_a_gate_that_fails_leaves_nothing_that_could_serve(
    low: Settings, folder: Path, passed: list[Attempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision_networks, "LIMIT", passed[0].parity.largest / 2)
    (again,) = gate(folder)
    assert not again.passed and again.parity == passed[0].parity
    monkeypatch.undo()
    assert {p.name for p in folder.iterdir()} & {"members.int8.onnx", "precision.json"} == set()
    for ask in (Assessor.load, fingerprint):
        with pytest.raises(CheckpointError, match=r"has not passed the parity gate\. Run `python"):
            ask(low)


@pytest.mark.slow
def test_few_films_and_a_mere_look_admit_nothing(folder: Path) -> None:
    assert not gate(folder, LEAST - 1)[0].passed
    assert gate(folder, complete=False)[0].passed
    assert not (folder / "precision.json").exists()


@pytest.mark.parametrize(
    "said",
    [Parity(100, 100, 0.0051, 0), Parity(100, 100, 0.001, 1), Parity(100, LEAST - 1, 0.001, 0)],
)
def test_a_record_of_what_failed_does_not_serve(
    said: Parity, low: Settings, folder: Path, passed: list[Attempt]
) -> None:
    record = replace(admission(folder, INT8), parity=said)
    with pytest.raises(ValueError, match="not passed"):
        admit(folder, record)
    sealed = json.loads((folder / "precision.json").read_text())
    sealed[INT8] |= {"parity": precision.asdict(said), "seal": record.with_seal().seal}
    (folder / "precision.json").write_text(json.dumps(sealed))
    with pytest.raises(CheckpointError, match="has not passed the parity gate"):
        Assessor.load(low)


def test_a_record_that_was_edited_does_not_serve(
    low: Settings, folder: Path, passed: list[Attempt]
) -> None:
    path = folder / "precision.json"
    path.write_text(path.read_text().replace(f'"films": {LEAST}', f'"films": {LEAST + 1}'))
    with pytest.raises(CheckpointError, match="its record was altered"):
        Assessor.load(low)
    path.write_text("{")
    with pytest.raises(CheckpointError, match="its record cannot be read"):
        Assessor.load(low)


def test_an_altered_graph_does_not_serve(
    low: Settings, folder: Path, passed: list[Attempt]
) -> None:
    graph = folder / "members.int8.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(CheckpointError, match="other graphs or weights"):
        Assessor.load(low)
    graph.unlink()
    with pytest.raises(CheckpointError, match="its graphs cannot be read"):
        Assessor.load(low)


def test_the_record_of_another_checkpoint_does_not_serve(
    low: Settings, folder: Path, passed: list[Attempt]
) -> None:
    other = {**admission(folder, INT8).made_from, "weights.safetensors": "0" * 64}
    admit(folder, replace(admission(folder, INT8), made_from=other))
    with pytest.raises(CheckpointError, match="other graphs or weights"):
        Assessor.load(low)


def test_a_record_at_other_thresholds_does_not_serve(
    low: Settings, folder: Path, passed: list[Attempt]
) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, "temperature": 1.5}))
    with pytest.raises(CheckpointError, match="other thresholds"):
        Assessor.load(low)


def test_fp32_serves_whatever_the_record_says(low: Settings, folder: Path) -> None:
    (folder / "precision.json").write_text("{")
    assert Assessor.load(replace(low, precision=FP32)).engine == "onnxruntime fp32"


def test_a_changed_set_or_status_is_a_changed_answer(low: Settings) -> None:
    said = Assessor.load(replace(low, precision=FP32)).assess(
        [r for c in readings(0, 3) for r in c]
    )
    first, second, third = said
    other = [replace(first, conformal_set=("neither",)), replace(second, status=Status.WARNED)]
    assert compare(said, said).changed == 0
    assert compare(said, [*other, third]) == Parity(3, 3, 0.0, 2)


@pytest.mark.parametrize(
    ("recipe", "left"),
    [
        (Recipe(spared=0), set()),
        (Recipe(spared=1), {"stem0", "stem1"}),
        (Recipe(spared=2), {"stem0", "stem1", "down", "short"}),
        (Recipe(spared=0, downsampling=False), {"stem0", "down", "short"}),
    ],
)
def test_layers_are_spared_by_how_often_the_picture_was_halved(
    recipe: Recipe, left: set[str]
) -> None:
    def node(kind: str, name: str, source: str, stride: int) -> onnx.NodeProto:
        return onnx.helper.make_node(kind, [source], [name], name, strides=[stride, stride])

    nodes = [
        node("Conv", "stem0", "x", 2),
        node("Conv", "stem1", "stem0", 1),
        node("Conv", "down", "stem1", 2),
        node("AveragePool", "mean", "stem1", 2),
        node("Conv", "short", "mean", 1),
        onnx.helper.make_node("Add", ["down", "short"], ["sum"], "sum"),
        node("AveragePool", "again", "sum", 2),
        onnx.helper.make_node("Relu", ["again"], ["relu"], "relu"),
        node("Conv", "late", "relu", 1),
    ]
    assert set(find_spared(onnx.helper.make_graph(nodes, "g", [], []), recipe)) == left


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (
            None,
            "openvino, needed for computing in bf16, is not installed; try: pip install -r",
        ),
        (
            SimpleNamespace(Core=lambda: SimpleNamespace(get_property=lambda *_: ["FP32", "INT8"])),
            "does not compute in bf16",
        ),
    ],
)
def test_what_is_no_bf16_is_never_called_so(
    module: object,
    words: str,
    folder: Path,
    low: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", module)
    monkeypatch.setattr(precision, "_STORED", tmp_path / "precision.json")
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(low.weights))
    app = precision.typer.Typer()
    app.command()(precision.main)
    ran = CliRunner().invoke(app, ["--kind", BF16])
    assert ran.exit_code == 1 and words in ran.output
    (stored,) = json.loads((tmp_path / "precision.json").read_text())
    assert (stored["kind"], stored["attempts"]) == (BF16, []) and words in stored["refused"]
    assert not (folder / "precision.json").exists()
    with pytest.raises(CheckpointError, match=words):
        precision_networks.LowPrecisionNetworks(folder, BF16, folder / "members.onnx")


def test_a_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path, card = tmp_path / "precision.json", {"model": "a"}
    for said in ({"attempts": [1]}, {"attempts": [2]}):
        precision.store(path, card, INT8, said)
    precision.store(path, card, BF16, {"attempts": []})
    kept = [(one["kind"], one["attempts"]) for one in json.loads(path.read_text())]
    assert kept == [(INT8, [2]), (BF16, [])]


def test_the_page_says_what_was_stored_of_the_shipped_weights() -> None:
    stored = json.loads(precision_page.STORED.read_text())
    assert precision_page.section(stored) in performance_page.PAGE.read_text()
    card = json.loads(
        (find_checkpoint(ROOT / "models" / "weights", "paediatric-cxr") / CARD).read_text()
    )
    assert {one["weights"] for one in stored} == {card["weights_sha256"][:12]}
    tried = [attempt for one in stored for attempt in one["attempts"]]
    assert tried and [Parity(**t["parity"]).passes for t in tried] == [t["passed"] for t in tried]


def test_recipes_begin_with_what_is_fastest() -> None:
    kept = [(recipe.spared, not recipe.downsampling) for recipe in parity.RECIPES]
    assert kept == sorted(kept)
