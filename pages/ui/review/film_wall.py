"""The films on the wall, with marks that are saved as they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import groupby

import streamlit as st

from imaging.decoding import DistantImage
from imaging.delivery.originals import read_original
from imaging.entities import Assessment, Instance, SourceKind
from imaging.errors import AssistantError
from imaging.review import drafting
from imaging.review.records import Review, Stage
from imaging.review.rights import Right
from imaging.slices import instances_in_order
from imaging.study import StudyRecord
from pages.ui import autosave, labels, patient_banner, poll, resources, session, thumbnails
from pages.ui.data_uri import data_uri
from pages.ui.escape import plain
from pages.ui.explain import overlay, receipt_tasks, verdict_line
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words
from pages.ui.review import comparison, documents, hanging_protocol, series
from pages.ui.review.hanging_protocol import Hanging, Hung, Prior
from pages.ui.viewer import Comparison, Marked, Pane, Scene, ViewerReport, render_viewer

_MOST_THUMBS, _THUMB = 24, 120  # thumbnails; pixels of the longer side
_NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def render_room(
    record: StudyRecord,
    priors: Sequence[Prior],
    instance: Instance,
    *,
    explained: bool,
    on_act: Callable[[Sequence[Hanging], str], None],
) -> tuple[StudyRecord, overlay.Choice | None]:
    """Draw the hanging, and save the marks that were drawn.

    `on_act` gets the ways to hang, and what a key asks of the page.

    No fragment: a report of the viewer that meets a button's press would make Streamlit draw the
    fragment alone, and leave the rest of the page as it was before the press.

    Returns
    -------
    tuple of StudyRecord and Choice
        The study as it is after the marks, and what is explained about the film; None where
        nothing is.
    """
    uid, maps = record.study_instance_uid, None
    with in_words():
        answer = dict(zip(record.instances, record.assessments, strict=True))[instance]
        why = explained and answer is not None and bool(answer.findings)
        above = st.container(horizontal=True, vertical_alignment="center", key="hanging")
        with above:
            ways = hanging_protocol.choices(record, priors, explained=why)
            way = hanging_protocol.render_choice(uid, ways)
            document = documents.render_choice(record) if explained else None
            why = why and document is None
            if why and answer is not None:
                maps = overlay.render_choice(
                    instance.identity.sop_instance_uid, answer, two=way is Hanging.METHODS
                )
        if maps is None:
            receipt_tasks.drop()
        if len(record.instances) > _MOST_THUMBS:
            series.render_position(record, instance)
        staging = documents.stage(document, load(instance)) if document is not None else None
        if document is not None and staging is not None:
            documents.render_staged(document, staging, bindings=dict(session.account().bindings))
            return autosave.open_record(uid), None
        for doubt in dict.fromkeys(p.doubt for p in priors if p.doubt):
            st.warning(
                plain(_("Perhaps another patient's image: {difference}.").format(difference=doubt))
            )
        hung = _present(hanging_protocol.hang(way, record, priors, instance), instance)
        panes = tuple(
            _pane(record, at, film, instance, maps, answered=explained and record.ai_off is None)
            for at, film in enumerate(hung)
        )
        with above:  # filled after the map, which does not wait for it
            verdicts = st.container(key="verdicts", width="stretch")
        for remark in panes[0].image.remarks:
            draw = st.warning if remark in panes[0].image.refusals else st.caption
            draw(plain(sentence(remark)))
        beside = comparison.compare(record, priors, hung, hidden=not explained)
        report = render_viewer(
            _scene(record, panes, hung, beside),
            key=f"viewer-{uid}",
            sign_in=session.token(),
            on_step=partial(series.step_to, record, instance),
            on_act=partial(on_act, ways),
        )
        if maps is not None:
            overlay.render_wait(maps)
            with verdicts:
                verdict_line.render_lines(load(instance), _maps_by_pane(hung, instance, maps))
        if report is not None:
            _save_marks(record, report)
    return autosave.open_record(uid), maps[0] if maps else None


def _present(hung: tuple[Hung, ...], chosen: Instance) -> tuple[Hung, ...]:
    """The films whose originals are there; a sentence for each that is not."""
    there = []
    for film in hung:
        try:
            if film.instance is not chosen:
                load(film.instance)
            there.append(film)
        except AssistantError as exc:
            words = _("An image that belongs beside it cannot be shown: {reason}")
            st.warning(plain(words.format(reason=sentence(str(exc)))))
    return tuple(there)


def _scene(
    record: StudyRecord,
    panes: tuple[Pane, ...],
    hung: tuple[Hung, ...],
    beside: Comparison | None,
) -> Scene:
    """The scene of the viewer, with the marks of the newest version."""
    review, uid = record.review, record.study_instance_uid
    stated = [f.code for f in review.findings] if review else []
    annotations = review.annotations if review else ()
    if session.drawn_marks(uid) not in (None, annotations):
        words = _(
            "The annotations of this study were changed elsewhere; draw again what is missing."
        )
        session.leave_notice("warning", words)
    return Scene(
        panes=panes,
        layout=hanging_protocol.layout(hung),
        linked=len(panes) > 1,
        annotations=annotations,
        presentations=review.presentations if review else (),
        bindings=dict(session.account().bindings),
        editable=session.may(Right.DRAFT)
        and not (review is not None and review.stage is Stage.FINAL),
        finding_labels={code: labels.concept(code) for code in stated},
        generation=session.generation(uid, annotations),
        comparison=beside,
    )


def _pane(
    record: StudyRecord,
    at: int,
    film: Hung,
    chosen: Instance,
    maps: tuple[overlay.Choice, overlay.Choice] | None,
    *,
    answered: bool,
) -> Pane:
    """One film with its banner and, where there is one, its explanation, which opens hidden."""
    image = load(film.instance)
    over = None
    if maps is not None and _has_map(film, chosen):
        with st.spinner(_("Computing the explanation ...")):
            place = 1 if film.second else 0
            over = overlay.overlay(image, maps[place], overlay.PLACES[place])
            verdict = receipt_tasks.known_verdict(image, maps[place])
            if over is not None:
                over = replace(over, shown=film.second)  # the one beside is asked for to be seen
            if over is not None and verdict is not None and not verdict.reliable:
                doubt = verdict_line.verdict_label(verdict.name)
                over = replace(over, doubtful=True, source=f"{doubt}. {over.source}")
    return Pane(
        key=f"{at}",
        image=image,
        title=film.title,
        banner=patient_banner.facts(film.instance),
        marks=patient_banner.marks(film.instance),
        overlay=over,
        stack=series.stack(record, film.instance) if film.instance is chosen else None,
        regions=_regions(record, film, answered=answered),
    )


def _regions(record: StudyRecord, film: Hung, *, answered: bool) -> tuple[Marked, ...]:
    """The regions that were marked on a film of this study, each with its side and its answer."""
    uid, geometry = film.instance.identity.sop_instance_uid, film.instance.geometry
    answers = dict(zip(record.instances, record.assessments, strict=True))
    found = []
    for part in () if film.prior else (*record.instances, *record.waiting):
        made = part.derivation
        if made is None or not made.is_region or made.source_sop_instance_uid != uid:
            continue
        left, top, right, bottom = made.box
        rows, columns = geometry.rows, geometry.columns
        box = (left / columns, top / rows, right / columns, bottom / rows)
        found.append(Marked(box, _label(part, answers.get(part), answered=answered)))
    return tuple(found)


def _label(part: Instance, answer: Assessment | None, *, answered: bool) -> str:
    """What stands at the box of a region: its side, and the answer where it may be shown."""
    side = part.derivation.side if part.derivation is not None else ""
    words = {"R": _("Right"), "L": _("Left")}.get(side, _("Region"))
    if not answered:
        return words
    lead = answer.primary if answer is not None else None
    if answer is None or lead is None:
        return f"{words}: {labels.outcome(answer.status if answer is not None else None)}"
    return f"{words}: {labels.answer(lead, answer.answer_to(lead))}"


def _has_map(film: Hung, chosen: Instance) -> bool:
    """True for a picture of the film that is explained, where the hanging wants it explained."""
    return film.instance is chosen and film.explained and not film.prior


def _maps_by_pane(
    hung: Sequence[Hung], chosen: Instance, maps: tuple[overlay.Choice, overlay.Choice]
) -> dict[int, tuple[str, overlay.Choice]]:
    """The map of every pane that has one, and its place among those that differ."""
    places = {maps[1]: overlay.PLACES[1], maps[0]: overlay.PLACES[0]}
    shown = {at: maps[int(film.second)] for at, film in enumerate(hung) if _has_map(film, chosen)}
    return {at: (places[choice], choice) for at, choice in shown.items()}


def load(instance: Instance) -> DistantImage:
    """The stored original, kept decoded for this session, as the records know it."""
    return session.image(instance.identity.sha256, partial(_read, instance)).known_as(instance)


def find(instance: Instance) -> DistantImage | None:
    """As `load`; None, and a sentence on screen, where the original is gone or was altered.

    The report, its history and what can be exported of it stay within reach.
    """
    try:
        return load(instance)
    except AssistantError as exc:
        st.error(plain(sentence(str(exc))), icon=":material/broken_image:")
        st.caption(_("The report does not need the image: it is shown, and can be exported."))
        return None


def _read(instance: Instance) -> DistantImage:
    return read_original(resources.repository(), instance)


def _save_marks(record: StudyRecord, report: ViewerReport) -> None:
    """Save marks as soon as they are drawn; windows wait for the next change or signature."""
    if not session.may(Right.DRAFT):
        return
    uid, review = record.study_instance_uid, record.review
    own = {instance.identity.sop_instance_uid for instance in record.instances}
    marks = tuple(a for a in report.annotations if a.sop_instance_uid in own)
    shown = tuple(p for p in report.presentations if p.sop_instance_uid in own)
    session.set_presentations(uid, shown)
    session.set_drawn(uid, report.annotations)
    if len(marks) < len(report.annotations):
        session.forget_drawn(uid)
        session.leave_notice(
            "warning",
            _("An annotation on the prior is not kept here; open that study to draw on it."),
        )
    stored = review.annotations if review else ()
    if review and review.stage is Stage.FINAL:
        return

    def step(before: Review) -> Review:
        return drafting.mark(before, marks, shown)

    saved = marks == stored or autosave.change(uid, step)
    if not saved or marks != report.annotations:
        poll.redraw()  # the viewer takes what is stored; a notice says why


def has_strip(record: StudyRecord, priors: Sequence[Prior]) -> bool:
    """Whether there is more than the one film, which needs no picture of itself beside it."""
    return len(record.instances) > 1 or bool(priors)


def render_strip(record: StudyRecord, priors: Sequence[Prior], chosen: Instance) -> None:
    """Thumbnails of this study by series, then of the patient's earlier studies."""
    groups = _series(record)
    for prior in priors:
        first = prior.record.instances[0]
        groups.append(thumbnails.Group(prior.title, (_thumb(first, prior=True),)))
    by_uid = {i.identity.sop_instance_uid for i in record.instances}
    shown = {thumb.key for group in groups for thumb in group.thumbs}
    on_wall = chosen.identity.sop_instance_uid
    if on_wall not in shown:  # one of a long series: its first stands for it
        on_wall = series.members(record, chosen)[0].identity.sop_instance_uid
    pressed = thumbnails.render_strip(groups, on_wall, key=f"strip-{record.study_instance_uid}")
    if pressed.startswith("study:"):
        st.query_params["study"] = pressed.removeprefix("study:")
        poll.redraw()
    if pressed in by_uid and pressed != chosen.identity.sop_instance_uid:
        session.choose_image(record.study_instance_uid, pressed)
        poll.redraw()


