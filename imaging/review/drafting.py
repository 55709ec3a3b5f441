"""Working on a review: every step makes the next version out of the last; none changes one.

Pure functions on `imaging.review.records` records. A version made here carries the number it was
made on top of; the repository appends it under the next number, or refuses when somebody else was
faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from imaging.entities import Answer, Assessment, Finding
from imaging.review.records import (
    Account,
    Annotation,
    Call,
    Presentation,
    ReadFinding,
    Review,
    Stage,
    Trial,
)
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


def decide(review: Review, finding: Finding, answer: Answer | None, present: bool) -> Review:
    """State whether a finding of the network is there: accepted, overruled or decided unaided."""
    old = review.finding(finding.code)
    network_present = network_says(finding, answer)
    if network_present is None:
        call = Call.UNAIDED
    else:
        call = Call.ACCEPTED if network_present == present else Call.OVERRULED
    statement = ReadFinding(
        code=finding.code,
        present=present,
        call=call,
        note=old.note if old else "",
        regions=old.regions if old else (),
    )
    return _replace_statement(review, finding.code, statement)


def decide_unaided(review: Review, code: str, present: bool) -> Review:
    """State whether something is there that the network gave no answer about."""
    old = review.finding(code)
    statement = ReadFinding(code, present, Call.UNAIDED, note=old.note if old else "")
    return _replace_statement(review, code, replace(statement, regions=old.regions if old else ()))


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
    statement = ReadFinding(
        code=other,
        present=True,
        call=Call.EDITED,
        note=old.note if old else "",
        replaces=replaces,
        regions=old.regions if old else (),
    )
    return _replace_statement(review, code, statement)


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


def list_undecided(review: Review | None, lead: Assessment | None) -> tuple[Finding, ...]:
    """Findings of the network that must be decided before a signature: all but exploratory ones."""
    findings = [f for f in lead.findings if not f.exploratory] if lead else []
    return tuple(f for f in findings if review is None or review.finding(f.code) is None)


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
    )


def _replace_statement(review: Review, code: str, statement: ReadFinding | None) -> Review:
    """The statement about a code put in place of the old one, or at the end."""
    old = review.finding(code)
    findings = [statement if f is old else f for f in review.findings]
    if old is None:
        findings.append(statement)
    return replace(review, findings=tuple(f for f in findings if f is not None))
