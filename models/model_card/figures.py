"""What was measured about a checkpoint, as frozen records; `facts` reads them from disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.checkpoint.card import ModelCard, Published
from models.model_card.elsewhere import GradeFigures, HospitalFigures
from models.model_card.figure import Figure, Figures
from models.model_card.joint import JointFigures
from models.model_card.localisation import LocalisationFigures
from models.model_card.sides import SideFigures
from models.model_card.starts import StartFigures
from models.model_card.trials import FillFigures, PlantedFigures

# Names in stored figures, in the order they are shown -> what they mean, for the page and the card.
MEANINGS = {
    "auc": "How often an image with the finding gets a higher probability than one without.",
    "accuracy": "Share of images on the right side of the threshold.",
    "sensitivity": "Share of images with the finding that reach the threshold.",
    "specificity": "Share of images without the finding that stay below the threshold.",
    "ece": "Mean gap between the probability stated and the share that had the finding.",
    "ece_noise_floor": "The gap a perfectly calibrated model would show on as many images.",
    "brier": "Mean squared distance between probability and truth; 0 is perfect.",
    "nll": "Mean negative log-likelihood of the truth in nats; 0 is perfect.",
}


@dataclass(frozen=True, slots=True)
class FindingFigures:
    """Figures of one finding; an exploratory one is measured `among` films of another."""

    code: str
    exploratory: bool
    among: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Subset:
    """Figures of the leading finding on a part of the films, or on the films in another form.

    `detail` marks one stratum of several, `baseline` a trivial predictor in the network's place.
    """

    name: str
    description: str
    films: int
    figures: Figures
    split: str = ""
    baseline: bool = False
    detail: bool = False

    @property
    def title(self) -> str:
        """The stored name in words."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Member:
    """Figures of one network of the ensemble, alone."""

    seed: int | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class ConformalFigures:
    """Figures of "unsure": coverage per truth ("present", "absent", "all"), shares in [0, 1]."""

    error_rate: float
    coverage: Figures
    unsure_share: Figure | None
    accuracy_answered: Figure | None


@dataclass(frozen=True, slots=True)
class SplitFigures:
    """Everything in `test.json`. `answers` counts films by what was said about them.

    ``refused`` of the ``films`` got no answer, because the scope gate or the header ruled them
    out; every figure is of the others, and ``answered`` their share, by truth of the leading
    finding ("all", "present", "absent").
    """

    split: str
    films: int
    findings: tuple[FindingFigures, ...]
    subsets: tuple[Subset, ...]
    members: tuple[Member, ...]
    conformal: ConformalFigures | None
    answers: Mapping[str, int]
    refused: int = 0
    answered: Figures = field(default_factory=dict)
    disagreement: Figure | None = None
    grades: GradeFigures | None = None

    @property
    def measured(self) -> int:
        """Films that every figure is of."""
        return self.films - self.refused


