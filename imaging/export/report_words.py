"""Every word of a report, in one place, and the order in which its parts are told.

`sections` gives them as plain text; PDF, HTML and the printed page lay them out and add no word.
DICOM SR, FHIR and tables take their sentences from here, too. Placeholders have names, and are
filled after `say` has translated: a language is another `say`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from imaging.entities import Answer, Finding, Patient
from imaging.export import wording
from imaging.export.common import local
from imaging.export.photograph import origin_line
from imaging.export.report import Answered, Report
from imaging.language import _, sentence
from imaging.language.formats import age_words
from imaging.person import format_name
from imaging.review.records import (
    Annotation,
    Call,
    Compared,
    Course,
    ReadFinding,
    Shape,
    Side,
    Site,
    Stage,
    Trial,
)
from imaging.review.terms import concept

Say = Callable[[str], str]
WORDS = {
    "title": "Lightbox report",
    # how far it has come
    "not_read": "NOT READ: AI answer only, not seen by a doctor",
    "not_read_ai_off": "NOT READ",
    "ai_off_at_signing": "AI was off when this was signed.",
    "draft": "DRAFT, not signed (version {version})",
    "preliminary": "PRELIMINARY, signed by {reader} at {time} (version {version})",
    "final": "FINAL, signed by {reader} at {time} (version {version})",
    "amended": "FINAL, signed by {reader} at {time} (version {version}, amends an earlier final "
    "report)",
    "amended_preliminary": "PRELIMINARY, signed by {reader} at {time} (version {version}, amends "
    "an earlier final report)",
    # parts
    "general": "Patient and study",
    "findings": "Findings",
    "impression": "Impression",
    "measurements": "Measurements and annotations",
    "signature": "Signature",
    "ai": "AI result (AI-generated, not part of the doctor's findings)",
    "trials": "Tried with the eraser (AI-generated answers)",
    "changes": "Written otherwise than in the file",
    # patient and study
    "patient": "Patient",
    "patient_id": "Patient ID",
    "born": "Date of birth, sex, age",
    "study": "Study",
    "accession": "Accession number",
    "examination": "Examination",
    "kind_of_image": "Modality, part, view",
    "indication": "Indication",
    "comparison": "Comparison",
    "uid": "Study Instance UID",
    "images": "Images",
    "typed": "Patient data",
    "remark": "Note",
    "unnamed": "not stated in the file",
    "no_indication": "not stated",
    "no_comparison": "none",
    "compared_with": "Study of {date}",
    "synthetic": "Synthetic image; it shows no person.",
    "male": "male",
    "female": "female",
    "other": "other",
    # findings
    "present": "{finding}.",
    "present_at": "{finding}, {where}.",
    "absent": "No {finding}.",
    "right": "right",
    "left": "left",
    "both": "both sides",
    "right_at": "right {sites}",
    "left_at": "left {sites}",
    "both_at": "{sites} on both sides",
    "and": "{first} and {last}",
    "upper_zone": "upper zone",
    "middle_zone": "middle zone",
    "lower_zone": "lower zone",
    "upper_lobe": "upper lobe",
    "middle_lobe": "middle lobe",
    "lower_lobe": "lower lobe",
    "new": "New since {date}.",
    "worse": "Worse than on {date}.",
    "same": "Unchanged since {date}.",
    "better": "Better than on {date}.",
    "resolved": "Resolved since {date}.",
    "nothing_stated": "No finding was stated by a doctor.",
    "drafted": "Draft by AI, not accepted by a doctor: {sentence}",
    # what a doctor's statement is beside the AI's answer
    "call_accepted": "Agreed with the AI",
    "call_overruled": "Disagreed with the AI",
    "call_edited": "Reworded; the AI had answered about {finding}",
    "call_added": "Stated by the doctor alone",
    "call_unaided": "Decided by doctor (no firm AI answer)",
    "call_stated": "Stated by the doctor",
    "call_unsure": "Decided by doctor (AI was unsure)",
    # impression
    "normal": "Normal chest film.",
    "nothing_present": "No finding reported as present.",
    "no_impression": "No impression is stated yet.",
    # signature
    "signed_by": "Signed by",
    "signed_at": "Date and time",
    "written_by": "Written by",
    "written_at": "Written at",
    "reviewed_by": "Reviewed by",
    "reviewed_at": "Reviewed at",
    "stage": "Status",
    "unsigned": "not signed",
    "stage_draft": "draft",
    "stage_preliminary": "preliminary",
    "stage_final": "final",
    "stage_none": "not read",
    # AI
    "image": "Image {number}",
    "ai_present": "{finding}: suspected",
    "ai_absent": "{finding}: not seen",
    "ai_unsure": "{finding}: unsure - please read",
    "ai_unsuitable": "not an image the AI was built for",
    "ai_none": "The AI was not run.",
    "ai_silent": "No answer: {status}",
    "ai_decided": "{finding}: {call}.",
    "map": "Map of the evidence, {map}",
    "model": "Model {model}",
    "engine": "Computed with {engine}",
    "exported": "Exported {time}.",
    # marks
    "mark": "Annotation",
    "kind": "Kind",
    "place": "Image, frame",
    "measured": "Measured",
    "marks_finding": "Finding",
    "cardiothoracic": "cardiothoracic ratio {ratio}; heart {heart}; thorax {thorax}",
    # eraser
    "tried": "Tried",
    "whole": "Whole image",
    "left_over": "What is left",
    "probability": "probability {probability}",
    "model_time": "Model, time",
    "eraser_note": "An image with a part erased is no image of a patient: these answers say "
    "what the AI's answer depends on, not what the patient has.",
}
_STAGES = {
    Stage.DRAFT: "stage_draft",
    Stage.PRELIMINARY: "stage_preliminary",
    Stage.FINAL: "stage_final",
    None: "stage_none",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report in words.

    ``rows`` are (term, value) pairs, ``lines`` paragraphs, ``table`` rows whose first is its head
    and whose columns are as wide as ``widths`` (fractions that sum to 1) say; told in this order.
    """

    key: str
    title: str
    rows: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    widths: tuple[float, ...] = ()


