"""The report as it will be printed: looked at before signing, and what the browser prints."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from imaging.delivery.study import make_case
from imaging.entities import Patient
from imaging.export.report import Report, report_of
from imaging.export.study.page import STYLE, fragment
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels, session
from pages.ui.deeds import only
from pages.ui.i18n import _


def report(record: StudyRecord) -> Report:
    """The report of what is on screen, a draft too; who it is of is hidden where that is asked."""
    made = report_of(make_case(record, {}, drawn=False, review=record.review))
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
def render_preview(record: StudyRecord) -> None:
    """Draw the button that shows the page as it will be printed."""
    with st.popover(_("Preview"), key="preview", help=_("The report as it will be printed")):
        st.html(f"<style>{STYLE}</style>{fragment(report(record), _)}")


@only(Right.FINDINGS)
def render_printed(record: StudyRecord) -> None:
    """Put the report on the page for the browser to print; on the screen it is not seen."""
    with st.container(key="print-report"):
        st.html(f"<style>{STYLE}</style>{fragment(report(record), _)}")


def render_not_printed() -> None:
    """Say on paper why nothing is printed: this reader has not read it yet, or may not."""
    with st.container(key="print-report"):
        st.html(f"<p>{_('There is no report to print here yet. Read the study first.')}</p>")
