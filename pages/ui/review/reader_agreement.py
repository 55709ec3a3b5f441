"""The statistics panel: agreement, kappa with its interval, and changes of mind."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from imaging.review.agreement import MINIMUM_CASES, Agreement, Flips, Kappa, Share
from pages.ui import labels
from pages.ui.i18n import _


def render_agreement(columns: Mapping[str, Agreement]) -> None:
    """One column of figures per group of readers."""
    figures = {
        _("First reads"): lambda a: str(a.reads),
        _("... where the AI gave a firm answer"): lambda a: str(a.compared),
        _("First read agrees with the AI"): lambda a: _share(a.first_with_network),
        _("Cohen's kappa (95 % interval)"): lambda a: _kappa(a.kappa),
        _("Signed finding agrees with the AI"): lambda a: _share(a.final_with_network),
        _("Signed in other terms than the AI's"): lambda a: str(a.restated),
        _("Median time to the first read"): lambda a: _seconds(a.median_seconds),
    }
    rows = [
        {_("Figure"): name, **{who: figure(agreement) for who, agreement in columns.items()}}
        for name, figure in figures.items()
    ]
    st.table(rows, hide_index=True, alt=_("Agreement"))
    st.caption(_("Shown after {count} cases.").format(count=MINIMUM_CASES))


def render_flips(agreement: Agreement) -> None:
    """How often the network moved a reader, and whether it was right to."""
    st.subheader(_("Changed decisions"), anchor=False)
    rows = [
        _flip_row(_("Towards the AI"), agreement.towards),
        _flip_row(_("Away from the AI"), agreement.away),
    ]
    st.table(rows, hide_index=True, alt=_("Changed decisions"))
    st.caption(
        _(
            "Whether the AI was right is known where the study's outcome was entered "
            "(follow-up, CT, panel). Ask whoever runs Lightbox to enter it (cli.py truth)."
        )
    )


def _flip_row(name: str, flips: Flips) -> dict[str, str]:
    return {
        _("Change"): name,
        _("AI right"): _share(flips.network_right),
        _("AI wrong"): _share(flips.network_wrong),
        _("Outcome unknown"): _share(flips.unknown),
    }


def _share(share: Share) -> str:
    """A count of a total, and its percentage."""
    if share.value is None:
        return labels.NOTHING
    return _("{count} of {total} ({percent} %)").format(
        count=share.count, total=share.total, percent=round(100 * share.value)
    )


def _kappa(kappa: Kappa | None) -> str:
    if kappa is None:
        return labels.NOTHING
    if kappa.low is None or kappa.high is None:
        return f"{kappa.value:.2f}"
    return f"{kappa.value:.2f} ({kappa.low:.2f} \u2013 {kappa.high:.2f})"


def _seconds(seconds: float | None) -> str:
    return labels.NOTHING if seconds is None else _("{seconds} s").format(seconds=round(seconds))
