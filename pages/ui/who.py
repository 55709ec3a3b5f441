"""The form "Who is this?": what a reader types of films without a header.

Nothing is saved before the button is pressed; what cannot be true is said, one sentence each.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import streamlit as st

from imaging.entities import Instance, Patient, SourceKind, TypedFacts
from imaging.errors import AssistantError, NotFoundError
from imaging.person import Outcome, compare
from imaging.review.records import Stage
from imaging.review.rights import Right
from imaging.study import StudyRecord
from imaging.typed_facts import (
    SEXES,
    VIEWS,
    objections,
    patient_number,
    person_name,
    read_day,
    with_typed,
)
from pages.ui import labels, poll, resources, session, study_table
from pages.ui.data_uri import render_picture
from pages.ui.deeds import fragment
from pages.ui.escape import plain
from pages.ui.grid.component import Row
from pages.ui.i18n import _, ngettext, sentence

MOST = 24  # films of one patient that are named at once
_EARLIEST = date(1900, 1, 1)
_YEARS, _MONTHS = "years", "months"
_IN_MONTHS = 2.0  # years
_MADE = "LB-"  # begins the numbers that Lightbox makes


@dataclass(frozen=True, slots=True)
class _Person:
    """The part of a form that is of the patient, whatever the film."""

    name: str
    patient_id: str
    birth_date: str
    age_years: float | None
    sex: str


def unnamed(record: StudyRecord) -> tuple[Instance, ...]:
    """The films of a study whose files say nothing of the patient, typed of or not.

    A photograph stands for what was cut out of it: what is typed of one is typed of all.
    """
    films: dict[str, Instance] = {}
    for film in (i for i in record.instances if i.source is SourceKind.FILM):
        films.setdefault(_photograph_uid(film), film)
    return tuple(films.values())


def _photograph_uid(film: Instance) -> str:
    """The photograph that a film was cut out of, itself where it was cut out of none."""
    made = film.derivation
    return made.source_sop_instance_uid if made else film.identity.sop_instance_uid


def _is_one_of_several(record: StudyRecord, film: Instance) -> bool:
    """True for a photograph that something was cut out of, and for what was cut out of it."""
    films = (*record.instances, *record.waiting)
    return sum(_photograph_uid(one) == _photograph_uid(film) for one in films) > 1


def render_film(record: StudyRecord, instance: Instance, *, expanded: bool = False) -> None:
    """The form for one film, where it has no header; locked under a signature."""
    if instance.source is not SourceKind.FILM:
        return
    typed = instance.typed
    key = f"who-{instance.identity.sop_instance_uid}"
    with st.expander(_("Who is this?"), expanded=expanded and typed is None, key=key):
        if typed is not None:
            st.caption(plain(_describe(typed)))
        if session.identity_hidden():
            st.caption(_("Turn \u201cHide identity\u201d off to see or to change it."))
            return
        _render_earlier(instance)
        if record.review is not None and record.review.stage is Stage.FINAL:
            st.caption(_("This study is signed: begin an amendment to change whose image it is."))
            return
        if _is_one_of_several(record, instance):
            st.caption(
                _("What you type holds for the photograph and for every film cut out of it.")
            )
        render_form((instance,), key=key)


def _render_earlier(instance: Instance) -> None:
    """What was typed before, newest first: nothing that was ever saved is lost."""
    if instance.typed is None or instance.typed.version < 2:
        return
    uid = instance.identity.sop_instance_uid
    for facts in reversed(resources.repository().typed_facts.versions(uid)[:-1]):
        told = with_typed(replace(instance, patient=Patient(), typed=None), facts)
        patient = told.patient
        parts = (
            labels.patient_name(patient.name),
            patient.patient_id,
            labels.date(patient.birth_date),
            labels.age(patient),
            labels.sex(patient.sex),
        )
        words = ", ".join(part for part in parts if part)
        earlier = _("Before: {facts}").format(facts=words or labels.NOTHING)
        st.caption(f"{plain(earlier)} \u00b7 {plain(_describe(facts))}")


def render_wait(record: StudyRecord, instance: Instance) -> None:
    """Say that the network is asked again with what was typed, and draw its answer once there."""
    if _answer_is_due(record, instance):
        _watch(record.study_instance_uid, instance.identity.sop_instance_uid)


def _describe(typed: TypedFacts) -> str:
    """By whom something was typed, and when."""
    when = labels.moment(typed.typed_at) if typed.typed_at else ""
    return _("Typed by {reader} on {time}.").format(reader=typed.reader or typed.account, time=when)


def render_form(films: Sequence[Instance], *, key: str) -> None:
    """The form for some films, filled with what is typed of the first of them.

    Parameters
    ----------
    films : sequence of Instance
        Without a header, of one patient.
    key : str
        Unique on the page.
    """
    first = films[0].typed or TypedFacts()
    key = f"{key}-form-{first.version}"  # filled anew once something is saved
    with st.form(key, border=False):
        st.caption(
            _(
                "The file says nothing of its patient. What you type goes into report and "
                "exports, marked as typed by you; age and view decide whether the AI may "
                "answer."
            )
        )
        person = _render_person(first, key)
        places = [_render_place(film, key, alone=len(films) == 1) for film in films]
        if len(films) > 1:
            st.caption(
                _("Without a number, Lightbox gives these images one, so that they stay together.")
            )
        submitted = st.form_submit_button(_("Save and run the AI"), type="primary")
    if submitted:
        _save(films, person, places)


def _render_person(before: TypedFacts, key: str) -> _Person:
    family, _sep, given = before.name.partition("^")
    left, right = st.columns(2, gap="small")
    name = left.text_input(
        _("Name (family name, given name)"),
        ", ".join(part for part in (family, given) if part),
        max_chars=200,
        key=f"{key}-name",
    )
    number = right.text_input(_("Number"), before.patient_id, max_chars=200, key=f"{key}-number")
    left, right = st.columns(2, gap="small")
    born = _render_day(left, _("Birth date"), before.birth_date, f"{key}-born")
    sex = right.selectbox(
        _("Sex"),
        SEXES,
        SEXES.index(before.sex) if before.sex else None,
        format_func=labels.sex,
        placeholder=labels.NOTHING,
        key=f"{key}-sex",
    )
    left, right = st.columns(2, gap="small")
    age_years, in_months = before.age_years, (before.age_years or _IN_MONTHS) < _IN_MONTHS
    shown = None if age_years is None else int(age_years * (12 if in_months else 1) + 1e-6)
    age = left.number_input(_("Age at the study"), 0, 2000, shown, key=f"{key}-age")
    counted = right.selectbox(
        _("Counted in"),
        (_YEARS, _MONTHS),
        int(in_months),
        format_func={_YEARS: _("years"), _MONTHS: _("months")}.__getitem__,
        key=f"{key}-unit",
    )
    years = None if age is None else age / 12 if counted == _MONTHS else float(age)
    return _Person(person_name(name), patient_number(number), born, years, sex or "")


def _render_place(film: Instance, key: str, *, alone: bool) -> tuple[str, str]:
    """Study date and view, which are each film's own; beside its picture where there are more."""
    before, key = film.typed or TypedFacts(), f"{key}-{film.identity.sha256[:12]}"
    if alone:
        left, right = st.columns(2, gap="small")
    else:
        picture, left, right = st.columns([2, 3, 3], gap="small", vertical_alignment="bottom")
        uid = film.identity.sop_instance_uid
        small = resources.repository().originals.thumbnails([uid]).get(uid)
        with picture:
            if small:
                render_picture(small, "jpeg", width=72)
            shown = labels.HIDDEN if session.identity_hidden() else film.file_name
            st.caption(plain(shown))
    taken = _render_day(left, _("Study date"), before.study_date, f"{key}-taken")
    views = {
        "PA": _("PA (from behind)"),
        "AP": _("AP (from the front)"),
        "LL": _("LL (left side)"),
        "RL": _("RL (right side)"),
    }
    view = right.selectbox(
        _("View"),
        VIEWS,
        VIEWS.index(before.view_position) if before.view_position else None,
        format_func=views.__getitem__,
        placeholder=labels.NOTHING,
        key=f"{key}-view",
    )
    return taken, view or ""