def sections(report: Report, say: Say = _) -> tuple[Section, ...]:
    """The parts of a report in their order; without those that have nothing to say.

    Patient and study, how it was examined, findings, measurements, impression, signature: the five
    parts that a Chinese report has by its norm. What the AI answered follows the signature, for the
    doctor does not sign for it.
    """
    parts = (
        _general(report, say),
        _examination(report, say),
        Section("findings", say(WORDS["findings"]), lines=finding_lines(report, say)),
        _measurements(report, say),
        Section("impression", say(WORDS["impression"]), lines=impression_lines(report, say)),
        _signature(report, say),
        Section("ai", say(WORDS["ai"]), lines=ai_lines(report, say)),
        _trials(report, say),
        Section(
            "changes",
            say(WORDS["changes"]),
            lines=tuple(sentence(change.sentence) for change in report.changes),
        ),
    )
    return tuple(part for part in parts if part.rows or part.lines or part.table)


def status_line(report: Report, say: Say = _) -> str:
    """DRAFT, PRELIMINARY or FINAL, by whom and when; "NOT READ" before a doctor came; AI off."""
    off = say(wording.AI_OFF[report.ai_off]) if report.ai_off is not None else ""
    if report.unaided:
        off = f"{say(WORDS['ai_off_at_signing'])} {off}".strip()
    return ". ".join(filter(None, (_stage_line(report, say), off)))


def _stage_line(report: Report, say: Say) -> str:
    if report.stage is None or report.written_at is None:
        return say(WORDS["not_read" if report.ai_off is None else "not_read_ai_off"])
    key = report.stage.value
    if report.signed and report.amends:
        key = "amended" if report.final else "amended_preliminary"
    time, version = moment(report.written_at), report.version
    return say(WORDS[key]).format(reader=report.reader, time=time, version=version)


def moment(at: datetime) -> str:
    """A moment on this computer's clock: 2026-11-28 08:35."""
    return f"{local(at):%Y-%m-%d %H:%M}"


def exported(now: datetime) -> str:
    """When a form was written."""
    return _(WORDS["exported"]).format(time=moment(now))


def study_moment(report: Report) -> str:
    """Date and time of the study, as far as they are known: 2026-11-28 08:35."""
    taken = report.acquisition
    time = wording.time_words(taken.study_time)[:5]
    return f"{wording.date_words(taken.study_date)} {time}".strip()


