"""The words and tables of a batch's summary, which the PDF and the HTML set each in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from imaging.entities import Status
from imaging.export import wording
from imaging.export.batch import row_words
from imaging.export.batch.rows import AI_OFF, ResultRow
from imaging.export.batch.summary import BINS, Case, Distribution, PicturePair, Summary
from imaging.export.common import local
from imaging.language import _, sentence

TITLE = "Lightbox results"
AI_GENERATED = "AI-generated, not for diagnosis"
SHEET_TITLE = "Pictures of the most urgent studies"
SHEET_NOTE = (
    "The original image comes first, evidence for and against the finding second. Each map "
    "was tested, and stands with its verdict; one that is not reliable is not drawn."
)


@dataclass(frozen=True, slots=True)
class Block:
    """A titled table; widths are fractions of the page, note and distributions stand below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    note: str = ""
    distributions: tuple[Distribution, ...] = ()


def opening(summary: Summary, now: datetime) -> tuple[str, ...]:
    """The batch in a few lines below the title."""
    helpers = dict(summary.statuses).get(Status.HELPER, 0)
    counted = _("{files} files, {studies} studies.")
    lines = [counted.format(files=summary.files - helpers, studies=summary.studies)]
    if helpers:
        none = _("Files that are not images, and in no table: {count}.")
        lines.append(none.format(count=helpers))
    if summary.received is not None:
        first, last = (f"{local(at):%Y-%m-%d %H:%M}" for at in summary.received)
        span = _("Received {first}.") if first == last else _("Received {first} to {last}.")
        lines.append(span.format(first=first, last=last))
    lines.append(_("Written {time}.").format(time=f"{local(now):%Y-%m-%d %H:%M}"))
    final = dict(summary.readings).get("final", 0)
    off = dict(summary.statuses).get(AI_OFF, 0)
    if off:
        said = _("AI was off for {count} files: no AI answer about them is given here.")
        lines.append(said.format(count=off))
    if not final:
        lines.append(_("Nobody has signed any of these results: they are the AI's draft."))
    else:
        signed = _("{count} files belong to studies that a doctor signed as final.")
        lines.append(signed.format(count=final))
    return tuple(lines)


def blocks(summary: Summary) -> tuple[Block, ...]:
    """The tables behind the most urgent studies, in order; without what would be empty.

    Why files have no answer comes last: nobody looks for a child among reasons.
    """
    tables = (
        _counts(_("What became of the files"), _("Outcome"), _statuses(summary)),
        replace(
            _counts(_("AI answers (AI-generated)"), _("Answer"), _answers(summary)),
            distributions=summary.distributions,
        ),
        _counts(
            _("How far the reading has come"),
            _("Files of studies that are"),
            _readings(summary),
        ),
        _networks(summary),
        _reasons(summary),
    )
    return tuple(block for block in tables if block.rows)


def _networks(summary: Summary) -> Block:
    """The networks that answered, and where each line is drawn."""
    return Block(
        _("Model and thresholds"),
        (_("Model"), _("SHA-256 of weights, of all files"), _("Engine"), _("Thresholds")),
        tuple(
            (
                network.name,
                "\n".join(filter(None, (network.weights_sha256, network.model_sha256))),
                network.engine or _("not recorded"),
                "\n".join(f"{code}: {point:.3f}" for code, point in network.operating_points),
            )
            for network in summary.networks
        ),
        (0.22, 0.38, 0.16, 0.24),
        _("A finding is suspected at or above its threshold."),
    )


def _counts(title: str, what: str, counts: Sequence[tuple[str, int]]) -> Block:
    return Block(
        title, (what, _("Files")), tuple((word, str(count)) for word, count in counts), (0.6, 0.4)
    )


def _statuses(summary: Summary) -> list[tuple[str, int]]:
    return [(wording.status_word(name), count) for name, count in summary.statuses]


def _answers(summary: Summary) -> list[tuple[str, int]]:
    return [(wording.answer_word(name), count) for name, count in summary.answers]


def _readings(summary: Summary) -> list[tuple[str, int]]:
    return [(row_words.reading_word(name), count) for name, count in summary.readings]


