"""The report as it will be printed: looked at before signing, and what the browser prints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from imaging.decoding import DistantImage
from imaging.delivery.study import make_case
from imaging.entities import Assessment, Patient
from imaging.export import AttributionMap
from imaging.export.report import Report, report_of
from imaging.export.study.page import STYLE, fragment
from imaging.review.rights import Right
from imaging.study import StudyRecord
from models.explain.checks.whereabouts import patient_place
from models.explain.methods.registry import METHODS
from pages.ui import labels, session
from pages.ui.deeds import only
from pages.ui.explain import receipt_tasks
from pages.ui.explain.overlay import Choice
from pages.ui.i18n import _

Maps = tuple[AttributionMap, ...]


def tested_map(
    image: DistantImage | None, answer: Assessment | None, choice: Choice | None
) -> Maps:
    """What a report says of the map on the wall: its verdict, once it was tested; no picture."""
    if image is None or choice is None or answer is None or answer.model is None:
        return ()
    receipt = receipt_tasks.known_receipt(image, choice)
    if receipt is None:
        return ()
    orientation = image.instance.acquisition.patient_orientation
    return (
        AttributionMap(
            sop_instance_uid=image.instance.identity.sop_instance_uid,
            frame=0,
            values=np.zeros((1, 1), np.float32),
            limit=1.0,
            method=METHODS[receipt.method].label,
            target=receipt.target,
            seen=(0.0, 0.0, 1.0, 1.0),
            model=answer.model,
            verdict=receipt.verdict.name,
            reasons=receipt.verdict.reasons,
            place=patient_place(receipt.where.place, orientation) if receipt.where else "",
        ),
    )


def report(record: StudyRecord, maps: Maps = ()) -> Report:
    """The report of what is on screen, a draft too; who it is of is hidden where that is asked."""
    made = report_of(make_case(record, {}, maps=maps, drawn=False, review=record.review))
    if not session.identity_hidden():
        return made
    shown = Patient(
        name=labels.HIDDEN,
        patient_id=labels.HIDDEN,
        sex=made.patient.sex,
        age_years=made.patient.age_years,
    )
    taken = replace(made.acquisition, accession_number="")
    return replace(made, patient=shown, acquisition=taken, study_instance_uid="", typed=())


@only(Right.FINDINGS)
def render_preview(record: StudyRecord, maps: Maps) -> None:
    """Draw the button that shows the page as it will be printed."""
    with st.popover(_("Preview"), key="preview", help=_("The report as it will be printed")):
        st.html(f"<style>{STYLE}</style>{fragment(report(record, maps), _)}")


@only(Right.FINDINGS)
def render_printed(record: StudyRecord, maps: Maps) -> None:
    """Put the report on the page for the browser to print; on the screen it is not seen."""
    with st.container(key="print-report"):
        st.html(f"<style>{STYLE}</style>{fragment(report(record, maps), _)}")


def render_not_printed() -> None:
    """Say on paper why nothing is printed: this reader has not read it yet, or may not."""
    with st.container(key="print-report"):
        st.html(f"<p>{_('There is no report to print here yet. Read the study first.')}</p>")
