"""The explanation of films from a terminal: maps as arrays, pictures and receipts, to be scored."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from imaging.entities import RESEARCH_USE, Assessment, Status
from imaging.errors import AssistantError, SettingsError
from imaging.intake.expand import Candidate, walk
from imaging.rendering import overlay_png
from imaging.settings import Settings
from imaging.text import MAX_NAME, clean

if TYPE_CHECKING:
    from imaging.dicom import Image
    from models.batch.file_worker import FileWorker
    from models.explain.base.subject import Subject
    from models.explain.methods.explainer import Attribution, Explainer, Explainers
    from models.inference.panel import ClassifierRegistry

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
) -> None:
    """Write, for every answered image and method, map and spread (.npy), picture and receipt.

    A map has the film's own rows and columns, is signed (positive speaks for the target) and zero
    where the network does not look. Ends with 0 when the run finished, even if files were refused.
    """
    from dataclasses import replace

    from models.batch.file_worker import FileWorker
    from models.explain.methods.explainer import Explainers
    from models.inference.assessor import Assessor
    from models.inference.panel import ClassifierRegistry

    settings = Settings.from_environment()
    settings = replace(settings, model_name=model or settings.model_name)
    panel, worker = ClassifierRegistry.load(settings), FileWorker(Assessor.load(settings))
    asked = _Asked(panel, worker, Explainers(panel), _methods(method), target, out)
    _check_target(asked)
    counts: Counter[str] = Counter()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for candidate in walk(paths):
            said = asked.explain(candidate)
            counts[said] += 1
    except OSError as exc:
        raise SettingsError(f"The folder {out.name} cannot be written.") from exc
    summary = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
    typer.echo(f"{counts.total()} files: {summary}. {RESEARCH_USE}.")


@dataclass(frozen=True)
class _Asked:
    """What the command line wants of every film."""

    panel: ClassifierRegistry
    worker: FileWorker
    explainers: Explainers
    methods: tuple[str, ...]
    target: str
    out: Path

    def explain(self, candidate: Candidate) -> str:
        """Explain one file; returns what became of it. A bad one is one line, never an end."""
        try:
            return self._explain(candidate)
        except AssistantError as exc:
            typer.echo(f"{clean(candidate.path, MAX_NAME)}: {exc}", err=True)
            return Status.ERROR.value

    def _explain(self, candidate: Candidate) -> str:
        from imaging.dicom import read_image

        content = candidate.read()
        image = read_image(content, file_name=candidate.path)
        found = self.worker.judge(content, candidate.path).assessment
        if found.model is None or not found.findings:
            typer.echo(f"{clean(candidate.path, MAX_NAME)}: {' '.join(found.messages)}", err=True)
            return found.status.value
        explainer = self.explainers.of(found.model.name)
        if self.target and not explainer.knows(self.target):
            typer.echo(
                f"{clean(candidate.path, MAX_NAME)}: {found.model.name} knows no such target.",
                err=True,
            )
            return "not explained"
        subject = explainer.look(image.luminance_values(0), found)
        for method in self.methods:
            self._write(candidate.path, image, found, explainer, subject, method)
        return "explained"

    def _write(
        self,
        path: str,
        image: Image,
        found: Assessment,
        explainer: Explainer,
        subject: Subject,
        method: str,
    ) -> None:
        from models.explain.checks.receipt import make_receipt
        from models.explain.maps import stretched

        target = self.target or found.findings[0].code
        map_ = explainer.attribute(subject, target, method)
        rows, columns = subject.shape
        name = f"{found.sop_instance_uid}_{method}"
        np.save(self.out / f"{name}.npy", stretched(map_.values, rows, columns))
        np.save(self.out / f"{name}_spread.npy", stretched(map_.spread, rows, columns))
        (self.out / f"{name}.png").write_bytes(_picture(image, map_))
        receipt = make_receipt(explainer, subject, map_).as_dict()
        facts = {"path": path} | _facts(image, found, map_) | {"receipt": receipt}
        (self.out / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")


def _picture(image: Image, map_: Attribution) -> bytes:
    """The film with the map over it, and below it what it is of."""
    from models.explain.methods.registry import METHODS

    asked = map_.model
    caption = f"{METHODS[map_.method].label}: {map_.target} - {asked.name} {asked.version} "
    return overlay_png(
        image.display_values(0),
        map_.values,
        method=f"{caption}({asked.short_hash})",
        seen=map_.view.edges,
    )


def _facts(image: Image, found: Assessment, map_: Attribution) -> dict[str, Any]:
    """What the map is of; nothing that names the patient."""
    lead = found.findings[0]
    instance = image.instance
    return {
        "research_use": RESEARCH_USE,
        "sop_instance_uid": found.sop_instance_uid,
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
        "answer": found.answer.value if found.answer else "",
        "status": found.status.value,
    }


def _methods(wanted: str) -> tuple[str, ...]:
    """The methods asked for; raises `SettingsError` for an unknown one."""
    from models.explain.methods.registry import DEFAULT, METHODS

    if wanted == ALL:
        return tuple(METHODS)
    if wanted and wanted not in METHODS:
        raise SettingsError(f"--method takes one of {', '.join(METHODS)}, or {ALL}.")
    return (wanted or DEFAULT,)


def _check_target(asked: _Asked) -> None:
    """Refuse a target that no installed model knows."""
    if not asked.target:
        return
    known: dict[str, None] = {}
    for classifier in asked.panel.classifiers:
        explainer = asked.explainers.of(classifier.card.name)
        known |= dict.fromkeys(explainer.targets)
        if explainer.knows(asked.target):
            return
    raise SettingsError(f"--target takes one of {', '.join(known)}, or two of them with | between.")
