"""The receipt under a map, which says whether it can be believed.

Faithfulness, stability, agreement of methods and place are measured, and `verdict` follows from
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.explain.base.subject import Subject
from models.explain.checks.agreement import TOP, Agreement, agree
from models.explain.checks.faithfulness import Faithfulness, faithfulness
from models.explain.checks.location import Place, place
from models.explain.checks.stability import CHANGES, Stability, stability
from models.explain.checks.verdict import Measures, Verdict, VerdictRule, installed_rule, judge
from models.explain.methods.explainer import Attribution, Explainer
from models.explain.methods.registry import METHODS

COMPARED = ("fused", "grad_cam", "grad_cam_fine")  # quick, and unlike each other
OTHERS = 2  # of them, beside the map's own method
COMPLETE = ("integrated_gradients",)  # methods whose pixels should add up to the answer

OnProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Receipt:
    """Measurements of one map, and the verdict.

    Attributes
    ----------
    method, target : str
        Of the map.
    faithfulness : Faithfulness
    stability : Stability or None
        None for a slow method: making its map five times more would keep the reader waiting.
    agreement : dict of str to Agreement
        With the maps of other methods, by their keys.
    place : Place or None
        None for a map without positive evidence.
    completeness : float or None
        How far the map's sum is from the change it should explain, as a share of that change;
        None for methods that promise nothing (Sundararajan et al., ICML 2017).
    rule : VerdictRule
    verdict : Verdict
    """

    method: str
    target: str
    faithfulness: Faithfulness
    stability: Stability | None
    agreement: dict[str, Agreement]
    place: Place | None
    completeness: float | None
    rule: VerdictRule
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with every figure beside what chance gives."""
        test = self.faithfulness
        deletion, insertion, random = test.probabilities()
        return {
            "method": self.method,
            "target": self.target,
            "verdict": self.verdict.name,
            "reasons": list(self.verdict.reasons),
            "faithfulness": {
                "deletion": test.deletion,
                "insertion": test.insertion,
                "random": test.random,
                "gain": test.gain,
                "relative_gain": test.relative,
                "random_gain": 0.0,
                "one_random_gain": test.chance,
                "infidelity": test.infidelity,
                "probability": {"deletion": deletion, "insertion": insertion, "random": random},
            },
            "stability": _stability_to_json(self.stability),
            "agreement": {name: asdict(other) for name, other in self.agreement.items()},
            "random_agreement": {"correlation": 0.0, "overlap": TOP},
            "place": asdict(self.place) if self.place else None,
            "completeness_error": self.completeness,
            "rule": self.rule.as_dict(),
        }


def make_receipt(
    explainer: Explainer,
    subject: Subject,
    attribution: Attribution,
    *,
    lungs: NDArray[np.float32] | None = None,
    rule: VerdictRule | None = None,
    on_progress: OnProgress | None = None,
) -> Receipt:
    """Test one map.

    Parameters
    ----------
    explainer : Explainer
        The explainer that made the map.
    subject : Subject
        The film the map is of.
    attribution : Attribution
    lungs : numpy.ndarray, optional
        (rows, columns) in [0, 1], probability of lung over the whole film; by default what the
        localiser saw when the film was looked at.
    rule : VerdictRule, optional
        By default that of the installed model.
    on_progress : callable, optional
        Gets the share of the work done, in [0, 1]; what it raises stops the work.

    Notes
    -----
    The whole costs less than 40 forwards of one film (`bench/explain.py`).
    """
    report = on_progress or _ignore_progress
    report(0.0)
    test = faithfulness(explainer, subject, attribution)
    report(0.4)
    agreements = agreement(explainer, subject, [attribution])[0]
    report(0.5)
    steadiness = None
    if not METHODS[attribution.method].slow:
        steadiness = stability(
            explainer, subject, attribution, on_progress=lambda done: report(0.5 + done / 2)
        )
    shares = place(attribution.inner, subject, subject.region if lungs is None else lungs)
    error = _completeness_error(attribution, test)
    used_rule = rule or installed_rule(explainer.card)
    measures = Measures(
        gain=test.relative,
        stability=steadiness.correlation if steadiness else None,
        agreement=max(other.correlation for other in agreements.values()),
        incomplete=error,
        empty=not attribution.inner.any(),
        **_excess_shares(shares),
    )
    report(1.0)
    return Receipt(
        attribution.method,
        attribution.target,
        test,
        steadiness,
        agreements,
        shares,
        error,
        used_rule,
        judge(measures, used_rule),
    )


def agreement(
    explainer: Explainer, subject: Subject, attributions: Sequence[Attribution]
) -> list[dict[str, Agreement]]:
    """Compare maps of one film, method and target with those of `OTHERS` other, quick methods."""
    first = attributions[0]
    names = [name for name in COMPARED if name != first.method][:OTHERS]
    inners = {n: explainer.attribute(subject, first.target, n).inner for n in names}
    return [{name: agree(a.inner, inner) for name, inner in inners.items()} for a in attributions]


def _completeness_error(attribution: Attribution, test: Faithfulness) -> float | None:
    change = test.film - test.blur
    if attribution.method not in COMPLETE or abs(change) < 1e-3:
        return None
    return abs(float(attribution.inner.sum(dtype=np.float64)) - change) / abs(change)


def _excess_shares(shares: Place | None) -> dict[str, float | None]:
    """Shares of the evidence less those of the view; turned round for the lungs."""
    if shares is None:
        return {}
    lungs, markers = shares.lungs, shares.markers
    return {
        "outside": lungs.uniform - lungs.map if lungs else None,
        "marked": markers.map - markers.uniform if markers else None,
        "border": shares.border.map - shares.border.uniform,
    }


def _stability_to_json(result: Stability | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "correlation": result.correlation,
        "overlap": result.overlap,
        "max_sensitivity": result.sensitivity,
        "changes": {
            change.label: asdict(agreement_)
            for change, agreement_ in zip(CHANGES, result.each, strict=True)
        },
    }


def _ignore_progress(_done: float) -> None:
    """Nobody watches."""
