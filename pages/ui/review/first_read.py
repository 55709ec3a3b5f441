"""Blind first read: the reader commits before the network's answer is shown; both are kept."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, datetime

import streamlit as st

from imaging.entities import Assessment
from imaging.errors import ConflictError
from imaging.review import drafting
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
def render_first_read(record: StudyRecord, lead: Assessment | None) -> None:
    """Ask for the reader's own call, then show the network's."""
    uid = record.study_instance_uid
    session.since(f"reading-{uid}")
    finding = statements.questions(lead)[0]
    with st.container(border=True, key="first-read"):
        st.markdown(f"**{_('Blind first read')}**")
        st.caption(_("The AI has read this study. Its answer follows yours."))
        chosen = st.segmented_control(
            _("Your answer"),
            (statements.PRESENT, statements.ABSENT),
            format_func=lambda option: labels.presence(finding.label, option == statements.PRESENT),
            key=f"first-{uid}",
        )
        st.button(
            _("Save my read and show AI"),
            type="primary",
            disabled=chosen is None,
            on_click=_commit,
            args=(uid, lead, chosen == statements.PRESENT),
        )


@deed(Right.DRAFT)
def _commit(uid: str, lead: Assessment | None, present: bool) -> None:
    """Keep the first read, and take it over as the draft the reader goes on from."""
    if not autosave.shows_whose(resources.repository().studies.get(uid)):
        return
    finding, answered = statements.questions(lead)[0], lead is not None and lead.primary is not None
    answer = lead.answer_to(finding) if lead else None
    read = FirstRead(
        study_instance_uid=uid,
        account=session.account().name,
        code=finding.code,
        present=present,
        seconds=session.since(f"reading-{uid}"),
        committed_at=datetime.now(UTC),
        network_present=drafting.network_says(finding, answer) if answered else None,
        probability=finding.probability if answered else None,
        model=lead.model if lead and answered else None,
    )
    try:
        resources.repository().reviews.add_first_read(read)
    except ConflictError:
        session.leave_notice("warning", _("Your first read of this study was kept before."))
        return
    if answered:
        autosave.change(uid, lambda review: drafting.decide(review, finding, answer, present))
    else:
        autosave.change(uid, lambda review: drafting.decide_unaided(review, finding.code, present))


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
