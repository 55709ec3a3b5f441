"""The words every export shares: how far the review has come, and who the network was."""

from __future__ import annotations

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status, TypedFacts
from imaging.export.case import AttributionMap, ExportCase
from imaging.export.common import local
from imaging.lengths import plane_words
from imaging.review.records import Measure, Stage
from imaging.review.terms import concept
from imaging.study import StudyRecord
from imaging.typed_facts import stated

ANSWERS = {
    Answer.PRESENT: "present",
    Answer.ABSENT: "absent",
    Answer.UNSURE: "unsure - please read",
    Answer.UNSUITABLE: "not a picture the network was built for",
}
STATUSES = {
    Status.OK: "answered",
    Status.WARNED: "answered, with caution",
    Status.REFUSED: "not suitable",
    Status.ERROR: "could not be read",
    Status.DOCUMENT: "document, kept with its study",
    Status.HELPER: "no film, such as a viewer on a disc",
}
CHANGED = "Written otherwise than in the file:"


def status_line(case: ExportCase) -> str:
    """DRAFT, PRELIMINARY or FINAL, by whom and when; "NOT READ" before a reader came."""
    review = case.review
    if review is None:
        return "NOT READ: the network's answer only, not seen by a reader"
    if review.stage is Stage.DRAFT:
        return f"DRAFT, not signed (version {review.version})"
    at = local(review.created_at).strftime("%Y-%m-%d %H:%M %Z").strip()
    amended = ", amends an earlier final report" if case.predecessor else ""
    word = "FINAL" if review.stage is Stage.FINAL else "PRELIMINARY"
    return f"{word}, signed by {review.reader} at {at} (version {review.version}{amended})"


def typed_line(typed: TypedFacts) -> str:
    """Which facts about the patient stand in no file, who typed them, and when."""
    when = f" on {local(typed.typed_at):%Y-%m-%d %H:%M}" if typed.typed_at else ""
    facts = ", ".join(stated(typed))
    view = f" ({typed.view_position})" if typed.view_position else ""
    who = typed.reader or typed.account
    return f"Typed by {who}{when}, not stated in the file: {facts}{view}."


def typed_lines(record: StudyRecord) -> tuple[str, ...]:
    """What was typed of the films of a study, each line once."""
    typed = (instance.typed for instance in record.instances)
    return tuple(dict.fromkeys(typed_line(facts) for facts in typed if facts is not None))


def changes_text(case: ExportCase) -> str:
    """What is written otherwise than in the file, a line each below a first; "" for nothing."""
    lines = [change.sentence for change in case.changes]
    return "\n".join([CHANGED, *lines]) if lines else ""


def date_words(digits: str) -> str:
    """YYYYMMDD as YYYY-MM-DD; anything else as it is."""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 else digits


def time_words(digits: str) -> str:
    """HHMMSS.FFFFFF as HH:MM:SS, as far as it is known."""
    whole = digits.split(".")[0]
    return ":".join(whole[at : at + 2] for at in range(0, len(whole), 2))


def status_word(status: str) -> str:
    """Outcome of a file; anything but a `Status` is returned as it is."""
    return STATUSES[Status(status)] if status in set(Status) else status


def answer_word(answer: str) -> str:
    """An `Answer` in words; "" where there is none."""
    return ANSWERS[Answer(answer)] if answer else ""


def model_line(model: ModelIdentity) -> str:
    """Name, version and hash of a network."""
    of = "files" if model.files_sha256 else "weights"
    return f"{model.name} {model.version}, {of} SHA-256 {model.short_hash}"


def engine_line(assessment: Assessment) -> str:
    """The engine that computed an answer, and how precisely; "" where that was not recorded."""
    return f"Computed by {assessment.engine}" if assessment.engine else ""


def finding_label(code: str) -> str:
    """A finding in words."""
    return concept(code).meaning


def answer_line(finding: Finding, *, calibrated: bool = True) -> str:
    """Probability and operating point of one of the network's findings.

    A score that was not `calibrated` for such films must not look like a probability.
    """
    word = "probability" if calibrated else "no probability here, score"
    text = f"{word} {finding.probability:.3f}, operating point {finding.operating_point:.3f}"
    return f"{text} (exploratory)" if finding.exploratory else text


def conformal_line(assessment: Assessment) -> str:
    """The classes not ruled out at the stated error rate; "" when the model has no such rule."""
    if assessment.error_rate is None:
        return ""
    classes = " or ".join(assessment.conformal_set) or "nothing"
    if (lead := assessment.primary) is not None and lead.answer is not None:
        classes = f"{classes} ({lead.label})"  # one of several findings
    return f"Not ruled out at an error rate of {assessment.error_rate:.1%}: {classes}"


def map_line(map_: AttributionMap) -> str:
    """A map's method, what its receipt says and why, and where the evidence lies."""
    if not map_.shown:
        said = f"{map_.method}: not reliable for this image. The answer stands without a map."
        return " ".join([said, *map_.reasons])
    verdict = f": {map_.verdict}" if map_.verdict else ""
    place = _place_words(map_.place) if map_.place else ""
    return " ".join(part for part in (f"{map_.method}{verdict}.", place, *map_.reasons) if part)


def _place_words(place: str) -> str:
    """Where evidence lies: a zone of a lung, a lung or both; the patient's side."""
    side, _, zone = place.partition("_")
    if place == "both":
        return "Evidence in both lungs."
    return (
        f"Evidence mainly in the {side} {zone} zone."
        if zone
        else f"Evidence mainly in the {side} lung."
    )


def measure_line(measure: Measure) -> str:
    """A measurement with its unit and where it holds, as text beside a mark."""
    units = {"deg": "\N{DEGREE SIGN}", "{pixels}": "px", "[hnsf'U]": "HU", "1": ""}
    unit = units.get(measure.unit, measure.unit)
    number = f"{measure.name} {measure.value:.4g} {unit}".strip()
    where = measure_plane(measure)
    return f"{number} ({where})" if where else number


def measure_plane(measure: Measure) -> str:
    """Where a length or area holds, such as "at the detector"; "" in the body."""
    return plane_words(measure.plane, measure.magnification) if measure.plane else ""


def anchor_line(anchor: str) -> str:
    """How the head of the audit trail is printed, and what it is good for."""
    return (
        f"Audit trail at the export: {anchor}. A trail that was cut or written anew since lacks "
        f"it: python cli.py audit verify --anchor {anchor}"
    )
