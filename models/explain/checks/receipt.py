"""The receipt under a map, which says whether it can be believed.

Faithfulness, stability, agreement of methods and place are measured, and `verdict` follows from
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.explain.base.baselines import blur
from models.explain.base.lung_measures import Lungs, find_lungs
from models.explain.base.subject import Subject
from models.explain.checks.agreement import TOP, Agreement, agree
from models.explain.checks.constant import own_share
from models.explain.checks.faithfulness import Faithfulness, faithfulness
from models.explain.checks.location import Place, place
from models.explain.checks.mirror import mirror_agreement
from models.explain.checks.stability import CHANGES, Stability, stability
from models.explain.checks.verdict import Measures, Verdict, VerdictRule, installed_rule, judge
from models.explain.checks.whereabouts import Whereabouts, find_evidence
from models.explain.methods.explainer import Attribution, Explainer
from models.explain.methods.registry import METHODS

COMPARED = ("evidence", "fused", "lung_fields")  # quick, each of a kind of its own
COMPLETE = ("integrated_gradients",)  # methods whose pixels should add up to the answer

ONE_SIDED = 0.75  # share of the lungs' evidence from which a map names a side

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
    mirror : Agreement or None
        With the map of the mirrored film, mirrored back; None for a slow method.
    own : float or None
        Share of the map that is not the mean map of many films; None where that is not stored.
    agreement : dict of str to Agreement
        With the maps of methods of other kinds, by their keys.
    place : Place or None
        None for a map without positive evidence.
    where : Whereabouts or None
        Where the evidence lies, in words; None without any, or without lungs surely seen.
    completeness : float or None
        How far the map's sum is from the change it should explain, as a share of that change;
        None for methods that promise nothing (Sundararajan et al., ICML 2017).
    measures : Measures
        What the verdict looks at.
    rule : VerdictRule
    verdict : Verdict
    """

    method: str
    target: str
    faithfulness: Faithfulness
    stability: Stability | None
    mirror: Agreement | None
    own: float | None
    agreement: dict[str, Agreement]
    place: Place | None
    where: Whereabouts | None
    completeness: float | None
    measures: Measures
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
                "informative": test.informative,
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
            "mirror": asdict(self.mirror) if self.mirror else None,
            "own_share": self.own,
            "agreement": {name: asdict(other) for name, other in self.agreement.items()},
            "random_agreement": {"correlation": 0.0, "overlap": TOP},
            "place": asdict(self.place) if self.place else None,
            "where": {"place": self.where.place, "shares": dict(self.where.shares)}
            if self.where
            else None,
            "completeness_error": self.completeness,
            "rule": self.rule.limits(),
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
    The whole costs less than 50 forwards of one film (`bench/explain.py`).
    """
    report = on_progress or _ignore_progress
    report(0.0)
    used_rule = rule or installed_rule(explainer.card)
    test = faithfulness(explainer, subject, attribution)
    report(0.35)
    others = other_kinds(explainer, subject, attribution)
    agreements = {name: agree(attribution.inner, inner) for name, inner in others.items()}
    report(0.45)
    steadiness = turned = None
    if not METHODS[attribution.method].slow:
        turned = mirror_agreement(explainer, subject, attribution)
        steadiness = stability(
            explainer, subject, attribution, on_progress=lambda done: report(0.5 + done / 2)
        )
    shares = place(attribution.inner, subject, subject.region if lungs is None else lungs)
    error = _completeness_error(explainer, subject, attribution)
    mean = used_rule.mean_maps.get(attribution.method)
    own = None if mean is None else own_share(attribution.inner, np.array(mean))
    measures = Measures(
        gain=test.relative if test.informative else None,
        stability=steadiness.correlation if steadiness else None,
        mirror=turned.correlation if turned else None,
        own=own,
        blind=attribution.method in used_rule.blind,
        same_side=_is_same_side(attribution.inner, list(others.values()), subject),
        called=_is_called(explainer, subject, attribution.target),
        agreement=max((o.correlation for o in agreements.values()), default=None),
        incomplete=error,
        empty=not attribution.inner.any(),
        lungs_seen=subject.region is None or find_lungs(subject.region, subject) is not None,
        studied=subject.studied,
        **_excess_shares(shares),
    )
    report(1.0)
    return Receipt(
        attribution.method,
        attribution.target,
        test,
        steadiness,
        turned,
        own,
        agreements,
        shares,
        find_evidence(attribution, subject),
        error,
        measures,
        used_rule,
        judge(measures, used_rule),
    )


def other_kinds(
    explainer: Explainer, subject: Subject, attribution: Attribution
) -> dict[str, NDArray[np.float32]]:
    """Maps of the same film and target by quick methods that know it in another way."""
    kind = METHODS[attribution.method].kind
    names = [n for n in COMPARED if n in explainer.methods and METHODS[n].kind != kind]
    return {n: explainer.attribute(subject, attribution.target, n).inner for n in names}


def _is_same_side(
    inner: NDArray[np.floating], others: Sequence[NDArray[np.floating]], subject: Subject
) -> bool | None:
    """False where a one-sided map meets no other map that sees most evidence on its side.

    None where the evidence lies in both lungs, or the lungs are not surely seen.
    """
    lungs = find_lungs(subject.region, subject)
    if lungs is None or not others:
        return None
    share = _share_on_right(inner, lungs)
    if share is None or 1 - ONE_SIDED < share < ONE_SIDED:
        return None
    shares = [_share_on_right(other, lungs) for other in others]
    return any(s is not None and (s > 0.5) == (share > 0.5) for s in shares)


def _share_on_right(inner: NDArray[np.floating], lungs: Lungs) -> float | None:
    """Share of the lungs' positive evidence that lies in the patient's right one."""
    positive = np.clip(inner, 0, None)
    total = float(positive[lungs.both].sum())
    return float(positive[lungs.right].sum()) / total if total > 0 else None


def _is_called(explainer: Explainer, subject: Subject, target: str) -> bool:
    """False where the target is a finding that the network does not call."""
    findings = explainer.predict(subject.x)[0].findings
    return next((f.positive for f in findings if f.code == target), True)


def _completeness_error(
    explainer: Explainer, subject: Subject, attribution: Attribution
) -> float | None:
    if attribution.method not in COMPLETE:
        return None
    pictures = torch.cat([subject.x, blur(subject.x)])  # what these methods go between
    film, blurred = explainer.log_odds(pictures, attribution.target).mean(0)
    change = float(film - blurred)
    if abs(change) < 1e-3:
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
