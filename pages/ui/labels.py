"""Entities to words: dates, ages, percentages, states. Words and a symbol, never colour alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from imaging.entities import (
    Acquisition,
    Answer,
    Derivation,
    Finding,
    Instance,
    Patient,
    Status,
)
from imaging.export import wording
from imaging.language.formats import age_words
from imaging.person import format_name
from imaging.review import terms
from imaging.review.records import Call, ReadFinding, Stage
from imaging.study import StudyRecord, WorklistItem
from imaging.worklist import order
from imaging.worklist.order import Grade
from pages.ui.grid.component import Mark
from pages.ui.i18n import _, ngettext, sentence

HIDDEN = "\u2022\u2022\u2022\u2022"
NOTHING = "\u2013"
RAISED, PLAIN, OPEN = "\u25b2", "\u25cb", "?"
STOPPED = "\u2298"


def percent(probability: float) -> str:
    """0.934 -> "93%"; never a false 0% or 100%."""
    return wording.percent(probability)


def of_hundred(count: float) -> str:
    """A share of a hundred as a whole number; never a false "0" or "100"."""
    if 0 < count < 0.5:
        return _("fewer than 1")
    if 99.5 <= count < 100:
        return _("more than 99")
    return str(round(count))


def answer(finding: Finding, given: Answer | None) -> str:
    """The answer in words, with its symbol: one of three, never a bare percentage."""
    if given is Answer.UNSURE:
        return f"{OPEN} " + _("Unsure \u2013 please read")
    # an answer from before there was "unsure" is decided by its operating point
    present = finding.positive if given is None else given is Answer.PRESENT
    if present:
        return f"{RAISED} " + _("{finding} suspected").format(finding=_(finding.label))
    return f"{PLAIN} " + _("No {finding} seen").format(finding=within(_(finding.label)))


def within(label: str) -> str:
    """A label inside a sentence: "Pneumonia" -> "pneumonia", but "COVID" as it is."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def agreement(disagreement: float) -> str:
    """How far the networks of an ensemble, or the heads of one, differ."""
    points = round(100 * disagreement)
    text = ngettext(
        "The model's parts agree to within {count} point.",
        "The model's parts agree to within {count} points.",
        points,
    )
    return text.format(count=points)


def outcome(status: Status | None) -> str:
    """The outcome of a file or study, with its symbol."""
    return {
        None: "\u2026 " + _("Waiting for the AI"),
        Status.OK: "\u2713 " + _("Answered"),
        Status.WARNED: "\u26a0 " + _("Answered, with caution"),
        Status.REFUSED: "\u2298 " + _("Not suitable"),
        Status.ERROR: "\u2715 " + _("Could not be read"),
        Status.DOCUMENT: "\u2261 " + _("Report attached"),
        Status.HELPER: "\u2013 " + _("Not an image"),
    }[status]


def no_films(count: int) -> str:
    """How many helper files there were."""
    text = ngettext("{count} file that is not an image", "{count} files that are not images", count)
    return text.format(count=count)


def urgency(item: WorklistItem, *, revealed: bool = True) -> Mark | None:
    """Why a study stands where it stands; nothing while the network's answer is not revealed."""
    grade = order.grade_of(item)
    if not revealed and grade not in (Grade.READ, Grade.PRIOR):
        return None
    word = grade_name(grade)
    if grade is Grade.UNSURE and order.level_of(item.priority) > 1:
        word = _("{level}: unsure").format(level=level(order.level_of(item.priority)))
    return Mark(word, grade.value, late=item.overdue)


def grade_name(grade: Grade) -> str:
    """The word that stands beside a grade's shape."""
    return {
        Grade.CRITICAL: level(3),
        Grade.URGENT: level(2),
        Grade.PRIORITY: level(1),
        Grade.UNSURE: _("Unsure"),
        Grade.ROUTINE: level(0),
        Grade.UNSUITABLE: _("Not suitable"),
        Grade.WAITING: _("Waiting"),
        Grade.READ: _("Read"),
        Grade.PRIOR: _("Earlier"),
    }[grade]


def level(number: int) -> str:
    """How urgent the site holds a finding."""
    return (_("Routine"), _("Priority"), _("Urgent"), _("Critical"))[number]


def reading(item: WorklistItem) -> str:
    """How far the reading of a study has come; before that, that it is held."""
    if item.held:
        return f"{STOPPED} " + _("Held: two patients")
    if item.stage is None:
        return NOTHING if item.prior_of else _("Unread")
    words = {
        Stage.DRAFT: _("Amendment begun: {reader}") if item.read else _("Draft: {reader}"),
        Stage.PRELIMINARY: _("Preliminary: {reader}"),
        Stage.FINAL: _("Signed: {reader}"),
    }[item.stage]
    return words.format(reader=item.reader)


