"""Working on a review: every step makes the next version out of the last; none changes one.

Pure functions on `imaging.review.records` records. A version made here carries the number it was
made on top of; the repository appends it under the next number, or refuses when somebody else was
faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from imaging.entities import Answer, Assessment, Finding, Status
from imaging.review.answers import answer_about, speaking
from imaging.review.records import (
    Account,
    Annotation,
    Call,
    Compared,
    Course,
    Presentation,
    ReadFinding,
    Review,
    Side,
    Site,
    Stage,
    Trial,
)
from imaging.review.terms import NORMAL, PARTS, sites_of
from imaging.text import clean_note


def draft(study_instance_uid: str, last: Review | None, account: Account) -> Review:
    """A draft with the content of the last version, to be changed and stored on top of it."""
    now = datetime.now(UTC)
    if last is None:
        return Review(
            study_instance_uid, 0, Stage.DRAFT, account.name, account.reader, created_at=now
        )
    return replace(
        last,
        stage=Stage.DRAFT,
        account=account.name,
        reader=account.reader,
        created_at=now,
        restores=None,
    )


def decide(
    review: Review,
    finding: Finding,
    answer: Answer | None,
    present: bool,
    side: Side | None = None,
) -> Review:
    """State whether a finding of the network is there: accepted, overruled or decided unaided.

    ``side`` is where the network sees it (`sides.side_said`): that is what a reader who agrees
    agrees with. One that the reader said before stays.
    """
    old = review.finding(finding.code)
    network_present = network_says(finding, answer)
    if network_present is None:
        call = Call.UNAIDED
    else:
        call = Call.ACCEPTED if network_present == present else Call.OVERRULED
    unsure = answer is Answer.UNSURE
    statement = _carry(ReadFinding(finding.code, present, call, unsure=unsure), old)
    if statement.side is None and call is Call.ACCEPTED:
        statement = place(statement, side, ())
    return _replace_statement(review, finding.code, statement)


def decide_unaided(review: Review, code: str, present: bool) -> Review:
    """State whether something is there that the network gave no answer about."""
    statement = _carry(ReadFinding(code, present, Call.UNAIDED), review.finding(code))
    return _replace_statement(review, code, statement)


def network_says(finding: Finding, answer: Answer | None) -> bool | None:
    """Whether the network calls a finding present; None while it is unsure."""
    if answer is Answer.UNSURE:
        return None
    if answer in (Answer.PRESENT, Answer.ABSENT) and not finding.exploratory:
        return answer is Answer.PRESENT
    return finding.positive


def restate(review: Review, code: str, other: str) -> Review:
    """Replace a finding of the network by another term of the list; it counts as present."""
    old = review.finding(code)
    replaces = old.replaces or code if old else code
    if other == replaces:
        return review
    statement = _carry(ReadFinding(other, True, Call.EDITED, replaces=replaces), old)
    return _replace_statement(review, code, statement)


def _carry(statement: ReadFinding, old: ReadFinding | None) -> ReadFinding:
    """A statement with the remark, regions, place and course of the one it stands in for.

    What is absent lies nowhere, and is not new, worse, the same or better; it may have resolved.
    """
    if old is None:
        return statement
    kept = replace(statement, note=old.note, regions=old.regions)
    if not statement.present:
        resolved = old.course is Course.RESOLVED
        return replace(kept, course=Course.RESOLVED if resolved else None)
    course = None if old.course is Course.RESOLVED else old.course
    return place(replace(kept, course=course), old.side, old.sites)


def place(statement: ReadFinding, side: Side | None, sites: Sequence[Site]) -> ReadFinding:
    """The statement with a side and, in a lung, zones or lobes, in their order from the top."""
    side = side if statement.present and statement.code in PARTS else None
    allowed = sites_of(statement.code, side)
    return replace(statement, side=side, sites=tuple(s for s in allowed if s in sites))


def locate(review: Review, code: str, side: Side | None, sites: Sequence[Site]) -> Review:
    """Say on which side a finding is, and in which zones or lobes of the lung."""
    statement = review.finding(code)
    if statement is None:
        return review
    return _replace_statement(review, code, place(statement, side, sites))


def courses_of(statement: ReadFinding) -> tuple[Course, ...]:
    """What may have become of a finding: one that is absent may have resolved, nothing else."""
    if statement.present:
        return tuple(course for course in Course if course is not Course.RESOLVED)
    return (Course.RESOLVED,)


def compare(review: Review, code: str, course: Course | None) -> Review:
    """Say what became of a finding since the study that the review is compared with."""
    statement = review.finding(code)
    if statement is None or review.compared is None:
        return review
    course = course if course in courses_of(statement) else None
    return _replace_statement(review, code, replace(statement, course=course))


def compare_with(review: Review, earlier: Compared | None) -> Review:
    """Name the earlier study; what was said against another one is not said of this."""
    if earlier == review.compared:
        return review
    findings = tuple(replace(f, course=None) for f in review.findings)
    return replace(review, findings=findings, compared=earlier)


def call_normal(
    review: Review,
    asked: Sequence[Finding],
    assessments: Sequence[Assessment | None],
    also: Sequence[str] = NORMAL,
) -> Review:
    """State a normal study: what was asked, and what a normal film shows nothing of.

    Parameters
    ----------
    review : Review
    asked : sequence of Finding
        What the reader has to decide; of the networks where they answered.
    assessments : sequence of Assessment or None
        Of the study's films.
    also : sequence of str
        Codes of what else is absent; a film of a knee tells nothing of the lungs.

    Raises
    ------
    ValueError
        If something is stated as present: a template takes nothing back.
    """
    if any(f.present for f in review.findings):
        raise ValueError("a study with a finding is not normal")
    for finding in asked:
        said = answer_about(assessments, finding.code)
        if said is None:
            review = decide_unaided(review, finding.code, False)
        else:
            review = decide(review, finding, said.answer, False)
    stated = {f.code for f in review.findings}
    rest = (ReadFinding(code, False, Call.ADDED) for code in also if code not in stated)
    return replace(review, findings=(*review.findings, *rest))


def is_normal(review: Review) -> bool:
    """True when all that a normal study is called by is stated as absent, and nothing as present.

    A remark or a note makes it a study with more to say.
    """
    absent = {f.code for f in review.findings if not f.present and not f.note}
    all_absent = len(absent) == len(review.findings)
    return all_absent and absent.issuperset(NORMAL) and not review.note


def drafted(assessments: Sequence[Assessment | None]) -> tuple[ReadFinding, ...]:
    """The statements that may be drafted for the reader: of what the networks were tested for.

    A firm answer about a film it was built for, with no reason to be careful: no exploratory
    finding, nothing about a film on which a network is unsure of something, nothing out of scope or
    of a doubtful film. Each finding by the answer that speaks for the study (`answers.speaking`).
    """
    clear = {a.sop_instance_uid for a in assessments if a is not None and _is_clear(a)}
    said = (
        (alone.findings[0].code, network_says(alone.findings[0], alone.answer))
        for alone in speaking(assessments)
        if alone.sop_instance_uid in clear
    )
    return tuple(
        ReadFinding(code, present, Call.ACCEPTED) for code, present in said if present is not None
    )


def _is_clear(film: Assessment) -> bool:
    """Whether the answer to a film is firm in all that it says, with no reason to be careful."""
    firm = [film.answer_to(f) for f in film.findings if not f.exploratory]
    sure = (Answer.PRESENT, Answer.ABSENT)
    return (
        film.status is Status.OK
        and film.answer in sure
        and all(answer is None or answer in sure for answer in firm)
    )


def add(review: Review, code: str) -> Review:
    """Add a finding of the reader's own; one that is already stated stays as it is."""
    if review.finding(code) is not None:
        return review
    return _replace_statement(review, code, ReadFinding(code=code, present=True, call=Call.ADDED))