def patient_age(patient: Patient) -> str:
    """Age at the study, in years and months; "" where it is unknown."""
    return "" if patient.age_years is None else age_words(patient.age_years)


def patient_sex(patient: Patient, say: Say = _) -> str:
    """Patient's Sex (0010,0040) in words."""
    key = {"M": "male", "F": "female", "O": "other"}.get(patient.sex.upper(), "")
    return say(WORDS[key]) if key else patient.sex


def finding_lines(report: Report, say: Say = _) -> tuple[str, ...]:
    """What the doctor states, then the note; what the AI would draft is marked as a draft."""
    lines = [finding_sentence(finding, report.compared, say) for finding in report.findings]
    lines += report.note.splitlines()
    if not lines:
        lines = [say(WORDS["nothing_stated"])]
    return (*lines, *draft_lines(report, say))


def draft_lines(report: Report, say: Say = _) -> tuple[str, ...]:
    """What the AI was tested for and answered firmly, marked as nobody's statement."""
    return tuple(draft_line(finding, say) for finding in report.drafts)


def draft_line(finding: ReadFinding, say: Say = _) -> str:
    """A sentence that is drafted of the AI's answer, marked as a draft."""
    said = _presence(finding.code, finding.present, say)
    if finding.side is not None:  # of a region: whether it is there or not is said of that side
        said = f"{place_words(finding.side, (), say)}: {said}"
    return say(WORDS["drafted"]).format(sentence=said)


def finding_sentence(finding: ReadFinding, compared: Compared | None, say: Say = _) -> str:
    """A statement as a sentence: "Pneumonia, right lower zone. Worse than on 2026-09-10."."""
    where = place_words(finding.side, finding.sites, say)
    if finding.present and where:
        label = say(concept(finding.code).meaning)
        said = say(WORDS["present_at"]).format(finding=label, where=where)
    else:
        said = _presence(finding.code, finding.present, say)
    if finding.course is not None and compared is not None:
        date = wording.date_words(compared.study_date)
        said = f"{said} {course_words(finding.course, date, say)}"
    return f"{said} {finding.note}".strip()


def place_words(side: Side | None, sites: Iterable[Site], say: Say = _) -> str:
    """Side and zones or lobes: "right lower zone", "lower zone on both sides"; "" for neither."""
    if side is None:
        return ""
    names = [say(WORDS[site.value]) for site in sites]
    if not names:
        return say(WORDS[side.value])
    joined = names[0]
    for name in names[1:]:
        joined = say(WORDS["and"]).format(first=joined, last=name)
    return say(WORDS[f"{side.value}_at"]).format(sites=joined)


def course_words(course: Course, date: str, say: Say = _) -> str:
    """What became of a finding since the study of a date (ISO 8601)."""
    return say(WORDS[course.value]).format(date=date)


def call_words(finding: ReadFinding, say: Say = _) -> str:
    """What a statement is beside the AI's answer."""
    key = f"call_{finding.call.value}"
    if finding.call is Call.UNAIDED and finding.unsure:
        key = "call_unsure"
    replaced = say(concept(finding.replaces).meaning) if finding.replaces else ""
    return say(WORDS[key]).format(finding=replaced)


def comparison_line(report: Report, say: Say = _) -> str:
    """With which study it was compared; "" with none."""
    if report.compared is None:
        return ""
    date = wording.date_words(report.compared.study_date)
    return say(WORDS["compared_with"]).format(date=date)


def impression_lines(report: Report, say: Say = _) -> tuple[str, ...]:
    """The doctor's own words; without them what is stated as present, or a normal study."""
    if report.impression:
        return tuple(report.impression.splitlines())
    if report.normal:
        return (say(WORDS["normal"]),)
    present = [replace(f, note="") for f in report.findings if f.present]
    if present:
        return tuple(finding_sentence(f, report.compared, say) for f in present)
    return (say(WORDS["nothing_present" if report.findings else "no_impression"]),)


def ai_lines(report: Report, say: Say = _) -> tuple[str, ...]:
    """What the AI answered about each image, with model and threshold, and what the doctor made."""
    if report.ai_off is not None:
        return (say(wording.AI_OFF[report.ai_off]),)
    if not report.answers:
        return (say(WORDS["ai_none"]),)
    lines = []
    for answered in report.answers:
        lines += _answer_lines(answered, report, say)
    decided = (f for f in report.findings if f.call not in (Call.ADDED, Call.STATED))
    for finding in decided:
        label = say(concept(finding.code).meaning)
        call = call_words(finding, say)
        lines.append(say(WORDS["ai_decided"]).format(finding=label, call=call))
    return tuple(lines)