def stage(current: Stage) -> str:
    """How far a version of a review has come."""
    return {
        Stage.DRAFT: _("Draft"),
        Stage.PRELIMINARY: _("Preliminary"),
        Stage.FINAL: _("Final"),
    }[current]


def concept(code: str) -> str:
    """A finding of the coded list in words."""
    return _(terms.concept(code).meaning)


def statement(stated: ReadFinding) -> str:
    """A reader's statement: "Overruled: Pneumonia absent"."""
    call = {
        Call.ACCEPTED: _("Agreed with the AI"),
        Call.OVERRULED: _("Disagreed with the AI"),
        Call.EDITED: _("Reworded"),
        Call.ADDED: _("Added"),
        Call.UNAIDED: _("Read without the AI answer"),
        Call.STATED: _("Stated"),
    }[stated.call]
    return pair(call, presence(concept(stated.code), stated.present))


def pair(term: str, value: str) -> str:
    """A term and its value, with the colon of the language."""
    return _("{term}: {value}").format(term=term, value=value)


def presence(label: str, present: bool) -> str:
    """A finding as the reader states it."""
    words = _("{finding} present") if present else _("{finding} absent")
    return words.format(finding=_(label))


def messages(texts: tuple[str, ...]) -> list[str]:
    """Reasons of another room in the reader's language."""
    return [sentence(text) for text in texts]


def patient_name(name: str) -> str:
    """Family name first, as DICOM has it, without its carets."""
    return format_name(name)


def typed(name: str) -> str:
    """A name that stands in no header: a reader typed it."""
    return _("{name} (typed)").format(name=name)


def file_name(path: str) -> str:
    """A file's own name before the folders and archives it lies in, which may be long."""
    folder, _slash, own = path.replace("\\", "/").rpartition("/")
    return f"{own} ({folder})" if folder and own else path


def patient_number(patient: Patient) -> str:
    """The patient's number, and who issued it where that is stated: "1234 (Hospital A)"."""
    issuer = patient.issuer or patient.issuer_uid
    return (
        f"{patient.patient_id} ({issuer})" if patient.patient_id and issuer else patient.patient_id
    )


def sex(code: str) -> str:
    """Patient's Sex (0010,0040)."""
    words = {"M": _("male"), "F": _("female"), "O": _("other")}
    return words.get(code.upper(), code)


def age(patient: Patient) -> str:
    """Age in years and months; empty when unknown."""
    return "" if patient.age_years is None else age_words(patient.age_years)


def date(digits: str) -> str:
    """YYYYMMDD -> YYYY-MM-DD; anything else as it is."""
    plain = len(digits) == 8 and digits.isdigit()
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if plain else digits


def clock(digits: str) -> str:
    """HHMMSS.FFFFFF -> HH:MM; anything else as it is."""
    return f"{digits[:2]}:{digits[2:4]}" if digits[:4].isdigit() and len(digits) >= 4 else digits


def region_name(instance: Instance) -> str:
    """What a region shows, for lists: "Right knee, region"; "" for an image that is none."""
    made = instance.derivation
    if made is None or not made.is_region:
        return ""
    knee = "KNEE" in (instance.acquisition.body_part, *instance.acquisition.coded_body_parts)
    return {
        ("R", True): _("Right knee, region"),
        ("L", True): _("Left knee, region"),
        ("R", False): _("Right, region"),
        ("L", False): _("Left, region"),
    }.get((made.side, knee), _("Region"))


def region_origin(record: StudyRecord, made: Derivation) -> str:
    """Who marked a region, on which image of its study, and when, as a sentence."""
    number = image_number(record, made.source_sop_instance_uid)
    words = (
        _("Region marked by {reader} on image {number}, {time}.")
        if number
        else _("Region marked by {reader} on an image that is not in this study any more, {time}.")
    )
    return words.format(reader=made.reader, number=number, time=moment(made.created_at))


def image_number(record: StudyRecord, sop_instance_uid: str) -> int:
    """The number of an image among its study's, counted from 1; 0 for none of them."""
    uids = [film.identity.sop_instance_uid for film in record.instances]
    return uids.index(sop_instance_uid) + 1 if sop_instance_uid in uids else 0


def moment(when: datetime) -> str:
    """A stored time in the reader's own zone."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M")


def waiting(since: datetime, now: datetime | None = None) -> str:
    """How long ago: "5 min", "2 h 10 min", "3 d"."""
    passed = (now or datetime.now(UTC)) - since
    minutes = int(passed / timedelta(minutes=1))
    if minutes < 60:
        return _("{minutes} min").format(minutes=minutes)
    hours = minutes // 60
    if hours < 48:
        return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes % 60)
    return _("{days} d").format(days=hours // 24)


def exam(acquisition: Acquisition) -> str:
    """Body part and view, as the file has them: "Chest PA"."""
    part = acquisition.body_part.strip()
    part = part.capitalize() if part.isupper() else part
    return " ".join(word for word in (part, acquisition.view_position.strip()) if word)
