"""Earlier films that may be the patient's or not: named with the difference, shown on request."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from imaging.priors import DoubtfulPrior
from imaging.study import StudyRecord
from pages.ui import labels, patient_banner
from pages.ui.audit import sights
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext
from pages.ui.review import hanging_protocol
from pages.ui.review.hanging_protocol import Prior


def render_choice(record: StudyRecord, doubtful: Sequence[DoubtfulPrior]) -> list[Prior]:
    """Draw what may be earlier films of the patient, each to be ticked; returns what is."""
    if not doubtful:
        return []
    uid, shown = record.study_instance_uid, []
    sights.note_list([one.record.study_instance_uid for one in doubtful], "doubtful priors")
    label = ngettext(
        "{count} earlier study may be this patient's",
        "{count} earlier studies may be this patient's",
        len(doubtful),
    ).format(count=len(doubtful))
    with st.popover(label, key=f"doubtful-{uid}"):
        st.caption(_("Not shown unless you ask: compare the identities first."))
        for one in doubtful:
            words = patient_banner.difference(one.comparison, record.patient, one.record.patient)
            other = one.record.study_instance_uid
            if st.checkbox(
                plain(_line(one.record, words)),
                key=f"doubtful-{uid}-{other}",
                on_change=hanging_protocol.want_prior,
                args=(uid,),
            ):
                sights.note_views([other], sights.PRIOR)
                shown.append(Prior(one.record, words))
    return shown


def _line(record: StudyRecord, words: str) -> str:
    """Date and kind of a study, and how its patient differs."""
    taken = record.instances[0].acquisition
    what = " ".join(part for part in (labels.date(taken.study_date), taken.modality) if part)
    return f"{what} \u00b7 {words}"