def answer_words(answered: Answered, say: Say = _) -> str:
    """The answer about one image: "Pneumonia: not seen"; where it grades, with the grade."""
    said = _answer_alone(answered, say)
    if answered.grade is None:
        return said
    return f"{said}; {wording.grade_line(answered.grade, say)}"


def _answer_alone(answered: Answered, say: Say) -> str:
    lead = answered.primary
    if answered.answer is Answer.UNSUITABLE:
        return say(WORDS["ai_unsuitable"])
    if lead is None:
        return say(WORDS["ai_silent"]).format(status=say(wording.STATUSES[answered.status]))
    own = [f for f in answered.findings if not f.exploratory and f.answer is not None]
    if own:
        return "; ".join(answer_about(f, f.answer, say) for f in own)
    return answer_about(lead, answered.answer, say)


def answer_about(lead: Finding, answer: Answer | None, say: Say = _) -> str:
    """The answer about a finding; one from before there was "unsure" is by its threshold."""
    if answer is None:
        answer = Answer.PRESENT if lead.positive else Answer.ABSENT
    return say(WORDS[f"ai_{answer.value}"]).format(finding=say(lead.label))


def _answer_lines(answered: Answered, report: Report, say: Say) -> list[str]:
    """One image: the answer, its figures, the map with its verdict, reasons, the model."""
    head = say(WORDS["image"]).format(number=answered.number) if len(report.images) > 1 else ""
    if answered.side is not None:
        head = ", ".join(part for part in (head, place_words(answered.side, (), say)) if part)
    head = f"{head}: " if head else ""
    lines = [head + answer_words(answered, say)]
    lines += [
        f"{say(f.label)}: {wording.answer_line(f, calibrated=answered.calibrated)}"
        for f in answered.findings
    ]
    lines += [say(f.advice) for f in answered.findings if f.advice]
    lines += [say(WORDS["map"]).format(map=wording.map_line(map_)) for map_ in answered.maps]
    lines.append(origin_line(answered.instance, report.images))
    lines += map(sentence, answered.messages)
    if answered.model is not None:
        model = wording.model_line(answered.model)
        lines.append(say(WORDS["model"]).format(model=model))
    if answered.engine:
        lines.append(say(WORDS["engine"]).format(engine=answered.engine))
    return [line for line in lines if line]


def _presence(code: str, present: bool, say: Say) -> str:
    label = say(concept(code).meaning)
    if present:
        return say(WORDS["present"]).format(finding=label)
    return say(WORDS["absent"]).format(finding=_within(label))


