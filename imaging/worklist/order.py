"""The order of reading: what puts a study where it stands in the worklist.

Safety rules (docs/adr/0012-worklist.md, 21 CFR 892.2080 practice): the network may raise a study,
never lower it below routine and never remove it; what an earlier answer raised stays raised until
a reader signs. Unanswered studies stay, with their reason, in the order they came. Nothing waits
for ever: once a study has waited as long as the site allows, it goes before all that came later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from imaging.documents import NOT_AN_IMAGE, Document
from imaging.entities import Answer, Assessment, Finding, Instance, Patient, Status
from imaging.patients import HELD, group_patients, merge
from imaging.review.answers import leading, weight
from imaging.review.records import Stage
from imaging.study import StudyRecord, WorklistItem

ROUTINE, UNSURE, RAISED = 0, 1, 2  # of a finding at level 1; each further level adds two
READ = -1  # set by a reader's signature alone
USUAL_LEVEL, TOP_LEVEL = 1, 3
SHORTEST_WAIT, LONGEST_WAIT = timedelta(hours=1), timedelta(days=30)
RAISED_BEFORE = "An earlier AI answer gave this study priority."
ONE_UNREADABLE = "An image of this study could not be read."
ONE_WAITS = "An image of this study still waits for the AI."
OTHER_AGES = "; this patient is "  # within each refusal for an age that is known and is not studied

Signal = tuple[str, Answer]  # a finding's code, and PRESENT or UNSURE


@dataclass(frozen=True, slots=True)
class ReadingOrder:
    """How a site wants its studies read.

    Attributes
    ----------
    max_wait : timedelta
        How long a study may stand behind others, 1 hour to 30 days; then it goes first.
    levels : tuple of (str, int)
        Urgency of findings by code: 0 (routine: the network's word on it moves nothing) to 3.
        A finding that is not listed has level 1. There is no level below routine.

    Raises
    ------
    ValueError
        If a wait or a level is out of range.
    """

    max_wait: timedelta = timedelta(hours=24)
    levels: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not SHORTEST_WAIT <= self.max_wait <= LONGEST_WAIT:
            raise ValueError("the longest wait lies between an hour and 30 days")
        if any(not 0 <= level <= TOP_LEVEL for _, level in self.levels):
            raise ValueError(f"a level lies between 0 and {TOP_LEVEL}")

    def level(self, code: str) -> int:
        """The urgency of a finding."""
        return dict(self.levels).get(code, USUAL_LEVEL)


def signals(assessments: Iterable[Assessment | None]) -> frozenset[Signal]:
    """Collect what in the network's answers may raise a study; exploratory findings never do."""
    return frozenset(
        signal for assessment in filter(None, assessments) for signal in _signals(assessment)
    )


def _signals(assessment: Assessment) -> Iterator[Signal]:
    """An answer is about one finding: where it is unsure, that finding is no more."""
    if assessment.primary is None and assessment.answer is Answer.UNSURE:
        yield "", Answer.UNSURE
    for finding in assessment.findings:
        if finding.exploratory:
            continue
        if assessment.answer_to(finding) is Answer.UNSURE:
            yield finding.code, Answer.UNSURE
        elif finding.positive:
            yield finding.code, Answer.PRESENT


def study_signals(study: Standing) -> frozenset[Signal]:
    """What raises a study: every answer to any of its films, earlier ones included.

    But for a film that is refused by now because its patient's age is not what the network was
    tested on: an answer from before that was known is for somebody else.
    """
    not_for = {
        assessment.sop_instance_uid
        for assessment in study.latest
        if assessment.status is Status.REFUSED
        and any(OTHER_AGES in message for message in assessment.messages)
    }
    earlier = (one for one in study.earlier if one.sop_instance_uid not in not_for)
    return signals([*study.latest, *earlier])


def urgency(given: Iterable[Signal], order: ReadingOrder) -> int:
    """The priority that signals give an unread study: ROUTINE or above.

    The site's level of the finding counts first, then whether the network is sure of it.
    """
    return max((_urgency(order.level(code), answer) for code, answer in given), default=ROUTINE)


def _urgency(level: int, answer: Answer) -> int:
    if level == 0:
        return ROUTINE
    return 2 * level - (answer is Answer.UNSURE)


def without_signals(message: str) -> str:
    """The reason of a row, without the sentence that tells of an answer's effect on its place."""
    return message.replace(RAISED_BEFORE, "").strip()


def level_of(priority: int) -> int:
    """The level that gave a priority: 0 (routine) to 3."""
    return (max(priority, 0) + 1) // 2


class Grade(StrEnum):
    """How urgent a row is shown to be: a shape and a colour each; see `grade_of`."""

    CRITICAL = "critical"
    URGENT = "urgent"
    PRIORITY = "priority"
    UNSURE = "unsure"
    ROUTINE = "routine"
    UNSUITABLE = "unsuitable"  # no network's answer: it was refused, or could not be read
    WAITING = "waiting"  # for the network
    READ = "read"
    PRIOR = "prior"  # an earlier study, which waits for nobody


def grade_of(item: WorklistItem) -> Grade:
    """The grade of a row: a reader's signature first, then what raised it, then what kept it.

    What a network raised shows that, also where the newest answer says less.
    """
    if item.read or item.prior_of:
        return Grade.PRIOR if item.prior_of else Grade.READ
    if item.priority > ROUTINE:
        if item.priority % 2:
            return Grade.UNSURE
        return (Grade.PRIORITY, Grade.URGENT, Grade.CRITICAL)[level_of(item.priority) - 1]
    if item.status is None:
        return Grade.WAITING
    answered = item.status in (Status.OK, Status.WARNED, Status.DOCUMENT)
    return Grade.ROUTINE if answered else Grade.UNSUITABLE


def leading_assessment(record: StudyRecord) -> Assessment | None:
    """Choose the assessment that speaks for the study, see `leading`."""
    return leading(record.assessments)


def most_urgent(assessments: Sequence[Assessment], order: ReadingOrder) -> Assessment | None:
    """The answer for which a study stands where it stands; of equally urgent ones the leading.

    Two networks may each have found something on films of one study: the more urgent counts.
    """
    answered = [a for a in assessments if a.primary is not None]
    if not answered:
        return leading(assessments)
    return max(answered, key=lambda a: (urgency(signals([a]), order), weight(a)))


def urgent_finding(assessment: Assessment, order: ReadingOrder) -> Finding | None:
    """The finding for which a film is read first; of equally urgent ones the leading one."""
    firm = [f for f in assessment.findings if not f.exploratory]
    firm.sort(key=lambda f: f is not assessment.primary)
    return max(firm, key=lambda f: urgency(signals([assessment.about(f)]), order), default=None)


@dataclass(frozen=True, slots=True)
class Standing:
    """All of a study that decides its row.

    Attributes
    ----------
    study_instance_uid, received_at
        Which study, since when.
    first : Instance or Document
        The file that speaks for it: the first film, else one that waits, else the first document.
    instances : int
        Number of films.
    latest, earlier : tuple of Assessment
        The newest answer about each film that has one, in the order of the films, and the
        answers those replaced.
    stage, reader
        Of the newest version of its review; None and empty while untouched.
    read : bool
        True when somebody signed off.
    waiting : int
        Number of films that are still queued: known by their headers alone.
    patients : tuple of Patient
        Whom its files name; that of `first` where nothing else is known.
    typed : tuple of Patient
        Those of its films of which a reader typed something, as typed.
    """

    study_instance_uid: str
    received_at: datetime
    first: Instance | Document
    instances: int
    latest: tuple[Assessment, ...] = ()
    earlier: tuple[Assessment, ...] = ()
    stage: Stage | None = None
    reader: str = ""
    read: bool = False
    waiting: int = 0
    patients: tuple[Patient, ...] = ()
    typed: tuple[Patient, ...] = ()


def _any_unreadable(assessments: Iterable[Assessment]) -> bool:
    return any(assessment.status is Status.ERROR for assessment in assessments)


def worklist_item(study: Standing, order: ReadingOrder) -> WorklistItem:
    """The worklist row of a study.

    One that is held is to be read, whoever signed what it was before: nobody must overlook it.
    """
    persons = group_patients(study.patients or (study.first.patient,))
    held = len(persons) > 1
    patient = merge(persons[0])
    lead, first = most_urgent(study.latest, order), study.first
    alone = not study.instances and not study.waiting  # documents without a film
    message = " ".join(lead.messages) if lead else NOT_AN_IMAGE if alone else ""
    now, ever = signals(study.latest), study_signals(study)
    if urgency(ever, ReadingOrder()) > urgency(now, ReadingOrder()):
        message = f"{message} {RAISED_BEFORE}".strip()
    if lead and lead.status is not Status.ERROR and _any_unreadable(study.latest):
        message = f"{message} {ONE_UNREADABLE}".strip()
    if lead and study.waiting:
        message = f"{message} {ONE_WAITS}".strip()
    if held:
        message = f"{HELD} {message}".strip()
    finding = urgent_finding(lead, order) if lead else None
    return WorklistItem(
        study_instance_uid=study.study_instance_uid,
        priority=READ if study.read and not held else urgency(ever, order),
        status=lead.status if lead else Status.DOCUMENT if alone else None,
        message=message,
        finding=finding if lead and lead.status in (Status.OK, Status.WARNED) else None,
        answer=(lead.answer_to(finding) if finding else lead.answer) if lead else None,
        model=lead.model if lead else None,
        patient=patient,
        acquisition=first.acquisition,
        source=first.source,
        file_name=first.file_name,
        instances=study.instances + study.waiting,
        received_at=study.received_at,
        stage=study.stage,
        reader=study.reader,
        read=study.read and not held,
        typed=_is_typed(patient, study.typed),
        held=held,
    )


def _is_typed(shown: Patient, typed: Iterable[Patient]) -> bool:
    """True when a reader typed what a row shows of the patient, of whichever film."""
    return any((one.name or one.patient_id) == (shown.name or shown.patient_id) for one in typed)
