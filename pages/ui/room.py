"""The reading room: films on the wall, with marks that are kept as they are drawn."""

from __future__ import annotations

from functools import partial
from itertools import groupby

import streamlit as st

from imaging import drafting
from imaging.dicom import Image, read_image
from imaging.display import thumbnail
from imaging.entities import Instance, StudyRecord
from imaging.review import Review, Stage
from pages.ui import banner, desk, explanation, hanging, resources, state, strip, words
from pages.ui.hanging import Hanging, Hung
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words
from pages.ui.pictures import data_uri
from pages.ui.viewer import Pane, Reading, Scene, render_viewer

_MOST_THUMBS = 24


def render_room(record: StudyRecord, instance: Instance, *, explained: bool) -> StudyRecord:
    """Draw the hanging, and save the marks that were drawn.

    No fragment: a report of the viewer that meets a button's press would make Streamlit draw the
    fragment alone, and leave the rest of the page as it was before the press.

    Returns
    -------
    StudyRecord
        The study as it is after the marks.
    """
    uid = record.study_instance_uid
    with in_words():
        priors = resources.repository().prior_studies(uid)
        answer = dict(zip(record.instances, record.assessments, strict=True))[instance]
        why = explained and answer is not None and bool(answer.findings)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            way = hanging.render_choice(uid, hanging.choices(record, priors, explained=why))
            asked = None
            if why and answer is not None:
                name = answer.model.name if answer.model else ""
                asked = explanation.render_choice(
                    instance.identity.sop_instance_uid, name, two=way is Hanging.METHODS
                )
        hung = hanging.hang(way, record, priors, instance)
        panes = tuple(_pane(at, one, instance, asked) for at, one in enumerate(hung))
        reading = render_viewer(_scene(record, panes, hung), key=f"viewer-{uid}")
        for remark in panes[0].image.remarks:
            st.caption(sentence(remark))
        if reading is not None:
            _keep(record, reading)
    return desk.open_record(uid)


def _scene(record: StudyRecord, panes: tuple[Pane, ...], hung: tuple[Hung, ...]) -> Scene:
    """What the viewer is to show, with the marks of the newest version."""
    review = record.review
    stated = [f.code for f in review.findings] if review else []
    annotations = review.annotations if review else ()
    return Scene(
        panes=panes,
        layout=hanging.layout(hung),
        linked=len(panes) > 1,
        annotations=annotations,
        presentations=review.presentations if review else (),
        bindings=dict(state.account().bindings),
        editable=not (review is not None and review.stage is Stage.FINAL),
        finding_labels={code: words.concept(code) for code in stated},
        generation=state.generation(record.study_instance_uid, annotations),
    )


def _pane(
    at: int,
    one: Hung,
    chosen: Instance,
    asked: tuple[explanation.Choice, explanation.Choice] | None,
) -> Pane:
    """One film with its banner and, where there is one, its explanation, which opens hidden."""
    image = load(one.instance)
    over = None
    if asked is not None and one.instance is chosen and one.explained and not one.prior:
        with st.spinner(_("Asking the network why ...")):
            over = explanation.overlay(image, asked[1 if one.second else 0])
    return Pane(
        key=f"{at}",
        image=image,
        title=one.title,
        banner=banner.facts(one.instance),
        marks=banner.marks(one.instance),
        overlay=over,
    )


def load(instance: Instance) -> Image:
    """The stored original, kept decoded for this session."""
    return state.image(instance.identity.sha256, partial(_read, instance))


def _read(instance: Instance) -> Image:
    content = resources.repository().content(instance.identity.sha256)
    return read_image(content, file_name=instance.file_name)


def _keep(record: StudyRecord, reading: Reading) -> None:
    """Save marks as soon as they are drawn; windows wait for the next change or signature."""
    uid, review = record.study_instance_uid, record.review
    state.set_presentations(uid, reading.presentations)
    state.set_drawn(uid, reading.annotations)
    known = review.annotations if review else ()
    if reading.annotations == known or (review and review.stage is Stage.FINAL):
        return

    def step(before: Review) -> Review:
        return drafting.mark(before, reading.annotations, reading.presentations)

    if not desk.change(uid, step):
        st.rerun()  # the viewer takes what is stored; a notice says why


def render_strip(record: StudyRecord, chosen: Instance) -> None:
    """Thumbnails of this study by series, then of the patient's earlier studies."""
    priors = resources.repository().prior_studies(record.study_instance_uid)
    groups = _series(record)
    for prior in priors:
        when = words.date(prior.instances[0].acquisition.study_date)
        title = _("Prior, {date}").format(date=when)
        groups.append(strip.Group(title, (_thumb(prior.instances[0], prior=True),)))
    pressed = strip.render_strip(
        groups, chosen.identity.sop_instance_uid, key=f"strip-{record.study_instance_uid}"
    )
    if pressed.startswith("study:"):
        st.query_params["study"] = pressed.removeprefix("study:")
        st.rerun()
    if pressed and pressed != chosen.identity.sop_instance_uid:
        state.choose_image(record.study_instance_uid, pressed)
        st.rerun()


def _series(record: StudyRecord) -> list[strip.Group]:
    """One group per series, in the order received; large studies show the first of each series."""
    many = len(record.instances) > _MOST_THUMBS
    groups: list[strip.Group] = []
    by_series = sorted(
        record.instances, key=lambda i: _first_position(record, i.identity.series_instance_uid)
    )
    for _uid, found in groupby(by_series, key=lambda i: i.identity.series_instance_uid):
        members = list(found)
        shown = members[:1] if many else members
        taken = members[0].acquisition
        title = " ".join(p for p in (taken.modality, taken.series_description) if p)
        title = title or _("Series {number}").format(number=len(groups) + 1)
        if len(members) > 1:
            title += f" ({len(members)})"
        groups.append(strip.Group(title, tuple(_thumb(one) for one in shown)))
    return groups


def _first_position(record: StudyRecord, series_instance_uid: str) -> int:
    return next(
        at
        for at, one in enumerate(record.instances)
        if one.identity.series_instance_uid == series_instance_uid
    )


def _thumb(instance: Instance, *, prior: bool = False) -> strip.Thumb:
    """A small picture of the first frame, kept for this session."""
    picture = state.picture(
        ("thumb", instance.identity.sha256),
        lambda: data_uri(thumbnail(load(instance).display_values(0), size=120)),
    )
    identity = instance.identity
    key = f"study:{identity.study_instance_uid}" if prior else identity.sop_instance_uid
    taken = instance.acquisition
    side = taken.laterality if taken.laterality in ("L", "R") else ""
    view = f"{taken.view_position} {side}".strip()
    return strip.Thumb(key, view or taken.modality or _("Film"), picture)