def withdraw(review: Review, code: str) -> Review:
    """Take a statement back: the finding is undecided, or gone when it was the reader's own."""
    return _replace_statement(review, code, None)


def remark(review: Review, code: str, note: str) -> Review:
    """Put a note to a finding."""
    statement = review.finding(code)
    if statement is None:
        return review
    return _replace_statement(review, code, replace(statement, note=clean_note(note)))


def mark(
    review: Review, annotations: Sequence[Annotation], presentations: Sequence[Presentation]
) -> Review:
    """Take over what was drawn and how the images were left; regions go to their findings."""
    regions = [a for a in annotations if a.finding]
    findings = tuple(
        replace(f, regions=tuple(a.uid for a in regions if a.finding in (f.code, f.replaces)))
        for f in review.findings
    )
    return replace(
        review,
        findings=findings,
        annotations=tuple(annotations),
        presentations=tuple(presentations),
    )


def try_out(review: Review, trial: Trial) -> Review:
    """Keep what the network said after a part of a film was taken out."""
    return replace(review, trials=(*review.trials, trial))


def undo(reviews: Sequence[Review], account: Account) -> Review | None:
    """The content before the last change, as a new version; None when there is nothing to undo.

    Undoing goes back step by step to the last signed version, or to the empty review, and never
    beyond a signature.
    """
    if not reviews or reviews[-1].signed:
        return None
    newest, by_version = reviews[-1], {r.version: r for r in reviews}
    floor = max((r.version for r in reviews if r.signed), default=0)
    now = _state(newest)
    if now <= floor:
        return None
    before = by_version.get(now - 1)
    content = by_version.get(_state(before)) if before else None
    base = draft(newest.study_instance_uid, content, account)
    return replace(base, version=newest.version, restores=content.version if content else 0)