def _reasons(summary: Summary) -> Block:
    """Why there is no answer."""
    return Block(
        _("Reasons for files without an answer"),
        (_("Outcome"), _("Reason"), _("Files")),
        tuple(
            (wording.status_word(status), sentence(reason) or _("no reason recorded"), str(count))
            for status, reason, count in summary.reasons
        ),
        (0.2, 0.68, 0.12),
        _("{count} more files have other reasons; the tables name them.").format(
            count=summary.other_reasons
        )
        if summary.other_reasons
        else "",
    )


def urgent(summary: Summary, *, names: bool) -> Block:
    """The most urgent studies in the worklist's order, which everything else comes after."""
    return Block(
        _("The {count} most urgent studies").format(count=len(summary.top)),
        ("", _("Study"), _("Urgency, answer"), _("Probability"), _("Reading")),
        tuple(
            (
                str(at),
                "\n".join(identity(row, names=names)),
                describe_answer(row),
                figure(row),
                row_words.reading(row),
            )
            for at, row in enumerate(summary.top, 1)
        ),
        (0.05, 0.45, 0.22, 0.16, 0.12),
        _("In the worklist's order: priority first, then unsure; signed studies come last."),
    )


def identity(row: ResultRow, *, names: bool) -> tuple[str, ...]:
    """Lines that tell which study it is; the patient only when asked for."""
    patient = row_words.patient(row)
    facts = (row_words.age(row), row_words.sex(row), row.study_date, row.examination)
    about, unnamed = ", ".join(fact for fact in facts if fact), _("not stated in the file")
    return (
        *((_filled(_("Patient {value}"), patient or unnamed),) if names else ()),
        *((about,) if about else ()),
        *((_filled(_("Accession {value}"), row.accession_number),) if row.accession_number else ()),
        _filled(_("File {value}"), row.path),
        _filled(_("Study {value}"), row.study_instance_uid),
    )


def _filled(message: str, value: str) -> str:
    return message.format(value=value)


def describe_answer(row: ResultRow) -> str:
    """Urgency and answer."""
    parts = (row_words.urgency(row), row_words.ai_answer(row))
    return "\n".join(part for part in parts if part)


def figure(row: ResultRow) -> str:
    """The probability with its operating point; never one without the other."""
    if row.probability is None or row.operating_point is None:
        return ""
    return _("{probability} (threshold {threshold})").format(
        probability=wording.figure(row.probability), threshold=f"{row.operating_point:.3f}"
    )


def caption(pair: PicturePair) -> str:
    """The caption of a pair of pictures."""
    if pair.overlay is None:
        said = _(
            "Original image. {method} for {finding}: not reliable for this image. The answer "
            "stands without a map. Model {model}. {ai}."
        )
    else:
        said = _(
            "Left: original image. Right: {method} for {finding}{verdict} (orange for, blue "
            "against). Model {model}. {ai}."
        )
    return said.format(
        method=_(pair.method),
        finding=_(pair.finding),
        verdict=f": {_(pair.verdict)}" if pair.verdict else "",
        model=wording.model_line(pair.model),
        ai=_(AI_GENERATED),
    )


def case_title(at: int, case: Case, *, names: bool) -> str:
    """A case of the contact sheet in one line."""
    study = "; ".join(identity(case.row, names=names))
    answer = describe_answer(case.row).replace("\n", ", ")
    return f"{at}. {study}; {answer}; {figure(case.row)}".rstrip("; ")


def distribution_title(distribution: Distribution) -> str:
    """The title of a histogram."""
    points = ", ".join(f"{point:.3f}" for point in distribution.operating_points)
    return _("Probability of {finding}, {count} images, by {model}; threshold {threshold}").format(
        finding=_(distribution.label),
        count=sum(distribution.counts),
        model=distribution.network,
        threshold=points,
    )


def bars(distribution: Distribution) -> Iterator[tuple[float, float, float, int]]:
    """Every bar as (from, to, height, count): edges in probability, height in [0, 1]."""
    most = max(distribution.counts) or 1
    for at, count in enumerate(distribution.counts):
        yield at / BINS, (at + 1) / BINS, count / most, count
