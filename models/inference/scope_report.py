"""The fidelity report with what the installed networks were built for, and its terminal command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imaging import fidelity
from imaging.dicom import inspect_image, read_image
from imaging.entities import RESEARCH_USE, Instance
from imaging.fidelity import Caution, Fidelity
from imaging.language import _, ngettext, sentence
from imaging.settings import Settings
from models.inference.anatomy import reads_part
from models.inference.scope import stated_parts

if TYPE_CHECKING:
    from models.checkpoint.card import ModelCard


def with_networks(report: Fidelity, instance: Instance, cards: Sequence[ModelCard]) -> Fidelity:
    """Add cautions where no network for this part of the body saw anybody of this age.

    Parameters
    ----------
    report : Fidelity
        Of file and pixels.
    instance : Instance
        Of the same picture.
    cards : sequence of ModelCard
        Of the networks that may be asked about it.
    """
    modality, age = instance.acquisition.modality, instance.patient.age_years
    parts = stated_parts(instance.acquisition)
    told: list[tuple[Caution, ...]] = []
    for card in cards:
        read = not parts or any(reads_part(part, card.scope.body_parts) for part in parts)
        if read and modality in card.scope.modalities:
            told.append(tuple(fidelity.judge_age(age, card.scope.age_years, card.name)))
    cautions = [caution for one in told for caution in one] if all(told) else []
    return replace(report, cautions=(*report.cautions, *cautions))


def inspect_file(
    file: Annotated[Path, typer.Argument(help="A DICOM file, or a PNG or JPEG image.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    frame: Annotated[int, typer.Option(min=1, help="Frame to judge, from 1.")] = 1,
) -> None:
    """Tell how a file becomes the picture on screen: decoder, LUTs, window, and what is odd."""
    image = read_image(file)
    last = image.instance.geometry.frames
    if frame > last:
        raise typer.BadParameter(f"the file has {last} frame(s)")
    report = with_networks(inspect_image(image, frame=frame - 1), image.instance, _read_cards())
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2, ensure_ascii=False, allow_nan=False))
        return
    for line in fidelity.lines(report):
        typer.echo(line)
    for caution in report.cautions:
        typer.echo(f"\u26a0 {sentence(caution.words)}")
    count = len(report.cautions)
    cautions = ngettext("{count} caution.", "{count} cautions.", count).format(count=count)
    typer.echo(f"{cautions} {_(RESEARCH_USE)}.")


def _read_cards() -> list[ModelCard]:
    """Read the cards of the networks that would be asked."""
    # torch takes a second to import: `--help` goes without it.
    from models.checkpoint.sealing import read_card
    from models.network.checkpoint import find_checkpoint, installed_checkpoints

    settings = Settings.from_environment()
    if settings.model_name:
        return [read_card(find_checkpoint(settings.weights, settings.model_name))]
    return [read_card(folder) for folder in installed_checkpoints(settings.weights)]