def _series(record: StudyRecord) -> list[thumbnails.Group]:
    """One group per series, in the order received; large studies show the first of each series."""
    many = len(record.instances) > _MOST_THUMBS
    groups: list[thumbnails.Group] = []
    by_series = sorted(
        record.instances, key=lambda i: _first_position(record, i.identity.series_instance_uid)
    )
    for _uid, instances in groupby(by_series, key=lambda i: i.identity.series_instance_uid):
        members = instances_in_order(list(instances))
        shown = members[:1] if many else members
        taken = members[0].acquisition
        title = " ".join(p for p in (taken.modality, taken.series_description) if p)
        title = title or _("Series {number}").format(number=len(groups) + 1)
        if len(members) > 1:
            title += f" ({len(members)})"
        groups.append(thumbnails.Group(title, tuple(_thumb(instance) for instance in shown)))
    return groups


def _first_position(record: StudyRecord, series_instance_uid: str) -> int:
    return next(
        at
        for at, instance in enumerate(record.instances)
        if instance.identity.series_instance_uid == series_instance_uid
    )


def _draw_thumb(instance: Instance) -> str:
    """A small picture as the viewer first shows it; lists of films get one where they lack it."""
    here, small = load(instance).small_pictures(_THUMB)
    with suppress(AssistantError):  # a full disk hides no film
        resources.repository().originals.keep_thumbnail(instance.identity.sha256, small)
    return data_uri(here)


def small_picture(instance: Instance) -> str:
    """A small picture of the first frame (data URI), kept for this session."""
    try:
        return session.picture(("thumb", instance.identity.sha256), partial(_draw_thumb, instance))
    except AssistantError:  # said where the film itself would hang
        return _NO_PICTURE


def _thumb(instance: Instance, *, prior: bool = False) -> thumbnails.Thumb:
    picture = small_picture(instance)
    identity = instance.identity
    key = f"study:{identity.study_instance_uid}" if prior else identity.sop_instance_uid
    taken = instance.acquisition
    side = taken.laterality if taken.laterality in ("L", "R") else ""
    words = f"{taken.view_position} {side}".strip() or taken.modality or _("Image")
    region = labels.region_name(instance)
    if region:
        words = region
    elif instance.source is SourceKind.FILM and not session.identity_hidden():
        words = f"{labels.file_name(instance.file_name)} {taken.view_position}".strip()
    return thumbnails.Thumb(key, words, picture)
