"""The second look at sign-off: asked once per study and reader; signing again answers it.

It stands between a press of Sign and the signature the first time a sure answer of AI contradicts
what would be signed. It never blocks: the same key or button again signs what is stated.
"""

from __future__ import annotations

import streamlit as st

from imaging.entities import ModelIdentity
from imaging.export import report_words
from imaging.review.events import Moment
from imaging.review.records import Review, Stage
from imaging.review.rights import Right
from imaging.review.second_look import Contradiction, find_contradiction
from imaging.review.sides import sides_of
from imaging.study import StudyRecord
from pages.ui import autosave, labels, resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _


def _contradiction(record: StudyRecord, review: Review | None) -> Contradiction | None:
    """What a second look would be about; None where nothing sure speaks against the review."""
    if review is None:
        return None
    return find_contradiction(review, record.assessments, _sure_from, sides_of(record.instances))


def _sure_from(model: ModelIdentity | None) -> float | None:
    return None if model is None else resources.sure_from(model)


@deed(Right.SIGN)
def sign(uid: str, stage: Stage) -> None:
    """Sign what is on screen, unless a second look is due: then show it, and wait for the next."""
    record = resources.repository().studies.get(uid)
    if not ask(record):
        sign_anyway(uid, stage)


def ask(record: StudyRecord) -> bool:
    """Show the second look if one is due, and keep that; False where none is, or was before."""
    uid, found = record.study_instance_uid, _contradiction(record, record.review)
    if found is None:
        return False
    detail: dict[str, str | float | bool] = {
        "code": found.code,
        "stated": found.stated,
        "probability": found.probability,
        **({} if found.side is None else {"side": found.side.value}),
    }
    me = session.account().name
    asked = resources.repository().reading.note_seen([uid], Moment.SECOND_LOOK, detail, account=me)
    session.show_second_look(uid, bool(asked))
    return bool(asked)


@deed(Right.SIGN)
def sign_anyway(uid: str, stage: Stage) -> None:
    """Sign, and keep what became of a second look: the finding stayed, or was changed."""
    session.show_second_look(uid, False)
    autosave.sign(uid, stage)
    record = resources.repository().studies.get(uid)
    review, me = record.review, session.account().name
    if review is None or not review.signed or review.account != me:
        return  # not signed: a notice says why
    events = resources.repository().reading.of_study(uid)
    if any(e.kind is Moment.SECOND_LOOK and e.account == me for e in events):
        did = "changed" if _contradiction(record, review) is None else "kept"
        resources.repository().reading.note_seen(
            [uid], Moment.AFTER_SECOND_LOOK, {"did": did}, account=me
        )


@only(Right.SIGN)
def render(record: StudyRecord) -> None:
    """The question, while it stands; the answer itself, with its network, stands above it."""
    uid, found = record.study_instance_uid, _contradiction(record, record.review)
    if not session.shows_second_look(uid) or found is None:
        return
    name = labels.concept(found.code)
    if found.side is not None:
        name = f"{name} ({report_words.place_words(found.side, (), _)})"
    with st.container(key="second-look", border=True, gap=None):
        st.markdown(f"**{_('A second look?')}**")
        st.caption(
            _(
                "You state: {stated}. AI is sure of the opposite. Sign again to keep your finding, "
                "or change it. Asked only once."
            ).format(stated=labels.presence(name, found.stated))
        )