def _render_day(place: st.delta_generator.DeltaGenerator, label: str, day: str, key: str) -> str:
    """A date, which may be wrong: what is wrong with it is said when it is saved."""
    chosen = place.date_input(
        label,
        read_day(day),
        min_value=_EARLIEST,
        max_value=date(date.today().year + 1, 12, 31),
        format="YYYY-MM-DD",
        key=key,
    )
    return f"{chosen:%Y%m%d}" if isinstance(chosen, date) else ""


def _save(films: Sequence[Instance], person: _Person, places: Sequence[tuple[str, str]]) -> None:
    """Check, store, have the networks asked again; say what is wrong instead."""
    number = _choose_number(films, person)
    typed = {}
    for film, (taken, view) in zip(films, places, strict=True):
        typed[film.identity.sop_instance_uid] = TypedFacts(
            name=person.name,
            patient_id=number,
            birth_date=person.birth_date,
            age_years=person.age_years,
            sex=person.sex,
            study_date=taken,
            view_position=view,
            version=film.typed.version if film.typed else 0,
        )
    own = (replace(facts, patient_id=person.patient_id) for facts in typed.values())
    wrong = dict.fromkeys(w for facts in own for w in objections(facts, today=date.today()))
    for words in wrong:
        st.error(sentence(words))
    if wrong:
        return
    try:
        resources.repository().typed_facts.save(typed, session.account())
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))))
        return
    resources.worker().wake()
    session.leave_notice("success", _("Saved. The AI runs again with what you typed."))
    poll.redraw()


