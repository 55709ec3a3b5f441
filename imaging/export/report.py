"""A study's report in parts and without words: what every form of it says and only lays out.

PDF, HTML, the printed page, DICOM SR, FHIR and tables take what they say from here, so that they
say the same. `report_words` puts it into words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Finding,
    Instance,
    ModelIdentity,
    Patient,
    Status,
    TypedFacts,
    leading_finding,
)
from imaging.export.case import AttributionMap, Change, ExportCase
from imaging.export.photograph import is_calibrated
from imaging.review.drafting import drafted, is_normal
from imaging.review.events import AiScope
from imaging.review.grades import GradeAnswer, grade_answer
from imaging.review.records import (
    Annotation,
    Call,
    Compared,
    ReadFinding,
    Review,
    Side,
    Stage,
    Trial,
)
from imaging.review.sides import side_of
from imaging.review.signatures import find_written


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The network's word on one image, as far as a report may repeat it.

    ``number`` counts the study's images from 1. ``findings`` are without exploratory ones where
    the report is final. ``side`` is that of a region or film that shows one of two.
    ``grade`` is None where classes are no grades. ``calibrated`` is False for a film made out of a
    photograph: its score is no probability. ``maps`` each come with the verdict of their receipt.
    """

    number: int
    instance: Instance
    status: Status
    answer: Answer | None
    grade: GradeAnswer | None
    findings: tuple[Finding, ...]
    calibrated: bool
    messages: tuple[str, ...]
    model: ModelIdentity | None
    engine: str
    disagreement: float | None
    maps: tuple[AttributionMap, ...]
    side: Side | None = None

    @property
    def primary(self) -> Finding | None:
        """The finding that leads."""
        return leading_finding(self.findings)

    def about(self, finding: Finding) -> Answered:
        """The word on one finding, as if it led; of several each has an answer of its own."""
        answer = self.answer if finding.answer is None else finding.answer
        return replace(self, findings=(finding,), answer=answer)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a report says.

    Attributes
    ----------
    stage : Stage or None
        How far it has come; None before a reader saw the study.
    version : int
        Of the review; 0 with none.
    reader : str
        Who signed, or is at work.
    written_at : datetime or None
        When, with a time zone.
    author, authored_at
        Who wrote it and when, where another doctor signed it off after a preliminary signature;
        "" and None where one doctor did both.
    amends : bool
        An earlier version was signed off.
    patient, acquisition
        As the reader was shown them.
    study_instance_uid : str
    images : tuple of Instance
    indication : str
        Why the study was asked for: the reader's words, else the request's.
    compared : Compared or None
        The earlier study of the same patient.
    findings : tuple of ReadFinding
        What the reader states, present or absent.
    note, impression : str
        The reader's own words.
    normal : bool
        All that a normal study is called by is absent, and nothing else is said.
    drafts : tuple of ReadFinding
        What may be drafted of the network's answer and nobody has decided on yet
        (`drafting.drafted`). A signed report has none.
    marks : tuple of Annotation
    answers : tuple of Answered
    trials : tuple of Trial
    typed : tuple of TypedFacts
        What stands in no file, each once.
    changes : tuple of Change
        What is written otherwise than in the file.
    ai_off : AiScope or None
        For what AI was off when this left: then there is no answer in it.
    unaided : bool
        AI was off when it was signed.
    """

    stage: Stage | None
    version: int
    reader: str
    written_at: datetime | None
    author: str
    authored_at: datetime | None
    amends: bool
    patient: Patient
    acquisition: Acquisition
    study_instance_uid: str
    images: tuple[Instance, ...]
    indication: str
    compared: Compared | None
    findings: tuple[ReadFinding, ...]
    note: str
    impression: str
    normal: bool
    drafts: tuple[ReadFinding, ...]
    marks: tuple[Annotation, ...]
    answers: tuple[Answered, ...]
    trials: tuple[Trial, ...]
    typed: tuple[TypedFacts, ...]
    changes: tuple[Change, ...]
    ai_off: AiScope | None = None
    unaided: bool = False

    @property
    def final(self) -> bool:
        """True when a reader signed off."""
        return self.stage is Stage.FINAL

    @property
    def signed(self) -> bool:
        """True when somebody stands for it with a name."""
        return self.stage in (Stage.PRELIMINARY, Stage.FINAL)


def report_of(case: ExportCase) -> Report:
    """The report of a case."""
    record, review = case.record, case.review
    first = record.instances[0]
    signed = review is not None and review.signed
    stage = review.stage if review else None
    stated = _with_doubt(review, record.assessments) if review else ()
    undecided = () if signed or record.ai_off is not None else _drafts(case)
    typed = (film.typed for film in record.instances if film.typed is not None)
    written = _written(review, record.reviews)
    return Report(
        stage=stage,
        version=review.version if review else 0,
        reader=review.reader if review else "",
        written_at=review.created_at if review else None,
        author=written.reader if written else "",
        authored_at=written.created_at if written else None,
        amends=case.predecessor is not None,
        patient=first.patient,
        acquisition=first.acquisition,
        study_instance_uid=record.study_instance_uid,
        images=record.instances,
        indication=_indication(review, record.instances),
        compared=review.compared if review else None,
        findings=stated,
        note=review.note if review else "",
        impression=review.impression if review else "",
        normal=review is not None and is_normal(review),
        drafts=tuple(f for f in undecided if review is None or review.finding(f.code) is None),
        marks=review.annotations if review else (),
        answers=_answers(case, final=stage is Stage.FINAL),
        trials=review.trials if review else (),
        typed=tuple(dict.fromkeys(typed)),
        changes=case.changes,
        ai_off=record.ai_off,
        unaided=review is not None and review.signed and review.ai_off,
    )


def _drafts(case: ExportCase) -> tuple[ReadFinding, ...]:
    """What may be drafted of each finding; of films and regions of one side, of each its own."""
    sided = {  # of a side that was marked or taken twice, the later one
        side: said
        for film, said in case.answers
        if (side := side_of(film)) is not None and said.findings
    }
    of_sides = tuple(replace(f, side=side) for side, said in sided.items() for f in drafted([said]))
    codes = {finding.code for said in sided.values() for finding in said.findings}
    return (*of_sides, *(f for f in drafted(case.record.assessments) if f.code not in codes))


def _written(review: Review | None, versions: tuple[Review, ...]) -> Review | None:
    """The version that another doctor signed as preliminary before this one was signed off."""
    if review is None or review.stage is not Stage.FINAL:
        return None
    return find_written((v for v in versions if v.version < review.version), review.account)


def _indication(review: Review | None, films: tuple[Instance, ...]) -> str:
    """The reader's words, an empty text too; else the request's."""
    if review is not None and review.indication is not None:
        return review.indication
    return next((f.acquisition.indication for f in films if f.acquisition.indication), "")


def _with_doubt(
    review: Review, assessments: tuple[Assessment | None, ...]
) -> tuple[ReadFinding, ...]:
    """The statements; those of before it was kept say, too, that the network was unsure."""
    unsure = {
        f.code
        for a in assessments
        if a
        for f in a.findings
        if not f.exploratory and a.answer_to(f) is Answer.UNSURE
    }
    return tuple(
        replace(f, unsure=f.unsure or (f.call is Call.UNAIDED and f.code in unsure))
        for f in review.findings
    )


def _answers(case: ExportCase, *, final: bool) -> tuple[Answered, ...]:
    """What the network said about each image, in the order of the images."""
    numbers = {
        film.identity.sop_instance_uid: at for at, film in enumerate(case.record.instances, 1)
    }
    return tuple(
        Answered(
            number=numbers[film.identity.sop_instance_uid],
            instance=film,
            status=said.status,
            answer=said.answer,
            grade=grade_answer(said),
            findings=tuple(f for f in said.findings if not (final and f.exploratory)),
            calibrated=is_calibrated(film),
            messages=said.remarks,
            model=said.model,
            engine=said.engine,
            disagreement=said.disagreement,
            maps=tuple(
                map_
                for map_ in case.maps
                if map_.sop_instance_uid == film.identity.sop_instance_uid and map_.verdict
            ),
            side=side_of(film),
        )
        for film, said in case.answers
    )