def _state(review: Review) -> int:
    """The version whose content this one has: its own, or the one an undo brought back."""
    return review.version if review.restores is None else review.restores


def list_undecided(
    review: Review | None, assessments: Sequence[Assessment | None]
) -> tuple[Finding, ...]:
    """Findings of any network that must be decided before a signature: all but exploratory ones."""
    findings = (one.findings[0] for one in speaking(assessments))
    return tuple(f for f in findings if review is None or review.finding(f.code) is None)


def says_nothing(review: Review) -> bool:
    """True where there is nothing to sign: no finding, no note, no impression."""
    return not (review.findings or review.note or review.impression)


def sign(review: Review, stage: Stage) -> Review:
    """The same content, to stand under the reader's name.

    Raises
    ------
    ValueError
        If the stage is no signature.
    """
    if stage is Stage.DRAFT:
        raise ValueError("a draft is not signed")
    return replace(review, stage=stage, restores=None)


def without_ai(review: Review) -> Review:
    """What is shown of a version while AI is off: nothing in it tells what a network answered."""
    aided = (Call.ACCEPTED, Call.OVERRULED, Call.EDITED, Call.UNAIDED)
    findings = tuple(
        replace(f, call=Call.STATED) if f.call in aided else f for f in review.findings
    )
    return replace(review, findings=findings, trials=())


def same_content(review: Review, other: Review) -> bool:
    """True when two versions say the same, whoever saved them."""
    return _content(review) == _content(other)


def _content(review: Review) -> tuple[object, ...]:
    return (
        review.findings,
        review.annotations,
        review.presentations,
        review.note,
        review.trials,
        review.indication,
        review.impression,
        review.compared,
    )


def _replace_statement(review: Review, code: str, statement: ReadFinding | None) -> Review:
    """The statement about a code put in place of the old one, or at the end."""
    old = review.finding(code)
    findings = [statement if f is old else f for f in review.findings]
    if old is None:
        findings.append(statement)
    return replace(review, findings=tuple(f for f in findings if f is not None))
