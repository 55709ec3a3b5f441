"""Measures of a film beside those of the training films, and what the score goes with."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from imaging.decoding import DistantImage
from imaging.entities import Assessment
from models.explain.base.lung_measures import LungMeasures, Measures, measure
from models.explain.base.subject import Subject
from models.explain.cases.reference import Reference
from pages.ui import network_answer
from pages.ui.explain import measure_labels, reference_cases
from pages.ui.i18n import _
from pages.ui.messages import in_words


def render_concepts(image: DistantImage, answer: Assessment) -> None:
    """Draw the measures of one film.

    Parameters
    ----------
    image : DistantImage
    answer : Assessment
        The network's answer to it; names the model.
    """
    with in_words():
        _render(image, answer)


def _render(image: DistantImage, answer: Assessment) -> None:
    explainer, reference = reference_cases.explainer_and_reference(
        answer.model.name if answer.model else ""
    )
    if reference is None:
        st.info(_("This model came without reference cases to compare an image with."))
        return

    def work(subject: Subject) -> tuple[Measures | None]:
        return (measure(subject, explainer.classifier.regions(image.luminance_values(0))),)

    label = _("Measuring the image \u2026")
    result = reference_cases.work_out("concepts", label, image, explainer, answer, work)
    if result is None:
        return
    if result[0] is None:
        st.info(_("Both lungs are not surely seen in this image, so nothing is measured."))
        return
    readings = {reading.name: reading for reading in reference.readings(result[0])}
    _render_remarks(readings)
    with st.expander(_("All measures")):
        for title, names in measure_labels.groups().items():
            st.markdown(f"**{title}**")
            st.table([_row(readings[name]) for name in names], hide_index=True, alt=title)
        _render_notes(reference)
    st.caption(network_answer.model_line(explainer.card.identity))


def _render_remarks(readings: Mapping[str, LungMeasures]) -> None:
    """Say in sentences what stands out."""
    outlying = [reading for reading in readings.values() if reading.outlying]
    if outlying:
        remarks = "\n".join(f"- {measure_labels.remark(reading)}" for reading in outlying)
        st.warning(remarks, icon=":material/straighten:")
    else:
        st.caption(_("No measure stands out from the training images."))


def _row(reading: LungMeasures) -> dict[str, str]:
    link = reading.link
    return {
        _("Measure"): measure_labels.measure_words()[reading.name].label,
        _("This image"): measure_labels.value(reading.name, reading.value),
        _("Training images below"): measure_labels.cell(reading.percentile / 100),
        _("Correlation with the score"): measure_labels.figure(link.score) if link else "",
        _("Correlation with the true label"): measure_labels.figure(link.truth) if link else "",
        _("Correlation with the score, same label"): measure_labels.figure(link.within)
        if link
        else "",
    }


def _render_notes(reference: Reference) -> None:
    """Explain the columns."""
    st.caption(
        _(
            "Rank correlations (Spearman) over {films} validation images, with 95 % intervals over "
            "patients. Where the score goes with a measure among images of the same diagnosis, "
            "something else ties them: how severe the disease is, or how the image was taken. "
            "Sides are the patient's."
        ).format(films=reference.facts["validation_films"])
    )
