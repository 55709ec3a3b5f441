"""The explanation of films from a terminal: maps as arrays, pictures and receipts, to be scored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from imaging.entities import RESEARCH_USE, Assessment, Status
from imaging.errors import AssistantError, InputError, SettingsError
from imaging.intake.expand import Candidate, walk
from imaging.intake.helper_files import is_helper_file
from imaging.language import _, sentence
from imaging.settings import Settings
from imaging.text import MAX_NAME, clean
from models.commands.options import OutsidePopulation
from models.commands.outcome_counts import OutcomeCounts

if TYPE_CHECKING:
    from imaging.decoding import DistantImage
    from models.batch.file_worker import FileWorker
    from models.explain.base.subject import Subject
    from models.explain.methods.explainer import Attribution, Explainer, Explainers
    from models.inference.classifier_registry import ClassifierRegistry

ALL = "all"


def explain(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders and zip archives.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; made when missing.")],
    method: Annotated[str, typer.Option(help="An attribution method, or 'all'.")] = "",
    target: Annotated[
        str,
        typer.Option(help="Finding or class; 'A|B' weighs two; the leading finding if empty."),
    ] = "",
    model: Annotated[str, typer.Option(help="Installed model; the default if empty.")] = "",
    outside_population: OutsidePopulation = False,
) -> None:
    """Write, for every answered image and method, map and spread (.npy), picture and quality tests.

    A map has the image's own rows and columns, is signed (positive is for the target) and zero
    where the AI does not look. Ends with 0 when the run finished, even if files were refused.
    """
    from dataclasses import replace

    from models.batch.file_worker import FileWorker
    from models.explain.methods.explainer import Explainers
    from models.inference.assessor import Assessor
    from models.inference.classifier_registry import ClassifierRegistry

    settings = Settings.from_environment()
    settings = replace(
        settings,
        model_name=model or settings.model_name,
        outside_population=outside_population,
    )
    _check_method(method)
    panel, worker = ClassifierRegistry.load(settings), FileWorker(Assessor.load(settings))
    request = _Request(panel, worker, Explainers(panel), method, target, out)
    _check_target(request)
    counts = OutcomeCounts()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for candidate in walk(paths):
            counts.add(candidate.path, request.explain(candidate))
    except OSError as exc:
        raise SettingsError(f"The folder {out.name} cannot be written.") from exc
    typer.echo(" ".join([*counts.lines(), f"{_(RESEARCH_USE)}."]))


@dataclass(frozen=True)
class _Request:
    """The command line's wishes for every film."""

    panel: ClassifierRegistry
    worker: FileWorker
    explainers: Explainers
    method: str
    target: str
    out: Path

    def explain(self, candidate: Candidate) -> str:
        """Explain one file; returns what became of it. A bad one is one line, never an end."""
        try:
            return self._explain(candidate)
        except AssistantError as exc:
            typer.echo(f"{clean(candidate.path, MAX_NAME)}: {sentence(str(exc))}", err=True)
            return Status.ERROR.value

    def _explain(self, candidate: Candidate) -> str:
        from imaging.decoding import read_image

        content = candidate.read()
        try:
            image = read_image(content, file_name=candidate.path)
        except InputError:
            if is_helper_file(candidate.path, content):
                return Status.HELPER.value
            raise
        assessment = self.worker.judge(content, candidate.path).assessment
        if assessment.model is None or not assessment.findings:
            typer.echo(
                f"{clean(candidate.path, MAX_NAME)}: "
                + " ".join(map(sentence, assessment.messages)),
                err=True,
            )
            return assessment.status.value
        explainer = self.explainers.of(assessment.model.name)
        if self.target and not explainer.knows(self.target):
            typer.echo(
                f"{clean(candidate.path, MAX_NAME)}: "
                + _("{model} knows no such target.").format(model=assessment.model.name),
                err=True,
            )
            return "not explained"
        if self.method not in ("", ALL, *explainer.methods):
            typer.echo(
                f"{clean(candidate.path, MAX_NAME)}: "
                + _("{model} has no map of that method.").format(model=assessment.model.name),
                err=True,
            )
            return "not explained"
        subject = explainer.look(image.luminance_values(0), assessment)
        chosen = tuple(explainer.methods) if self.method == ALL else (self.method,)
        for method in chosen:
            self._write(candidate.path, image, assessment, explainer, subject, method)
        return "explained"

    def _write(
        self,
        path: str,
        image: DistantImage,
        assessment: Assessment,
        explainer: Explainer,
        subject: Subject,
        method: str,
    ) -> None:
        from models.explain.checks.receipt import make_receipt
        from models.explain.maps import draw_map, stretch

        target = self.target or (assessment.primary or assessment.findings[0]).code
        map_ = explainer.attribute(subject, target, method)
        rows, columns = subject.shape
        name = f"{assessment.sop_instance_uid}_{map_.method}"
        np.save(self.out / f"{name}.npy", stretch(map_.values, rows, columns))
        np.save(self.out / f"{name}_spread.npy", stretch(map_.spread, rows, columns))
        receipt = make_receipt(explainer, subject, map_)
        drawn = draw_map(image, map_, receipt.verdict, finding=map_.target)
        (self.out / f"{name}.png").write_bytes(drawn)
        about = {"path": path} | _facts(image, assessment, map_)
        facts = about | {"receipt": receipt.as_dict()}
        (self.out / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")


def _facts(image: DistantImage, assessment: Assessment, map_: Attribution) -> dict[str, Any]:
    """Facts of the map and what it is of; nothing that names the patient."""
    lead = assessment.primary or assessment.findings[0]
    instance = image.instance
    return {
        "research_use": RESEARCH_USE,
        "sop_instance_uid": assessment.sop_instance_uid,
        "file_sha256": instance.identity.sha256,
        "rows": instance.geometry.rows,
        "columns": instance.geometry.columns,
        "frame": 0,
        "method": map_.method,
        "target": map_.target,
        "view": dict(zip(("top", "left", "bottom", "right"), map_.view.edges, strict=True)),
        "model": map_.model.name,
        "version": map_.model.version,
        "weights_sha256": map_.model.weights_sha256,
        "finding": lead.code,
        "probability": lead.probability,
        "operating_point": lead.operating_point,
        "answer": assessment.answer.value if assessment.answer else "",
        "status": assessment.status.value,
    }


def _check_method(wanted: str) -> None:
    """Refuse a method that there is not."""
    from models.explain.methods.registry import METHODS

    if wanted and wanted != ALL and wanted not in METHODS:
        raise SettingsError(f"--method takes one of {', '.join(METHODS)}, or {ALL}.")


def _check_target(request: _Request) -> None:
    """Refuse a target that no installed model knows."""
    if not request.target:
        return
    targets: dict[str, None] = {}
    for card in request.panel.cards:
        explainer = request.explainers.of(card.name)
        targets |= dict.fromkeys(explainer.targets)
        if explainer.knows(request.target):
            return
    raise SettingsError(
        f"--target takes one of {', '.join(targets)}, or two of them with | between."
    )
