"""The receipt under a map: whether to believe it, and every figure that says so."""

from __future__ import annotations

import streamlit as st

from imaging.decoding import DistantImage
from imaging.review.rights import Right
from models.explain.checks.agreement import TOP
from models.explain.checks.receipt import Receipt
from models.explain.checks.verdict import VerdictRule
from pages.ui import background, labels, network_answer, poll, resources
from pages.ui.deeds import fragment
from pages.ui.explain import receipt_tasks
from pages.ui.explain.overlay import SPREAD, Choice, method_label, target_label
from pages.ui.explain.receipt_tasks import Proof
from pages.ui.explain.verdict_line import ICONS, verdict_label
from pages.ui.i18n import _, sentence
from pages.ui.messages import in_words

Row = tuple[str, str, str, str]  # what, this map, by chance, what it means


@fragment(Right.FINDINGS)
def render_receipt(image: DistantImage, choice: Choice) -> None:
    """Draw the verdict on a map, the figures behind it and the rule.

    They are worked out in the background after the map; the page does not wait for them.

    Parameters
    ----------
    image : DistantImage
        The film whose first frame is explained.
    choice : Choice
        What is asked of which model; its map is on the wall.
    """
    if choice.method == SPREAD:
        st.caption(
            _("This map shows where the models differ. It is no explanation, so it is not tested.")
        )
        return
    with in_words():
        proof = receipt_tasks.proof(image, choice)
        if proof.receipt is None:
            _render_wait(proof)
        else:
            _render_verdict(proof.receipt, choice)
            _render_table(proof.receipt)
            _render_rule(proof.receipt)


def _render_wait(proof: Proof) -> None:
    """How far the work has come, with a way to stop it and to begin again."""
    slot = receipt_tasks.slot()
    if proof.stopped:
        st.caption(_("Stopped: nothing is known about how far this map can be believed."))
        st.button(
            _("Test again"), key="receipt-again", on_click=background.begin_anew, args=(slot,)
        )
    elif proof.awaits_map:
        st.caption(_("The map's tests run once the map is there."))
    else:
        bar, button = st.columns([6, 1], vertical_alignment="center")
        bar.progress(proof.progress or 0.0, text=_("Testing the map \u2026"))
        button.button(_("Stop"), key="receipt-stop", on_click=background.stop, args=(slot,))
        poll.beat("receipt")


def _render_verdict(receipt: Receipt, choice: Choice) -> None:
    icon, tint = ICONS[receipt.verdict.name]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(verdict_label(receipt.verdict.name), icon=icon, color=tint)  # type: ignore[arg-type]
        st.caption(
            _("{method}, {target}. {model}").format(
                method=method_label(receipt.method),
                target=target_label(choice.model, receipt.target),
                model=network_answer.model_line(resources.card(choice.model).identity),
            ),
            width="stretch",
        )
    reasons = receipt.verdict.reasons or (
        _("The answer depends on the marked area, and the map is stable."),
    )
    st.markdown("\n".join(f"- {sentence(reason)}" for reason in reasons))


def _render_table(receipt: Receipt) -> None:
    rows = [
        *_faithfulness_rows(receipt),
        *_stability_rows(receipt),
        *_film_rows(receipt),
        *_agreement_rows(receipt),
        *_place_rows(receipt),
    ]
    heads = (_("Test"), _("This map"), _("By chance"), _("What it means"))
    st.table([dict(zip(heads, row, strict=True)) for row in rows], hide_index=True)


def _faithfulness_rows(receipt: Receipt) -> list[Row]:
    test = receipt.faithfulness
    if not test.informative:
        meaning = _("With all of it removed, the finding is still suspected.")
        return [(_("Marked area removed"), _("not informative"), "", meaning)]
    chance = f"{test.random:+.1f}"
    rows = [
        (
            _("Marked area removed"),
            f"{test.deletion:+.1f}",
            chance,
            _("Log-odds left on average; lower is better: the answer goes when the area goes."),
        ),
        (
            _("Marked area kept alone"),
            f"{test.insertion:+.1f}",
            chance,
            _("Log-odds reached on average; higher is better: the answer comes with the area."),
        ),
        (
            _("Effect on score"),
            f"{test.relative:+.2f}",
            f"{0:+.2f}",
            _("Difference of these two, as a share of how far the answer moves at all."),
        ),
    ]
    infidelity = _("Share of the answer's changes that the map does not explain (infidelity).")
    rows.append((_("Unexplained share"), labels.percent(test.infidelity), "", infidelity))
    if receipt.completeness is not None:
        meaning = _("How far the map's sum misses the change of the answer it explains.")
        rows.append((_("Missing from the sum"), labels.percent(receipt.completeness), "", meaning))
    return rows