def _within(label: str) -> str:
    """A label inside a sentence: "Pneumonia" -> "pneumonia", but "COVID" as it is."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _general(report: Report, say: Say) -> Section:
    """Patient, study, and why it was asked for."""
    patient, taken = report.patient, report.acquisition
    born = wording.date_words(patient.birth_date)
    facts = (born, patient_sex(patient, say), patient_age(patient))
    study = f"{study_moment(report)} {taken.study_description}".strip()
    rows = [
        ("patient", format_name(patient.name) or say(WORDS["unnamed"])),
        ("patient_id", patient.patient_id),
        ("born", ", ".join(filter(None, facts))),
        ("study", study),
        ("accession", taken.accession_number),
        ("indication", report.indication or say(WORDS["no_indication"])),
        ("uid", report.study_instance_uid),
        *(("typed", wording.typed_line(typed)) for typed in report.typed),
    ]
    told = tuple((say(WORDS[key]), value) for key, value in rows if value)
    return Section("general", say(WORDS["general"]), rows=told)


def _examination(report: Report, say: Say) -> Section:
    """How the images were made, how many, what was done to them, with what they are compared."""
    taken = report.acquisition
    kind = " ".join((taken.modality, taken.body_part, taken.view_position)).split()
    rows = [
        ("kind_of_image", " ".join(kind)),
        ("images", str(len(report.images))),
        ("comparison", comparison_line(report, say) or say(WORDS["no_comparison"])),
        *(("remark", origin_line(film, report.images)) for film in report.images),
        ("remark", say(WORDS["synthetic"]) if taken.synthetic else ""),
    ]
    told = tuple((say(WORDS[key]), value) for key, value in rows if value)
    return Section("examination", say(WORDS["examination"]), rows=told)


def _signature(report: Report, say: Say) -> Section:
    """Who signed, when, and how far the report has come; an empty line where nobody did.

    Where one doctor wrote it and another signed it off, both stand there, each with the time.
    """
    at = moment(report.written_at) if report.signed and report.written_at else ""
    who = report.reader if report.signed else say(WORDS["unsigned"])
    stage = say(WORDS[_STAGES[report.stage]])
    rows: tuple[tuple[str, str], ...]
    if report.authored_at is not None:
        rows = (
            ("written_by", report.author),
            ("written_at", moment(report.authored_at)),
            ("reviewed_by", who),
            ("reviewed_at", at),
            ("stage", stage),
        )
    else:
        rows = (("signed_by", who), ("signed_at", at or "\N{EN DASH}"), ("stage", stage))
    told = tuple((say(WORDS[key]), value) for key, value in rows)
    return Section("signature", say(WORDS["signature"]), rows=told)


def _measurements(report: Report, say: Say) -> Section:
    """Every mark with its measurements, and where each length holds."""
    head = ("mark", "kind", "place", "measured", "marks_finding")
    rows = [_mark_row(mark, report, say) for mark in report.marks]
    table = (tuple(say(WORDS[key]) for key in head), *rows) if rows else ()
    widths = (0.2, 0.12, 0.14, 0.34, 0.2)
    return Section("measurements", say(WORDS["measurements"]), table=table, widths=widths)


def _mark_row(mark: Annotation, report: Report, say: Say) -> tuple[str, ...]:
    finding = say(concept(mark.finding).meaning) if mark.finding else ""
    place = f"{_number(mark.sop_instance_uid, report)}, {mark.frame + 1}"
    return mark.label, say(mark.shape.value), place, measured(mark, say), finding


def measured(mark: Annotation, say: Say = _) -> str:
    """The measurements of a mark in words; a cardiothoracic ratio names its two widths."""
    told = [wording.measure_line(measure) for measure in mark.measures]
    if mark.shape is Shape.RATIO and [m.name for m in mark.measures] == ["ratio", *["length"] * 2]:
        ratio = f"{mark.measures[0].value:.2f}"
        length = f"{say('length')} "
        heart, thorax = (line.removeprefix(length) for line in told[1:])
        return say(WORDS["cardiothoracic"]).format(ratio=ratio, heart=heart, thorax=thorax)
    return ", ".join(told)


def _number(sop_instance_uid: str, report: Report) -> int:
    """The number of an image among the study's, counted from 1; 0 for a stranger."""
    uids = [film.identity.sop_instance_uid for film in report.images]
    return uids.index(sop_instance_uid) + 1 if sop_instance_uid in uids else 0


def _trials(report: Report, say: Say) -> Section:
    """The reader's trials with the eraser, and what the AI said then."""
    head = (WORDS["image"].format(number=""), *(WORDS[k] for k in ("tried", "whole", "left_over")))
    rows = [_trial_row(trial, report, say) for trial in report.trials]
    if not rows:
        return Section("trials", "")
    titles = tuple(say(word).strip() for word in (*head, WORDS["model_time"]))
    return Section(
        "trials",
        say(WORDS["trials"]),
        lines=(say(WORDS["eraser_note"]),),
        table=(titles, *rows),
        widths=(0.1, 0.3, 0.18, 0.18, 0.24),
    )


def _trial_row(trial: Trial, report: Report, say: Say) -> tuple[str, ...]:
    """The row of a trial, its steps numbered as they were taken."""
    steps = "\n".join(f"{at}. {step}" for at, step in enumerate(trial.regions, start=1))
    label = say(concept(trial.code).meaning)
    answers = (
        f"{label}: {say(wording.ANSWERS[answer])}, "
        + say(WORDS["probability"]).format(probability=f"{probability:.3f}")
        for answer, probability in (
            (trial.answer_before, trial.before),
            (trial.answer_after, trial.after),
        )
    )
    whose = f"{wording.model_line(trial.model)}, {moment(trial.at)}"
    return str(_number(trial.sop_instance_uid, report)), steps, *answers, whose
