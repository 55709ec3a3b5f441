"""Blind first read: the reader commits before the network's answer is shown; both are kept."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from imaging.entities import Finding
from imaging.errors import ConflictError
from imaging.review import drafting
from imaging.review.answers import answer_about
from imaging.review.records import Account, FirstRead
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import autosave, labels, resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _
from pages.ui.review import statements


class Everything(Container[str]):
    """A container of every string."""

    def __contains__(self, _item: object) -> bool:
        return True


def revealed_studies() -> Container[str]:
    """The studies whose answer this reader may see: all, unless reading blind.

    To who may not know any, the records hold none.
    """
    reader = session.account()
    if not _reads_blind(reader):
        return Everything()
    reads = resources.repository().reviews.first_reads()
    return {read.study_instance_uid for read in reads if read.account == reader.name}


def revealed_among(studies: Sequence[str]) -> Container[str]:
    """As `revealed_studies`, of the few that are on screen."""
    reader = session.account()
    if not _reads_blind(reader):
        return Everything()
    return resources.repository().reviews.first_read_studies(reader.name, studies)


def hides(record: StudyRecord) -> bool:
    """True while the network's answer to a study must wait for this reader's own.

    A study that is signed off, or that this reader stated findings about, is open: its answer
    was seen. Marks alone do not open it.
    """
    reader = session.account()
    if not _reads_blind(reader) or record.final is not None or not record.instances:
        return False
    if record.ai_off is not None:
        return False  # there is none to wait
    if any(review.account == reader.name and review.findings for review in record.reviews):
        return False
    return resources.repository().reviews.first_read(record.study_instance_uid, reader.name) is None


def _reads_blind(reader: Account) -> bool:
    return reader.blind and session.may(Right.FINDINGS)


@only(Right.DRAFT)
def render_first_read(record: StudyRecord) -> None:
    """Ask for the reader's own call on every finding, then show the networks'."""
    uid = record.study_instance_uid
    session.since(f"reading-{uid}")
    asked = _asked(record)
    with st.container(border=True, key="first-read"):
        st.markdown(f"**{_('Blind first read')}**")
        st.caption(_("The AI has read this study. Its answer follows yours."))
        chosen = [
            st.segmented_control(
                _("Your answer"),
                (statements.PRESENT, statements.ABSENT),
                format_func=partial(_option, finding),
                key=f"first-{uid}" if at == 0 else f"first-{uid}-{finding.code}",
            )
            for at, finding in enumerate(asked)
        ]
        st.button(
            _("Save my read and show AI"),
            type="primary",
            disabled=None in chosen,
            on_click=_commit,
            args=(record, [said == statements.PRESENT for said in chosen]),
        )


def _asked(record: StudyRecord) -> tuple[Finding, ...]:
    """What a first read is about: every network's findings, or what the first would look for."""
    spec = resources.card().findings[0]
    return statements.questions(record) or (Finding(spec.code, spec.label, 0.0, 1.0),)


def _option(finding: Finding, option: str) -> str:
    return labels.presence(finding.label, option == statements.PRESENT)


@deed(Right.DRAFT)
def _commit(record: StudyRecord, calls: Sequence[bool]) -> None:
    """Keep the first read, and take it over as the draft the reader goes on from.

    Kept for the comparison of doctors and AI is the call on the finding that leads.
    """
    uid = record.study_instance_uid
    if not autosave.shows_whose(resources.repository().studies.get(uid)):
        return
    asked = _asked(record)
    finding, said = asked[0], answer_about(record.assessments, asked[0].code)
    read = FirstRead(
        study_instance_uid=uid,
        account=session.account().name,
        code=finding.code,
        present=calls[0],
        seconds=session.since(f"reading-{uid}"),
        committed_at=datetime.now(UTC),
        network_present=drafting.network_says(finding, said.answer) if said else None,
        probability=finding.probability if said else None,
        model=said.model if said else None,
    )
    try:
        resources.repository().reviews.add_first_read(read)
    except ConflictError:
        session.leave_notice("warning", _("Your first read of this study was kept before."))
        return
    for finding, present in zip(asked, calls, strict=True):
        said = answer_about(record.assessments, finding.code)
        statements.decide(record, finding, said, present, blind=True)


@only(Right.FINDINGS)
def render_verdict(record: StudyRecord) -> None:
    """After the reveal: the first read, and whether the network agrees."""
    if record.ai_off is not None:
        return  # it would tell the network's answer
    reader = session.account()
    read = resources.repository().reviews.first_read(record.study_instance_uid, reader.name)
    if read is None:
        return
    presence = labels.presence(labels.concept(read.code), read.present)
    agrees = read.network_present == read.present
    if read.network_present is None:
        compared = _("the AI gave no firm answer")
    else:
        compared = _("the AI agrees") if agrees else _("the AI disagrees")
    st.caption(
        _("Your first read, after {seconds} s: {said}; {compared}.").format(
            seconds=round(read.seconds), said=presence, compared=compared
        )
    )
