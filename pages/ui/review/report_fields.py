"""What a report says beside its findings: where each is, what became of it, why, and in sum.

Sides, zones and lobes; the earlier study it is compared with; indication and impression; and the
template of a normal study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from imaging.entities import Assessment, Finding, Instance
from imaging.export import report_words
from imaging.review import drafting
from imaging.review.records import Compared, Course, ReadFinding, Review, Side, Site
from imaging.review.rights import Right
from imaging.review.terms import NORMAL, PARTS, sites_of
from imaging.study import StudyRecord
from imaging.text import clean_note
from models.inference.anatomy import reads_part
from models.inference.scope import stated_parts
from pages.ui import autosave, labels, resources, session
from pages.ui.deeds import deed, only
from pages.ui.i18n import _
from pages.ui.review import hanging_protocol, report_preview
from pages.ui.review.hanging_protocol import Prior

_LONGEST = 400  # characters of an indication
_CHEST = ("CHEST", "THORAX", "LUNG")  # body parts whose normal film says all of `NORMAL`


def render_place(uid: str, stated: ReadFinding, review: Review, *, locked: bool) -> None:
    """Draw the side and the zones or lobes of a finding, and what became of it."""
    if stated.present and stated.code in PARTS:
        side_key, sites_key = (session.field(uid, f"{what}-{stated.code}") for what in _PLACE)
        side_key = session.settled(side_key, stated.side)
        side = st.segmented_control(
            _("Side of {finding}").format(finding=labels.concept(stated.code)),
            tuple(Side),
            format_func=_side,
            key=side_key,
            disabled=locked,
            label_visibility="collapsed",
            on_change=_locate,
            args=(uid, stated.code),
        )
        sites = sites_of(stated.code, side)
        if sites:
            sites_key = session.settled(sites_key, list(stated.sites))
            st.pills(
                _("Zone or lobe of {finding}").format(finding=labels.concept(stated.code)),
                sites,
                selection_mode="multi",
                format_func=_site,
                key=sites_key,
                disabled=locked,
                label_visibility="collapsed",
                on_change=_locate,
                args=(uid, stated.code),
            )
    if review.compared is not None:
        _render_course(uid, stated, review.compared, locked=locked)


_PLACE = ("side", "sites")


def _side(side: Side) -> str:
    return {Side.RIGHT: _("Right"), Side.LEFT: _("Left"), Side.BOTH: _("Both sides")}[side]


def _site(site: Site) -> str:
    return {
        Site.UPPER_ZONE: _("Upper zone"),
        Site.MIDDLE_ZONE: _("Middle zone"),
        Site.LOWER_ZONE: _("Lower zone"),
        Site.UPPER_LOBE: _("Upper lobe"),
        Site.MIDDLE_LOBE: _("Middle lobe"),
        Site.LOWER_LOBE: _("Lower lobe"),
    }[site]


def _course(course: Course) -> str:
    return {
        Course.NEW: _("New"),
        Course.WORSE: _("Worse"),
        Course.SAME: _("Same"),
        Course.BETTER: _("Better"),
        Course.RESOLVED: _("Resolved"),
    }[course]


@deed(Right.DRAFT)
def _locate(uid: str, code: str) -> None:
    """Save side and sites as they stand in their fields."""
    side, sites = (
        st.session_state.get(session.settled_key(session.field(uid, f"{what}-{code}")))
        for what in _PLACE
    )
    autosave.change(uid, lambda review: drafting.locate(review, code, side, sites or ()))


def _render_course(uid: str, stated: ReadFinding, compared: Compared, *, locked: bool) -> None:
    key = session.field(uid, f"course-{stated.code}")
    key = session.settled(key, stated.course)
    st.segmented_control(
        _("Since {date}").format(date=labels.date(compared.study_date)),
        drafting.courses_of(stated),
        format_func=_course,
        key=key,
        disabled=locked,
        on_change=_compare,
        args=(uid, stated.code, key),
    )


@deed(Right.DRAFT)
def _compare(uid: str, code: str, key: str) -> None:
    course = session.told(key)
    autosave.change(uid, lambda review: drafting.compare(review, code, course))


@only(Right.DRAFT)
def render_head(
    record: StudyRecord, priors: Sequence[Prior], instance: Instance, *, locked: bool
) -> None:
    """Draw the indication, and what is compared with."""
    _render_indication(record, locked=locked)
    _render_comparison(record, priors, instance, locked=locked)


def _render_indication(record: StudyRecord, *, locked: bool) -> None:
    """The request's words, to be put right; the reader's own once there are any."""
    uid = record.study_instance_uid
    key = session.field(uid, "indication")
    st.session_state.setdefault(key, report_preview.report(record).indication)
    st.text_input(
        _("Indication"),
        key=key,
        max_chars=_LONGEST,
        disabled=locked,
        placeholder=_("Not stated in the request"),
        on_change=_indicate,
        args=(uid, key),
    )


@deed(Right.DRAFT)
def _indicate(uid: str, key: str) -> None:
    text = clean_note(str(session.told(key)))
    autosave.change(uid, lambda review: replace(review, indication=text))


def _render_comparison(
    record: StudyRecord, priors: Sequence[Prior], instance: Instance, *, locked: bool
) -> None:
    """The earlier study of the same patient that hangs beside; no other can be compared with."""
    uid, review = record.study_instance_uid, record.review
    compared = review.compared if review else None
    if compared is not None:
        words = _("Compared with the study of {date}")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(words.format(date=labels.date(compared.study_date)))
            if not locked:
                st.button(
                    "\u2715",
                    key=f"compare-not-{uid}",
                    help=_("Compare with no earlier study"),
                    on_click=_compare_with,
                    args=(uid, None),
                )
        return
    if locked or not any(not prior.doubt for prior in priors):
        return
    beside = hanging_protocol.hung_beside(record, priors, instance)
    if not beside:
        st.caption(_("Hang the prior beside this image to compare with it."))
    for prior in beside:
        date = prior.record.instances[0].acquisition.study_date
        st.button(
            _("Compare with {date}").format(date=labels.date(date)),
            key=f"compare-{uid}-{prior.record.study_instance_uid}",
            on_click=_compare_with,
            args=(uid, Compared(prior.record.study_instance_uid, date)),
        )


@deed(Right.DRAFT)
def _compare_with(uid: str, earlier: Compared | None) -> None:
    """Name the earlier study; asked again whose it is, for somebody may have said so meanwhile."""
    if earlier is not None and not autosave.is_same_patients(uid, earlier):
        return
    autosave.change(uid, lambda review: drafting.compare_with(review, earlier))


@only(Right.DRAFT)
def render_normal(record: StudyRecord, asked: Sequence[Finding]) -> None:
    """Draw the button that states a normal study in one press."""
    review = record.review
    if not asked and not _may_show_chest(record):
        return  # there is nothing that it would state
    stated = [f for f in review.findings if f.present] if review else []
    names = ", ".join(labels.concept(f.code) for f in stated)
    st.button(
        _("Normal study"),
        key=f"normal-{record.study_instance_uid}",
        on_click=call_normal,
        args=(record, asked),
        disabled=bool(stated),
        help=_("Take back first: {findings}").format(findings=names)
        if stated
        else _("States that there is no finding; what it states can be changed before you sign."),
    )


@deed(Right.DRAFT)
def call_normal(record: StudyRecord, asked: Sequence[Finding]) -> None:
    """State a normal study; a finding that is stated as present is not taken back."""
    review = record.review
    if review is not None and any(f.present for f in review.findings):
        words = _("A finding is stated as present: take it back before you call the study normal.")
        session.leave_notice("warning", words)
        return
    also = NORMAL if _may_show_chest(record) else ()

    def step(before: Review) -> Review:
        return drafting.call_normal(before, asked, record.assessments, also)

    autosave.change(record.study_instance_uid, step)


def _may_show_chest(record: StudyRecord) -> bool:
    """False where every film is of another part of the body: by its header, else its network."""
    return any(map(_may_be_chest, record.instances, record.assessments))


def _may_be_chest(film: Instance, said: Assessment | None) -> bool:
    parts = stated_parts(film.acquisition)
    if not parts and said is not None and said.findings:
        card = resources.installed_card(said.model)
        parts = card.scope.body_parts if card else ()
    return not parts or any(reads_part(part, _CHEST) for part in parts)


@only(Right.DRAFT)
def render_impression(record: StudyRecord, *, locked: bool) -> None:
    """Draw the impression; left empty, the report says in sum what is stated."""
    uid, review = record.study_instance_uid, record.review
    key = session.field(uid, "impression")
    st.session_state.setdefault(key, review.impression if review else "")
    lines = report_words.impression_lines(report_preview.report(record), _)
    st.text_area(
        _("Impression"),
        key=key,
        height=68,
        disabled=locked,
        placeholder=" ".join(lines),
        on_change=_conclude,
        args=(uid, key),
    )


@deed(Right.DRAFT)
def _conclude(uid: str, key: str) -> None:
    text = clean_note(str(session.told(key)))
    autosave.change(uid, lambda review: replace(review, impression=text))
