"""The words every export shares: how far the review has come, and who the network was."""

from __future__ import annotations

from collections.abc import Callable

from imaging.entities import Answer, Assessment, Finding, ModelIdentity, Status, TypedFacts
from imaging.export.case import AttributionMap, ExportCase
from imaging.export.common import local
from imaging.language import _, sentence
from imaging.lengths import plane_words
from imaging.review.events import AiScope
from imaging.review.grades import GradeAnswer
from imaging.review.records import Measure
from imaging.review.terms import concept
from imaging.study import StudyRecord
from imaging.typed_facts import stated

ANSWERS = {
    Answer.PRESENT: "present",
    Answer.ABSENT: "absent",
    Answer.UNSURE: "unsure - please read",
    Answer.UNSUITABLE: "not an image the AI was built for",
}
STATUSES = {
    Status.OK: "answered",
    Status.WARNED: "answered, with caution",
    Status.REFUSED: "not suitable",
    Status.ERROR: "could not be read",
    Status.DOCUMENT: "report attached",
    Status.HELPER: "not an image, such as a viewer on a disc",
}
# Whether "present" and "absent" are in the conformal set -> what that says of this patient.
CERTAINTIES = {
    (True, False): (
        "AI: {finding} likely. It is set so that at most {count} of 100 images without it get this "
        "answer."
    ),
    (False, True): (
        "AI: {finding} unlikely, which does not rule it out. It is set so that at most {count} of "
        "100 images with it get this answer."
    ),
    (True, True): "AI: cannot tell whether there is {finding}.",
    (False, False): "Unusual image: no confident answer.",
}
CONTRADICTIONS = {
    (False, True): "Borderline: above the threshold, but weak for {finding}.",
    (True, False): "Borderline: below the threshold, yet {finding} is likely.",
}
AI_OFF = {
    AiScope.STUDY: "AI was off for this study: no AI answer is given here.",
    AiScope.ACCOUNT: "AI was off for the doctor who exported this: no AI answer is given here.",
    AiScope.SITE: "AI was off for the whole site: no AI answer is given here.",
}
CHANGED = "Written otherwise than in the file:"


def ai_off_line(record: StudyRecord) -> str:
    """That AI was off when this left, and for what; "" where it was on."""
    return _(AI_OFF[record.ai_off]) if record.ai_off is not None else ""


def typed_line(typed: TypedFacts) -> str:
    """Which facts about the patient stand in no file, who typed them, and when."""
    when = f"{local(typed.typed_at):%Y-%m-%d %H:%M}" if typed.typed_at else ""
    facts = ", ".join(_(fact) for fact in stated(typed))
    facts += f" ({typed.view_position})" if typed.view_position else ""
    who = typed.reader or typed.account
    said = (
        _("Typed by {reader} on {time}, not stated in the file: {facts}.")
        if when
        else _("Typed by {reader}, not stated in the file: {facts}.")
    )
    return said.format(reader=who, time=when, facts=facts)


def typed_lines(record: StudyRecord) -> tuple[str, ...]:
    """What was typed of the films of a study, each line once."""
    typed = (instance.typed for instance in record.instances)
    return tuple(dict.fromkeys(typed_line(facts) for facts in typed if facts is not None))


def changes_text(case: ExportCase) -> str:
    """What is written otherwise than in the file, a line each below a first; "" for nothing."""
    lines = [sentence(change.sentence) for change in case.changes]
    return "\n".join([_(CHANGED), *lines]) if lines else ""


def date_words(digits: str) -> str:
    """YYYYMMDD as YYYY-MM-DD; anything else as it is."""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 else digits


def time_words(digits: str) -> str:
    """HHMMSS.FFFFFF as HH:MM:SS, as far as it is known."""
    whole = digits.split(".")[0]
    return ":".join(whole[at : at + 2] for at in range(0, len(whole), 2))


def status_word(status: str) -> str:
    """Outcome of a file; anything but a `Status` is returned as it is."""
    return _(STATUSES[Status(status)]) if status in set(Status) else status


def answer_word(answer: str) -> str:
    """An `Answer` in words; "" where there is none."""
    return _(ANSWERS[Answer(answer)]) if answer else ""


def model_line(model: ModelIdentity) -> str:
    """Name, version and hash of a network."""
    said = (
        _("{model}, files SHA-256 {hash}")
        if model.files_sha256
        else _("{model}, weights SHA-256 {hash}")
    )
    return said.format(model=f"{model.name} {model.version}", hash=model.short_hash)


def engine_line(assessment: Assessment) -> str:
    """The engine that computed an answer, and how precisely; "" where that was not recorded."""
    return _("Computed with {engine}").format(engine=assessment.engine) if assessment.engine else ""


