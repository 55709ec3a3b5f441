"""Proven cases that look alike to the network: the nearest training films, and the site's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from imaging.decoding import DistantImage
from imaging.delivery.originals import read_original
from imaging.entities import Assessment, Instance
from imaging.errors import AssistantError
from imaging.review.rights import Right
from imaging.store import Repository
from models.checkpoint.card import ModelCard
from models.explain.base.lung_measures import CONCEPTS, Measures, measure
from models.explain.base.subject import Subject
from models.explain.cases.reference import FAR, Reference, ReferenceCase
from models.explain.cases.similar import COUNTED, SHOWN, Neighbour, label_counts, similar
from models.explain.cases.site_cases import SiteNeighbour, add_study, site_similar
from models.explain.methods.explainer import Explainer
from pages.ui import labels, navigation, network_answer, resources, session
from pages.ui.audit import sights
from pages.ui.data_uri import data_uri
from pages.ui.deeds import deed, only
from pages.ui.explain import measure_labels, reference_cases
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words

_SLOT = "similar"
_THUMB = 160  # pixels


@dataclass(frozen=True, slots=True)
class SimilarCases:
    """Proven cases and measures found for one film."""

    neighbours: tuple[Neighbour, ...]
    own: tuple[SiteNeighbour, ...]
    measures: Measures | None


def render_similar(image: DistantImage, answer: Assessment) -> None:
    """Draw the proven cases beside one film.

    Parameters
    ----------
    image : DistantImage
    answer : Assessment
        The network's answer to it; names the model.
    """
    with in_words():
        name = answer.model.name if answer.model else ""
        explainer, reference = reference_cases.explainer_and_reference(name)
        if reference is None:
            st.info(_("This model came without reference cases to compare an image with."))
            return
        label = _("Looking for similar cases \u2026")
        work = _work(image, explainer, reference, resources.repository())
        cases = reference_cases.work_out(_SLOT, label, image, explainer, answer, work)
        if cases is not None:
            _render_training(cases, reference, explainer.card)
            _render_own(cases.own, image.instance, explainer.card)


def _work(
    image: DistantImage, explainer: Explainer, reference: Reference, repository: Repository
) -> Callable[[Subject], SimilarCases]:
    def work(subject: Subject) -> SimilarCases:
        classifier, study = explainer.classifier, image.instance.identity.study_instance_uid
        return SimilarCases(
            similar(explainer, subject, reference, COUNTED),
            site_similar(classifier, subject, reference, repository, beside=study, k=SHOWN),
            measure(subject, classifier.regions(image.luminance_values(0))),
        )

    return work


def _render_training(cases: SimilarCases, reference: Reference, card: ModelCard) -> None:
    """The nearest training films as numbers and labels."""
    nearest, shown = cases.neighbours[0], cases.neighbours[:SHOWN]
    if nearest.itself:
        st.warning(
            _(
                "This very image is one of the training images. The AI has learned its answer, "
                "so the score proves nothing here."
            )
        )
    elif not nearest.close:
        st.warning(
            _(
                "No close case: the nearest training image is further away than {percent} % "
                "of the validation images found theirs. What follows says little about this "
                "image."
            ).format(percent=f"{FAR:g}")
        )
    st.markdown(f"**{_count_labels(cases.neighbours)}**")
    title = _("The nearest training images")
    rows = [_row(at, n, card) for at, n in enumerate(shown, 1)]
    st.table(rows, hide_index=True, alt=title)
    with st.expander(_("Their measures")):
        table = [_measures(name, cases.measures, [n.case for n in shown]) for name in CONCEPTS]
        st.table(table, hide_index=True, alt=_("Their measures"))
    _render_source(reference, card)


def _count_labels(neighbours: Sequence[Neighbour]) -> str:
    counts = (f"{count} {_(label)}" for label, count in label_counts(neighbours).items())
    return _(
        "Labels of the {count} nearest training images, each of another patient: {counts}."
    ).format(count=len(neighbours), counts=", ".join(counts))


def _row(number: int, neighbour: Neighbour, card: ModelCard) -> dict[str, str]:
    lead, case = card.findings[0], neighbour.case
    score = sum(case.probabilities[member] for member in lead.members)
    return {
        _("Training image"): str(number),
        _("True label"): _(case.label),
        _("AI score for {finding} (threshold {point})").format(
            finding=labels.within(_(lead.label)), point=labels.percent(lead.operating_point)
        ): measure_labels.cell(score),
        _("Distance"): f"{neighbour.distance:.2f}",
    }


def _measures(name: str, own: Measures | None, others: Sequence[ReferenceCase]) -> dict[str, str]:
    """A row with one measure of this film and of its neighbours."""
    columns = {_("This image"): own}
    for at, other in enumerate(others, 1):
        columns[_("Training image {number}").format(number=at)] = other.measures
    values = {
        column: measure_labels.value(name, measures[name]) if measures else labels.NOTHING
        for column, measures in columns.items()
    }
    return {_("Measure"): measure_labels.measure_words()[name].label, **values}


def _render_source(reference: Reference, card: ModelCard) -> None:
    """Where the cases come from, how they were labelled, and what to make of it."""
    data = reference.facts["data"]
    st.caption(
        _(
            "Of {films} training images of {patients} patients. Their diagnoses are the "
            "published ones: {citation} {licence}. The AI learned from these images, so it "
            "scores them better than new ones. Near means alike to the AI, not always to a "
            "doctor."
        ).format(
            films=reference.facts["films"],
            patients=reference.facts["patients"],
            citation=data["citation"],
            licence=data["licence"],
        )
    )
    st.caption(network_answer.model_line(card.identity))


def _render_own(own: Sequence[SiteNeighbour], instance: Instance, card: ModelCard) -> None:
    """The site's own signed cases with their pictures, and the button that adds this one."""
    st.markdown(f"**{_('Our own signed cases')}**")
    if not own:
        st.caption(_("None yet, besides this study. A signed study can be added here."))
    shown = [neighbour.instance.identity.study_instance_uid for neighbour in own[:SHOWN]]
    sights.note_views(shown, sights.SIMILAR)
    for column, neighbour in zip(st.columns(SHOWN), own, strict=False):
        with column:
            _render_case(neighbour)
    _render_keep(instance, card)