def _choose_number(films: Sequence[Instance], person: _Person) -> str:
    """The number as typed; for several films without one, theirs or one that Lightbox makes.

    A number that Lightbox made for somebody else is nobody's who is typed now: two patients with
    one number are one patient wherever the exports go.
    """

    def is_theirs(facts: TypedFacts, number: str) -> bool:
        before = Patient(facts.name, number, facts.birth_date, facts.sex)
        now = Patient(person.name, number, person.birth_date, person.sex)
        return compare(before, now).outcome is not Outcome.ANOTHER

    known = [f.typed for f in films if f.typed and f.typed.patient_id]
    strangers = {facts.patient_id for facts in known if not is_theirs(facts, facts.patient_id)}
    number = person.patient_id
    if number.startswith(_MADE) and number in strangers:
        number = ""
    if len(films) == 1 or number:
        return number
    theirs = (facts.patient_id for facts in known if facts.patient_id not in strangers)
    return next(theirs, f"{_MADE}{uuid.uuid4().hex[:8].upper()}")


def _answer_is_due(record: StudyRecord, instance: Instance) -> bool:
    """True while the networks have not answered with what is typed of a film."""
    if record.ai_off is not None:
        return False
    answers = dict(zip(record.instances, record.assessments, strict=True))
    return instance.typed is not None and answers[instance] is None


@fragment(Right.FILMS)
def _watch(study_instance_uid: str, sop_instance_uid: str) -> None:
    """Draw the page anew once the answer is there; until then nothing is left to read."""
    try:
        record = resources.repository().studies.get(study_instance_uid)
    except NotFoundError:  # somebody deleted it meanwhile; the page says so
        poll.redraw()
    films = (i for i in record.instances if i.identity.sop_instance_uid == sop_instance_uid)
    film = next(films, None)  # or put the film into a study of its own
    if film is None or not _answer_is_due(record, film):
        poll.redraw()
    if not resources.repository().typed_facts.is_asked(film.identity.sha256):
        st.warning(
            _(
                "The AI gave no answer with what was typed. Read the image without it, or "
                "save again."
            )
        )
        return
    st.info(_("The AI runs again with what was typed."))
    poll.beat("who")


def render_table(
    rows: Sequence[Row],
    *,
    key: str,
    unnamed: bool,
    page: study_table.Listed | None = None,
    switch: st.delta_generator.DeltaGenerator | None = None,
) -> None:
    """A table of studies or files; where films without a header are in it, several can be named.

    Parameters
    ----------
    rows, key, page
        As for `study_table.render_table`.
    unnamed : bool
        Whether a film without a header is among them.
    switch
        Where the switch for naming several stands; None: above the table.
    """
    above = st.container()
    several = False
    if unnamed:
        with switch or above:
            several = st.toggle(
                _("Name several images"),
                key=f"naming-{key}",
                help=_(
                    "For images without a header: tick those of one patient, and say who it is."
                ),
            )
    ticked = study_table.render_table(rows, key=key, several=several, page=page)
    if several:
        with above:
            render_several(ticked, key=f"who-{key}")


def render_several(studies: Sequence[str], *, key: str) -> None:
    """The form for the films of several studies, ticked in a table.

    Parameters
    ----------
    studies : sequence of str
        Study Instance UIDs; none asks for ticks.
    key : str
        Unique on the page.
    """
    if session.identity_hidden():
        st.caption(_("Turn \u201cHide identity\u201d off to see or to change it."))
        return
    if not studies:
        st.caption(_("Tick the images of one patient."))
        return
    repository = resources.repository()
    records = [repository.studies.get(uid) for uid in dict.fromkeys(studies)]
    films = [film for record in records for film in unnamed(record)]
    if len(films) > MOST:
        st.warning(_("Tick {count} images at the most.").format(count=MOST))
        return
    others = sum(not unnamed(record) for record in records)
    if others:
        words = ngettext(
            "{count} ticked study has a header that says whose it is; it stays as it is.",
            "{count} ticked studies have headers that say whose they are; they stay as they are.",
            others,
        )
        st.caption(words.format(count=others))
    if films:
        words = ngettext(
            "Who is on this image?", "These {count} images are of one patient", len(films)
        )
        st.markdown(f"**{words.format(count=len(films))}**")
        render_form(films, key=f"{key}-{len(films)}-{films[0].identity.sha256[:12]}")