@dataclass(frozen=True, slots=True)
class RocPoint:
    """Rates in [0, 1] when every probability from `threshold` on is called."""

    threshold: float
    fpr: float
    tpr: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Films of similar probability: mean stated, share that had the finding, share of all films."""

    bin_upper: float
    mean_probability: float
    frequency: float
    share: float


@dataclass(frozen=True, slots=True)
class SelectivePoint:
    """Accuracy over the share of films (`coverage`) whose confidence reaches `threshold`."""

    coverage: float
    threshold: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class FilmAnswer:
    """An answered film: file name, true class, calibrated probability of the leading finding."""

    file: str
    label: str
    probability: float
    answer: str = ""
    disagreement: float | None = None


@dataclass(frozen=True, slots=True)
class CorruptionLevel:
    """Figures of one corruption at one level.

    `flip_rate` is the share of films whose call differs from that of the clean film, `mean_change`
    the mean absolute change of the probability. `refused` further films are answered when clean
    and, changed like this, not: the scope gate lets them go no further.
    """

    corruption: str
    label: str
    level: float
    unit: str
    films: int
    auc: Figure
    flip_rate: float
    mean_change: float
    refused: int = 0

    @property
    def text(self) -> str:
        """Level with its unit."""
        return f"{self.level:g} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class RobustnessFigures:
    """Every level of every corruption, and the AUC of the same films untouched."""

    split: str
    films: int
    clean_auc: Figure
    levels: tuple[CorruptionLevel, ...]

    def worst(self) -> tuple[CorruptionLevel, ...]:
        """The level with the lowest AUC of every corruption, in stored order."""
        names = dict.fromkeys(level.corruption for level in self.levels)
        by_auc = sorted(self.levels, key=lambda level: level.auc.value)
        return tuple(next(v for v in by_auc if v.corruption == name) for name in names)


@dataclass(frozen=True, slots=True)
class GateKind:
    """Share of the pictures of one kind that the gate refused; `expected` is "refuse" or "pass"."""

    kind: str
    images: int
    expected: str
    refused: Figure


@dataclass(frozen=True, slots=True)
class GateFigures:
    """The scope gate: separation, shares passed and refused over several kinds, and per kind."""

    auroc: Figure
    shares: Figures
    kinds: tuple[GateKind, ...]


@dataclass(frozen=True, slots=True)
class Contender:
    """A network trained by the same recipe; `forward` is its cost over that of ours."""

    network: str
    seeds: int
    auc: Figure
    accuracy: Figure
    forward: float | None


@dataclass(frozen=True, slots=True)
class MethodFigures:
    """Figures of how far the maps of one attribution method can be believed.

    Attributes
    ----------
    method : str
        Key of `models.explain.methods.registry.METHODS`.
    films : int
        Films with the finding, rightly called, on which everything but `wide` was measured.
    share, uniform : Figure
        Median share of the positive evidence inside the lungs, and that of a uniform map.
    pointing : Figure
        Share of the films whose strongest evidence lies inside the lungs.
    gain : Figure
        Mean area between the insertion and the deletion curve; zero for a map drawn by lot.
    behind : Figure or None
        How much less that is than the default method's, film by film; None for the default.
    wide, wide_pointing : Figure or None
        `share` and `pointing` on the `masks` films that the quick methods were tried on.
    layers : mapping of str to float
        Similarity of the map to that of a network whose layers are random from the output down to
        the named one, in the order of the randomisation; 1 is the same map.
    itself : float
        The same similarity between the map and that of a slightly disturbed film.
    random_labels : float or None
        Similarity to the map of a network that learned random labels.
    sane : bool
        True when both randomisations change the map enough.
    """

    method: str
    films: int
    share: Figure | None
    uniform: Figure | None
    pointing: Figure | None
    gain: Figure
    behind: Figure | None
    masks: int
    wide: Figure | None
    wide_pointing: Figure | None
    layers: Mapping[str, float]
    itself: float
    random_labels: float | None
    sane: bool


@dataclass(frozen=True, slots=True)
class ExplanationFigures:
    """What was measured about the explanations; `methods` in order of faithfulness.

    ``verdicts`` counts films by what the receipt of the default method's map says.
    """

    default: str
    open_masks: int
    methods: tuple[MethodFigures, ...]
    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A card and every stored figure; None or empty where nothing was measured.

    Attributes
    ----------
    foreign, unstamped, unreadable : tuple of str
        Files measured on other weights than the card's, files that do not say on which, and
        files that cannot be read.
    """

    card: ModelCard
    split: SplitFigures | None
    roc: tuple[RocPoint, ...]
    reliability: tuple[ReliabilityBin, ...]
    selective: tuple[SelectivePoint, ...]
    films: tuple[FilmAnswer, ...]
    robustness: RobustnessFigures | None
    shortcuts: tuple[Subset, ...]
    gate: GateFigures | None
    contenders: tuple[Contender, ...]
    explanations: ExplanationFigures | None
    localisation: LocalisationFigures | None
    sides: SideFigures | None
    planted: PlantedFigures | None
    fills: tuple[FillFigures, ...]
    hospitals: tuple[HospitalFigures, ...]
    joint: JointFigures | None
    starts: tuple[StartFigures, ...]
    foreign: tuple[str, ...]
    unstamped: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def lead(self) -> FindingFigures | None:
        """Figures of the card's leading finding."""
        code = self.card.findings[0].code
        return (
            next((f for f in self.split.findings if f.code == code), None) if self.split else None
        )

    @property
    def published(self) -> tuple[tuple[FindingFigures, tuple[Published, ...]], ...]:
        """Measured findings, each with what others report on it; those without are left out.

        What is only asked of a test is no report.
        """
        reported = [p for p in self.card.published if not p.asked]
        rows = (
            (finding, tuple(p for p in reported if p.finding == finding.code))
            for finding in (self.split.findings if self.split else ())
        )
        return tuple(row for row in rows if row[1])

    def worst_films(self, count: int) -> tuple[FilmAnswer, ...]:
        """Films called wrongly at the operating point, the most confidently wrong first."""
        spec = self.card.findings[0]

        def given_to_truth(film: FilmAnswer) -> float:
            return film.probability if spec.shown_by(film.label) else 1 - film.probability

        wrong = [
            f
            for f in self.films
            if (f.probability >= spec.operating_point) != spec.shown_by(f.label)
        ]
        return tuple(sorted(wrong, key=given_to_truth)[:count])
