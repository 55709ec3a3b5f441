"""A batch in figures: counts, distributions, reasons, the most urgent studies.

A `Tally` takes the rows one at a time and keeps no more of them than the report shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from imaging.entities import ModelIdentity, Status
from imaging.errors import AssistantError
from imaging.export.batch.columns import Codes
from imaging.export.batch.rows import ResultRow

BINS = 20  # of a distribution, over [0, 1]
_MOST_REASONS = 25


@dataclass(frozen=True, slots=True, eq=False)
class PicturePair:
    """A film and the explanation laid over it, as PNG files of the same size.

    ``method`` and ``finding`` are what the caption calls them; ``model`` was asked. ``overlay`` is
    None where the map's ``verdict`` is that it is not reliable.
    """

    original: bytes
    overlay: bytes | None
    sop_instance_uid: str
    method: str
    finding: str
    model: ModelIdentity
    verdict: str = ""


Pictures = Callable[[str], PicturePair | None]
"""Study Instance UID to its pictures; None for a study the network gave no answer to."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A study among the most urgent: its leading row, its pictures or why there are none."""

    row: ResultRow
    pair: PicturePair | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """A network that gave some of the answers, and what computed them."""

    name: str
    weights_sha256: str
    model_sha256: str  # over all its files; "" in older records
    engine: str
    operating_points: tuple[tuple[str, float], ...]  # finding's code and threshold


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one network's probabilities of its leading finding lie: `BINS` counts over [0, 1]."""

    network: str
    label: str
    counts: tuple[int, ...]
    operating_points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A batch in figures.

    Attributes
    ----------
    files, studies : int
        How many.
    statuses, answers, readings : tuple of (str, int)
        Counts of files by status and by answer, and by how far a reader has come.
    reasons : tuple of (status, sentence, int)
        Why files were refused or failed, the most frequent first.
    other_reasons : int
        Files whose reason is not among them.
    networks : tuple of Network
    distributions : tuple of Distribution
    top : tuple of ResultRow
        The leading row of the most urgent studies, the most urgent first.
    uids : tuple of str
        Study Instance UIDs, in the order they came.
    codes : Codes
        What the rows have scores of.
    received : tuple of datetime or None
        When the first and the last study came.
    """

    files: int
    studies: int
    statuses: tuple[tuple[str, int], ...]
    answers: tuple[tuple[str, int], ...]
    readings: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, str, int], ...]
    other_reasons: int
    networks: tuple[Network, ...]
    distributions: tuple[Distribution, ...]
    top: tuple[ResultRow, ...]
    uids: tuple[str, ...]
    codes: Codes
    received: tuple[datetime, datetime] | None


class Tally:
    """Counts rows as they pass.

    Parameters
    ----------
    top : int
        How many of the most urgent studies to keep.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._files = 0
        self._statuses: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._readings: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._networks: dict[tuple[str, str, str, str], dict[tuple[str, float], None]] = {}
        self._bins: dict[tuple[str, str], list[int]] = {}
        self._points: dict[tuple[str, str], set[float]] = {}
        self._studies: dict[str, None] = {}
        self._best: dict[str, ResultRow] = {}
        self._codes: dict[str, bool] = {}  # code -> has an operating point
        self._received: tuple[datetime, datetime] | None = None

    def add(self, row: ResultRow) -> None:
        """Count one row."""
        self._files += 1
        self._statuses[row.status] += 1
        if row.answer:
            self._answers[row.answer] += 1
        if row.reading:
            self._readings[row.reading] += 1
        if row.status in (Status.REFUSED, Status.ERROR):
            self._reasons[row.status, row.message] += 1
        self._count_score(row)
        self._count_study(row)

    def _count_score(self, row: ResultRow) -> None:
        """Count the network and its leading probability."""
        for score in row.scores:
            self._codes[score.code] = self._codes.get(score.code, False) or (
                score.operating_point is not None
            )
        if not row.model:
            return
        network = row.model_name, row.weights_sha256, row.model_sha256, row.engine
        points = self._networks.setdefault(network, {})
        for score in row.scores:
            if score.operating_point is not None:
                points[score.code, score.operating_point] = None
        if row.probability is None or row.operating_point is None:
            return
        known = row.model_sha256 or row.weights_sha256
        key = f"{row.model_name} ({known[:12]})", row.finding_label
        at = min(int(row.probability * BINS), BINS - 1)
        self._bins.setdefault(key, [0] * BINS)[at] += 1
        self._points.setdefault(key, set()).add(row.operating_point)

    def _count_study(self, row: ResultRow) -> None:
        """Count the study, and keep it if it is among the most urgent."""
        uid = row.study_instance_uid
        if not uid:
            return
        self._studies[uid] = None
        if row.received_at is not None:
            first, last = self._received or (row.received_at, row.received_at)
            self._received = min(first, row.received_at), max(last, row.received_at)
        best = self._best.get(uid)
        if best is None or _rank(row) > _rank(best):
            self._best[uid] = row
        if len(self._best) > self._top:
            del self._best[min(self._best, key=lambda study: _rank(self._best[study]))]

    def summary(self) -> Summary:
        """The figures so far."""
        reasons = self._reasons.most_common(_MOST_REASONS)
        return Summary(
            files=self._files,
            studies=len(self._studies),
            statuses=tuple(self._statuses.most_common()),
            answers=tuple(self._answers.most_common()),
            readings=tuple(self._readings.most_common()),
            reasons=tuple((status, reason, count) for (status, reason), count in reasons),
            other_reasons=self._reasons.total() - sum(count for _, count in reasons),
            networks=tuple(Network(*key, tuple(points)) for key, points in self._networks.items()),
            distributions=tuple(
                Distribution(*key, tuple(counts), tuple(sorted(self._points[key])))
                for key, counts in self._bins.items()
            ),
            top=tuple(sorted(self._best.values(), key=_rank, reverse=True)),
            uids=tuple(self._studies),
            codes=Codes(
                tuple(self._codes), tuple(c for c, called in self._codes.items() if called)
            ),
            received=self._received,
        )


