"""Changes by the quick ways of the pipeline: probabilities and decisions on real films.

    LIGHTBOX_DATA=... python -m bench.triage_parity            # about ten minutes
    LIGHTBOX_DATA=... python -m bench.triage_parity --films 8

Validation films of the shipped task, enlarged to 2048 x 2048 under 12-bit grain, are read in full
and judged by torch film by film, as the model page's figures were; then by the pipeline: ONNX
Runtime, films halved before the filter, wavelet files decoded in part. Ends with one line of JSON:
the largest difference of a calibrated probability of the leading finding, and how many answers
(status, reasons, answer or conformal set) changed. Stored as ``bench/results/triage_parity.json``
at the full number.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from bench.films import film_bytes
from bench.performance_page import write_section
from imaging.dicom import read_image
from imaging.entities import Assessment
from imaging.jobs import Task
from imaging.settings import ROOT, Settings
from models.batch.file_worker import FileWorker
from models.checkpoint.installed import find_checkpoint
from models.data.dataset import read_luminance, select
from models.graphs.parity import compare
from models.inference.assessments import LOST, make_answer, make_refusal
from models.inference.assessor import Assessor
from models.inference.classifier import Classifier
from models.inference.model_input import squash
from models.inference.precision_networks import LIMIT, Parity
from models.inference.scope import check_scope
from models.training.config import read_config

FULL = 100
ENCODINGS = ("raw", "jpegll", "j2k", "htj2k")
_SIDE = 2048
_STORED = Path(__file__).parent / "results" / "triage_parity.json"
_TASK = ROOT / "models" / "configs" / "paediatric_cxr.toml"


def enlarge(path: Path, number: int) -> NDArray[np.uint16]:
    """A film at the size and depth of a detector, with grain of its own."""
    values = np.asarray(read_luminance(path), np.float32)
    large = squash(values, _SIDE)
    grain = np.random.default_rng(number).normal(0, 10, (_SIDE, _SIDE))
    return np.clip(large * 15.5 + grain, 0, 4095).astype(np.uint16)


def measure(count: int) -> dict[str, Parity]:
    """Compare the answers with the reference, by encoding."""
    settings = Settings.from_environment()
    if settings.data is None:
        raise SystemExit("set LIGHTBOX_DATA to the research data")
    films = select(read_config(_TASK).films(settings.data), "val")
    chosen = [films[i] for i in np.linspace(0, len(films) - 1, count).astype(int)]
    classifier = Classifier.load(
        find_checkpoint(settings.weights, settings.model_name or "paediatric-cxr")
    )
    worker = FileWorker(Assessor.load(settings))
    reference: list[Assessment] = []
    assessments: dict[str, list[Assessment]] = {name: [] for name in ENCODINGS}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "film"
        for number, film in enumerate(chosen):
            values = enlarge(film.path, number)
            reference.append(assess_in_full(classifier, film_bytes("raw", values, number)))
            for name, answers in assessments.items():
                place.write_bytes(film_bytes(name, values, number))
                (result,) = worker.run([Task("", 0, "film", str(place))], at=lambda _: None)
                if result.outcome is None:
                    raise SystemExit("a film has no outcome")
                answers.append(result.outcome.assessment)
    return {name: compare(reference, answers) for name, answers in assessments.items()}


def assess_in_full(classifier: Classifier, content: bytes) -> Assessment:
    """A film of the model's scope, read in full and judged by torch: what the pipeline must say."""
    image = read_image(content)
    luminance = image.luminance_values(0)
    view = classifier.framing.find(luminance)
    verdict = classifier.gate.examine(luminance) if classifier.gate else None
    reasons = (verdict.reason,) if verdict and not verdict.suitable else () if view else (LOST,)
    if reasons:
        return make_refusal(image.instance, classifier.card.identity, reasons)
    warnings = image.remarks + check_scope(image.instance, classifier.card.scope).warnings
    prediction = classifier.predict(luminance, view=view)
    return make_answer(image.instance, prediction, classifier.answers_of, warnings)


def table(parities: dict[str, Parity]) -> str:
    """The figures as docs/performance.md shows them."""
    rows = ["| | largest difference | answers changed | films |", "|---|---|---|---|"]
    rows += [
        f"| {name} | {parity.largest:.4f} | {parity.changed} | {parity.answered} |"
        for name, parity in parities.items()
    ]
    over = [name for name, parity in parities.items() if parity.largest > LIMIT or parity.changed]
    sentence = f"**Over the limit: {', '.join(over)}.**" if over else "All within the limit."
    return "\n".join([*rows, "", sentence])


def main(films: Annotated[int, typer.Option(help="Validation films.")] = FULL) -> None:
    """Compare the pipeline with the reference."""
    parities = measure(films)
    for name, parity in parities.items():
        print(f"{name:7} {parity}")
    flat = {
        f"{n}_{key}": value
        for n, parity in parities.items()
        for key, value in asdict(parity).items()
    }
    if films >= FULL:
        _STORED.write_text(json.dumps(flat, indent=1) + "\n", encoding="utf-8")
        write_section("parity", table(parities))
    print(json.dumps(flat))


if __name__ == "__main__":
    typer.run(main)