def _stability_rows(receipt: Receipt) -> list[Row]:
    name = _("Stability")
    meaning = _(
        "Lowest rank correlation with the map after noise, a shift by one pixel, uneven "
        "exposure and a rotation by one degree; 1 is the same map."
    )
    if receipt.stability is None:
        return [(name, _("not measured"), "", _("The method is too slow to be run five times."))]
    return [
        (name, f"{receipt.stability.correlation:+.2f}", f"{0:+.2f}", meaning),
        (
            _("Strongest areas after small changes"),
            labels.percent(receipt.stability.overlap),
            labels.percent(TOP),
            _("Share of the map's strongest tenth that stays the strongest tenth, at worst."),
        ),
    ]


def _film_rows(receipt: Receipt) -> list[Row]:
    """Whether the map is of this film: it turns with it, and is not every film's map."""
    rows = []
    if receipt.mirror is not None:
        meaning = _(
            "Rank correlation with the map of the mirrored image, mirrored back; a map that "
            "stays on its side of the picture has about zero or less."
        )
        value = f"{receipt.mirror.correlation:+.2f}"
        rows.append((_("Follows a mirrored image"), value, f"{0:+.2f}", meaning))
    if receipt.own is not None:
        meaning = _("Share of the map that is left when the mean map of many images is taken out.")
        rows.append((_("This image's own share"), labels.percent(receipt.own), "", meaning))
    return rows


def _agreement_rows(receipt: Receipt) -> list[Row]:
    meaning = _(
        "Rank correlation with the other map, and how much of the strongest tenth is shared."
    )
    return [
        (
            _("Agrees with {method}").format(method=method_label(name)),
            f"{other.correlation:+.2f}, {labels.percent(other.overlap)}",
            f"{0:+.2f}, {labels.percent(TOP)}",
            meaning,
        )
        for name, other in receipt.agreement.items()
    ]


def _place_rows(receipt: Receipt) -> list[Row]:
    if receipt.place is None:
        return []
    named = (
        (receipt.place.lungs, _("Evidence in the lungs"), _("no lungs surely seen")),
        (receipt.place.border, _("Evidence at the border"), ""),
        (receipt.place.markers, _("Evidence on letters and markers"), _("no letters seen")),
    )
    meaning = _("Share of the evidence for the answer; by chance, the area's share of the view.")
    return [
        (name, labels.percent(share.map), labels.percent(share.uniform), meaning)
        if share is not None
        else (name, _("not measured"), "", missing)
        for share, name, missing in named
    ]


def _render_rule(receipt: Receipt) -> None:
    with st.expander(_("The rule")):
        st.markdown(rule_words(receipt.rule))
        if not receipt.faithfulness.informative:
            return
        deletion, insertion, random = receipt.faithfulness.probabilities()
        st.caption(
            _(
                "In probability: {deletion} with the marked area removed, {insertion} with "
                "it kept alone, {random} in random order. Probability hardly moves where the "
                "answer is certain, so the rule uses log-odds."
            ).format(
                deletion=labels.percent(deletion),
                insertion=labels.percent(insertion),
                random=labels.percent(random),
            )
        )


def rule_words(rule: VerdictRule) -> str:
    """The rule with its limits, in Markdown."""
    lines = (
        _(
            "**Not reliable**: effect on score below {gain}, stability below {stable}, "
            "mirrored image below {turns}, or less than {own} of it this image's own."
        ),
        _(
            "**Weak**: effect on score below {good} or not testable, stability below "
            "{steady} or not measured, mirrored image below {turns_well}, less than "
            "{own_well} this image's own, a method that misses planted disease, a finding "
            "below its threshold, lungs not found, a patient unlike those studied, evidence "
            "on a side where other kinds of method see none, agreement with all of them "
            "below {agree}, less of the evidence in the lungs than their share of the view, "
            "{marked} more on written letters or {border} more at the border than their "
            "share, or a map that misses its sum by more than {sum}."
        ),
        _("**Well supported**: none of these."),
        _(
            "The limits are those at which most maps known to be wrong are found out on "
            "training images: other images' maps, mirrored and mean maps, random shapes, "
            "maps of an untrained model."
        )
        if rule.calibrated
        else _(
            "The limits are careful guesses: nobody has yet tried them on images of this model."
        ),
    )
    values = {
        "gain": f"{rule.least_gain:.2f}",
        "good": f"{rule.good_gain:.2f}",
        "stable": f"{rule.least_stability:.2f}",
        "steady": f"{rule.good_stability:.2f}",
        "turns": f"{rule.least_mirror:.2f}",
        "turns_well": f"{rule.good_mirror:.2f}",
        "own": labels.percent(rule.least_own),
        "own_well": labels.percent(rule.good_own),
        "agree": f"{rule.least_agreement:.2f}",
        "marked": labels.percent(rule.most_marked),
        "border": labels.percent(rule.most_border),
        "sum": labels.percent(rule.most_incomplete),
    }
    return "\n".join(f"- {line.format(**values)}" for line in lines)