def _render_case(neighbour: SiteNeighbour) -> None:
    """Picture, call, who made it and the distance of one case; the way to its study."""
    proof, identity = neighbour.proof, neighbour.instance.identity
    picture = _picture(neighbour)
    lines = [
        labels.presence(labels.concept(proof.code), proof.present),
        _("Outcome: {source}").format(source=proof.source) if proof.source else proof.reader,
        _("Distance {distance}").format(distance=f"{neighbour.distance:.2f}"),
        "" if neighbour.close else _("not close"),
    ]
    captions = "".join(f'<div class="lb-small">{escape(line)}</div>' for line in lines if line)
    image = f'<img src="{picture}" alt="" style="width:100%;background:#000">' if picture else ""
    st.html(image + captions)
    if st.button(_("Open"), key=f"case-{identity.sop_instance_uid}"):
        navigation.open_study(identity.study_instance_uid)


def _picture(neighbour: SiteNeighbour) -> str:
    """Its picture (data URI); empty where its original is gone or was altered."""
    try:
        return session.picture(
            ("case", neighbour.instance.identity.sha256),
            lambda: _thumbnail(resources.repository(), neighbour.instance),
        )
    except AssistantError:
        return ""


def _thumbnail(repository: Repository, instance: Instance) -> str:
    return data_uri(read_original(repository, instance).small_picture(_THUMB))


@only(Right.REFERENCE)
def _render_keep(instance: Instance, card: ModelCard) -> None:
    """Add this study to the site's cases, or take it out again."""
    uid = instance.identity.study_instance_uid
    repository = resources.repository()
    kept = {case.study_instance_uid for case in repository.cases.all(card.weights_sha256)}
    if uid in kept:
        st.button(_("Remove from our reference cases"), on_click=_remove, args=(uid,))
    elif repository.studies.get(uid).final is not None:
        st.button(_("Add to our reference cases"), on_click=_add, args=(uid,))


@deed(Right.REFERENCE)
def _add(uid: str) -> None:
    try:
        add_study(
            resources.explainers(), resources.repository(), uid, account=session.account().name
        )
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
        return
    session.leave_notice("success", _("This study is one of our reference cases now."))


@deed(Right.REFERENCE)
def _remove(uid: str) -> None:
    resources.repository().cases.remove(uid, account=session.account().name)
    session.leave_notice("success", _("This study is no reference case any more."))
