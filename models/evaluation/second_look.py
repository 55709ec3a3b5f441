"""Choose how sure an answer must be to be held against a signature, on validation films alone.

    python -m models.evaluation.evaluate --split val --model paediatric-cxr  # the answers, once
    python -m models.evaluation.second_look --model paediatric-cxr           # chooses and stores
    python -m models.evaluation.second_look --model paediatric-cxr --split test  # measures alone

The stored answers to the films are read by simulated readers who sign the truth, but for a share of
the films, drawn at random, about which they are wrong. Each signature goes through the rule of the
product (`imaging.review.second_look`), and is asked about or not. The limit is the lowest with
which a reader who is wrong as often as radiologists are in daily work (3 to 5 of 100 reports;
Brady, Insights into Imaging 8, 2017) is asked about at most 3 of 100 signatures. All shares are
expected values over who is wrong where, not one draw of them.

Prints one line of JSON and stores it in ``<checkpoint>/evaluation/second_look.json``: for readers
of several error rates the share of signatures that are asked about, and of 1,000 signatures how
many questions there are and how many of them were right to ask (the reader was wrong). Films are
taken as in scope with a known age; those that were refused are signed unasked. A reader who is
wrong where the network is, as on films that are hard for both, is asked less and helped less than
these figures say.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from imaging.entities import Answer, Assessment, Finding, Status
from imaging.errors import CheckpointError
from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.review.second_look import find_contradiction
from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, EVALUATION, measured
from models.checkpoint.second_look import SECOND_LOOK, read_sure_from
from models.network.checkpoint import find_checkpoint
from models.rules.findings import FindingSpec

AT_MOST = 0.03  # share of signatures that may be asked about
USUAL_ERROR = 0.05  # share of films about which a reader is wrong
READERS = (0.0, 0.03, USUAL_ERROR, 0.1)
CHOSEN_ON = "val"
_LEAST = 0.5  # sureness of an answer that says what is likelier
_NOW = datetime(2026, 1, 1, tzinfo=UTC)  # of simulated reviews, which nobody stores


@dataclass(frozen=True, slots=True)
class Reading:
    """A film: the network's answer, and whether the leading finding is there."""

    answer: Assessment
    present: bool

    def asked(self, sure_from: float, *, wrong: bool) -> bool:
        """Whether a reader who is right, or `wrong`, about this film is asked."""
        (finding,) = self.answer.findings
        stated = ReadFinding(finding.code, self.present != wrong, Call.UNAIDED)
        review = Review("1", 0, Stage.DRAFT, "", "", _NOW, findings=(stated,))
        return find_contradiction(review, [self.answer], lambda _model: sure_from) is not None


def read_answers(table: Path, card: ModelCard) -> list[Reading]:
    """The stored answers of one split (`models.evaluation.evaluate`), film by film.

    Raises
    ------
    CheckpointError
        If they are not there.
    """
    try:
        with table.open(newline="") as stream:
            return [_reading(row, card.findings[0]) for row in csv.DictReader(stream)]
    except OSError as exc:
        raise CheckpointError(
            f"There are no stored answers {table.name}; make them: python -m "
            f"models.evaluation.evaluate --model {table.parent.parent.name} --split {table.stem}"
        ) from exc


def _reading(row: dict[str, str], spec: FindingSpec) -> Reading:
    answer = Answer(row["answer"])
    refused = answer is Answer.UNSUITABLE
    probability = 0.0 if refused else float(row[f"p_{spec.code}"])
    finding = Finding(spec.code, spec.label, probability, spec.operating_point)
    status = Status.REFUSED if refused else Status.OK
    said = Assessment(row["file"], status, findings=(finding,), answer=answer, error_rate=0.0)
    return Reading(said, row["label"] in spec.members)


def asked_share(readings: Sequence[Reading], sure_from: float, error: float) -> tuple[float, float]:
    """Share of signatures asked about, and of those that were right to ask, of all signatures."""
    count = len(readings)
    right = error * sum(r.asked(sure_from, wrong=True) for r in readings) / count
    idle = (1 - error) * sum(r.asked(sure_from, wrong=False) for r in readings) / count
    return right + idle, right


def choose(readings: Sequence[Reading]) -> float | None:
    """The lowest sureness with which the usual reader is asked at most `AT_MOST` of the time.

    None where there is none: then nothing is asked.
    """
    sureness = (max(p, 1 - p) for p in (r.answer.findings[0].probability for r in readings))
    steps = sorted({min(round(s + 5e-5, 4), 1.0) for s in sureness if s >= _LEAST})
    return next((s for s in steps if asked_share(readings, s, USUAL_ERROR)[0] <= AT_MOST), None)


def figures(readings: Sequence[Reading], sure_from: float) -> dict[str, Any]:
    """What such readers are asked, as plain values."""
    readers = []
    for error in READERS:
        share, right = asked_share(readings, sure_from, error)
        readers.append(
            {
                "reader_wrong": error,
                "asked_share": round(share, 4),
                "asked_of_1000": round(1000 * share, 1),
                "right_to_ask_of_1000": round(1000 * right, 1),
            }
        )
    return {"films": len(readings), "sure_from": sure_from, "readers": readers}


def main(
    model: Annotated[str, typer.Option(help="Name of the checkpoint.")] = "",
    split: Annotated[str, typer.Option(help="Whose stored answers are read.")] = CHOSEN_ON,
) -> None:
    """Choose the limit on the validation split, or measure the stored one on another."""
    folder = find_checkpoint(Settings.from_environment().weights, model)
    card = ModelCard.read(folder / CARD)
    readings = read_answers(folder / EVALUATION / f"{split}.csv", card)
    limit = choose(readings) if split == CHOSEN_ON else read_sure_from(folder, card.weights_sha256)
    if limit is None:
        raise CheckpointError(
            "There is no limit: none was chosen yet (do so without --split), or none asks rarely."
        )
    found = {"split": split, "weights_sha256": card.weights_sha256, **figures(readings, limit)}
    if split == CHOSEN_ON:
        (measured(folder) / SECOND_LOOK).write_text(json.dumps(found, indent=2) + "\n")
    typer.echo(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