def finding_label(code: str) -> str:
    """A finding in words."""
    return _(concept(code).meaning)


def answer_line(finding: Finding, *, calibrated: bool = True) -> str:
    """Probability and operating point of one of the network's findings.

    A score that was not `calibrated` for such films must not look like a probability.
    """
    said = (
        _("probability {probability}, threshold {threshold}")
        if calibrated
        else _("no probability here, score {probability}, threshold {threshold}")
    )
    text = said.format(
        probability=figure(finding.probability), threshold=f"{finding.operating_point:.3f}"
    )
    return f"{text} ({_('exploratory')})" if finding.exploratory else text


def figure(probability: float) -> str:
    """A probability with three decimals; never a false 0 or 1."""
    if probability < 0.0005:
        return "<0.001"
    return ">0.999" if probability >= 0.9995 else f"{probability:.3f}"


def percent(probability: float) -> str:
    """0.934 -> "93%"; never a false 0% or 100%."""
    if probability < 0.01:
        return _("<1%")
    if probability > 0.99:
        return _(">99%")
    return _("{percent}%").format(percent=round(100 * probability))


def grade_line(given: GradeAnswer, say: Callable[[str], str] = _) -> str:
    """The likeliest grade, and beside it the grades next to it: no grade stands alone."""
    parts = [
        say("{scale} {grade} (of {lowest} to {highest}): {percent}").format(
            scale=say(given.scale),
            grade=given.grade,
            lowest=given.lowest,
            highest=given.highest,
            percent=percent(given.probability),
        )
    ]
    beside = say("grade {grade}: {percent}")
    parts += [beside.format(grade=g, percent=percent(p)) for g, p in given.neighbours]
    return "; ".join(parts)


def certainty_template(assessment: Assessment) -> str:
    """What a conformal set means for this patient, with {finding} and {count} left open.

    The rule keeps its error rate within each class (Vovk 2005; Sadinle et al. 2019): of the images
    without the finding at most that share loses "absent", and so for those with it.

    Returns
    -------
    str
        A key of the catalogue; "" when the model has no such rule, or gave no answer.
    """
    if assessment.error_rate is None or assessment.primary is None:
        return ""
    held = "present" in assessment.conformal_set, "absent" in assessment.conformal_set
    # one label that the threshold contradicts is no answer, and must not read like one
    if assessment.primary.positive != held[0] and held in CONTRADICTIONS:
        return CONTRADICTIONS[held]
    return CERTAINTIES[held]


def error_count(error_rate: float) -> str:
    """An error rate as a natural frequency: 0.05 is "5" of 100."""
    return f"{100 * error_rate:g}"


def map_line(map_: AttributionMap) -> str:
    """A map's method, what its receipt says and why, and where the evidence lies."""
    if not map_.shown:
        said = _("{method}: not reliable for this image. The answer stands without a map.")
        return " ".join([said.format(method=_(map_.method)), *map(sentence, map_.reasons)])
    verdict = f": {_(map_.verdict)}" if map_.verdict else ""
    place = _place_words(map_.place) if map_.place else ""
    return " ".join(
        part
        for part in (f"{_(map_.method)}{verdict}.", place, *map(sentence, map_.reasons))
        if part
    )


def _place_words(place: str) -> str:
    """Where evidence lies: a zone of a lung, a lung or both; the patient's side."""
    side, _, zone = place.partition("_")
    return sentence(
        "Evidence in both lungs."
        if place == "both"
        else f"Evidence mainly in the {side} {zone} zone."
        if zone
        else f"Evidence mainly in the {side} lung."
    )


def measure_line(measure: Measure) -> str:
    """A measurement with its unit and where it holds, as text beside a mark."""
    units = {"deg": "\N{DEGREE SIGN}", "{pixels}": "px", "[hnsf'U]": "HU", "1": ""}
    unit = units.get(measure.unit, measure.unit)
    number = f"{_(measure.name)} {measure.value:.4g} {unit}".strip()
    where = measure_plane(measure)
    return f"{number} ({where})" if where else number


def measure_plane(measure: Measure) -> str:
    """Where a length or area holds, such as "at the detector"; "" in the body."""
    return plane_words(measure.plane, measure.magnification, _) if measure.plane else ""


def anchor_line(anchor: str) -> str:
    """How the head of the audit trail is printed, and what it is good for."""
    return _(
        "Audit trail at the export: {anchor}. A trail that was cut or written anew since lacks it: "
        "python cli.py audit verify --anchor {anchor}"
    ).format(anchor=anchor)