def _rank(row: ResultRow) -> tuple[int, float, float]:
    """The worklist's order: urgency first; among equals the surest, then the longest waiting."""
    waiting = -row.received_at.timestamp() if row.received_at else 0.0
    return row.urgency or 0, -1.0 if row.probability is None else row.probability, waiting


def top_cases(
    summary: Summary, pictures: Pictures, on_progress: Callable[[float], None] | None = None
) -> tuple[Case, ...]:
    """The most urgent studies with their pictures; one that has none says why.

    Parameters
    ----------
    summary : Summary
    pictures : callable
        See `Pictures`; it may raise `AssistantError`.
    on_progress : callable, optional
        Gets the share done, in [0, 1]; what it raises stops the work.
    """
    cases = []
    for at, row in enumerate(summary.top):
        if on_progress is not None:
            on_progress(at / len(summary.top))
        try:
            pair = pictures(row.study_instance_uid)
            reason = "" if pair else "No picture: the AI gave no answer about this study."
            cases.append(Case(row, pair, reason))
        except AssistantError as exc:
            cases.append(Case(row, reason=str(exc)))
    return tuple(cases)


def about(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Model identity and operating points as (what, value) pairs, to stand beside a table."""
    facts = [("Files", str(summary.files)), ("Studies", str(summary.studies))]
    for network in summary.networks:
        facts.append((f"Model {network.name}", f"weights SHA-256 {network.weights_sha256}"))
        if network.model_sha256:
            facts.append((f"Model {network.name}", f"files SHA-256 {network.model_sha256}"))
        if network.engine:
            facts.append((f"Model {network.name}, engine", network.engine))
        facts += [
            (f"Model {network.name}, threshold", f"{code}: {point:.6g}")
            for code, point in network.operating_points
        ]
    return tuple(facts)
