"""Training of an `EvidenceNetwork`: from films, from planted opacities, from other hospitals.

Image labels alone let a network write its evidence anywhere. So a share of every batch are normal
films with an opacity planted at a known place, others with the traces of planting and no opacity,
and the cells themselves are told what they show. Everything is shown as it is or mirrored: the
label does not know sides, and nothing here is ever displayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from models.data.augment import augment_with_regions
from models.data.companions import normal_and_abnormal
from models.data.dataset import Film
from models.data.framed_films import FramedFilms
from models.data.framing import Framing
from models.data.planted import disguise, opacity_masks, plant
from models.network.evidence import Evidence, EvidenceNetwork, log_odds
from models.network.preprocess import preprocess
from models.rules.findings import finding_truth
from models.training.config import TaskConfig
from models.training.run import Run, grade_distance, mixed_precision

_NEVER = -30.0  # log-probability that stands for a class out of the question


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Films of a batch that came about in one way.

    Attributes
    ----------
    films, lungs, disease : Tensor
        (films, side, side), float32 in [0, 1]; `disease` is meaningless where not `known`.
    views : Tensor
        (films, 4).
    allowed : Tensor
        (films, classes), bool: the classes a film may be called. Of a multi-label task float32:
        one for a class it shows, zero for one it does not, NaN where that is not known.
    known : Tensor
        (films,), bool: it is known what every cell shows.
    weights : Tensor
        (films, heads), of the film's own loss.
    """

    films: Tensor
    lungs: Tensor
    disease: Tensor
    views: Tensor
    allowed: Tensor
    known: Tensor
    weights: Tensor


class EvidenceRun(Run):
    """A training run of a network whose answer is a sum over places.

    Parameters
    ----------
    data : Path
        Folder of the data: companions lie below it.
    """

    def __init__(
        self, task: TaskConfig, films: tuple[Film, ...], out: Path, framing: Framing, data: Path
    ) -> None:
        super().__init__(task, films, out, framing, data)
        context = task.framing.context if framing.localiser else 0.0
        normal, abnormal = normal_and_abnormal(task.companions, data)
        self.normals = self._read(normal, task.train.cache, context)
        self.abnormals = self._read(abnormal, task.train.cache, context)
        is_lead = finding_truth(self.train_y.numpy(), task.classes, task.findings[0])
        self._own_normal, self._own_abnormal = np.flatnonzero(~is_lead), np.flatnonzero(is_lead)
        lot = torch.Generator().manual_seed(self.settings.seed)
        shape = (len(self.train_y), task.network.heads)
        # the Bayesian bootstrap (Rubin, Ann. Statist. 1981): a weight per film and head
        self._head_weights = -torch.rand(shape, generator=lot).clamp_min(1e-6).log()

    def _load(
        self, films: tuple[Film, ...], side: int, context: float
    ) -> tuple[FramedFilms, Tensor]:
        return self._read(films, side, context), torch.from_numpy(self.task.truth(films))

    def _read(self, films: tuple[Film, ...], side: int, context: float) -> FramedFilms:
        """Films with the localiser's lungs where nobody has drawn them."""
        bar = tqdm(total=len(films), desc="films", leave=False)
        return FramedFilms.load(
            films,
            self.framing,
            side=side,
            context=context,
            fill_regions=True,
            on_progress=lambda _: bar.update(),
        )

    def _loss(self, index: Tensor) -> Tensor:
        """Loss of one batch of the task's films and of those that come with them."""
        parts = [part for part in self._parts(index.numpy()) if len(part.films)]
        films, lungs, disease, views, allowed, known, weights = (
            torch.cat([getattr(part, name) for part in parts])
            for name in ("films", "lungs", "disease", "views", "allowed", "known", "weights")
        )
        regions = torch.stack([lungs, disease], 1)
        films, regions = augment_with_regions(
            films, regions, self.task.augment, self.random, views=views, side=self.side
        )
        if self.task.evidence.mirrored:
            films, regions = (torch.cat([part, part.flip(-1)]) for part in (films, regions))
            allowed, known, weights = (torch.cat([part] * 2) for part in (allowed, known, weights))
        else:
            mirrored = (torch.rand(len(films), generator=self.random) < 0.5)[:, None, None]
            films = torch.where(mirrored, films.flip(-1), films)
            regions = torch.where(mirrored[:, None], regions.flip(-1), regions)
        x = preprocess(films, size=self._size())
        x = x.to(self.device, memory_format=torch.channels_last)
        network = self.network
        if not isinstance(network, EvidenceNetwork):
            raise TypeError("only an EvidenceNetwork is trained so")
        with mixed_precision(self.device):
            evidence, seen = network.forward_with_regions(x)
        allowed, known, weights = (t.to(self.device) for t in (allowed, known, weights))
        regions = regions.to(self.device)
        target = F.adaptive_avg_pool2d(regions[:, :1], (seen.shape[-2], seen.shape[-1]))
        lungs_loss = F.binary_cross_entropy_with_logits(seen.float(), target)
        return (
            self._film_loss(evidence.logits, allowed, weights)
            + self.task.evidence.cells * self._cell_loss(evidence, regions, known)
            + self.task.regions.loss * lungs_loss
            + self._mirror_loss(evidence, regions)
        )

    def _film_loss(self, logits: Tensor, allowed: Tensor, weights: Tensor) -> Tensor:
        """Cross-entropy of the films, by every head, and that of the leading finding.

        Of a film that may be one of several classes the probability of any of them counts; of a
        multi-label task every class counts by itself where it is known.
        """
        if self.task.multi_label:
            return self._several_film_loss(logits, allowed, weights)
        scores = logits.log_softmax(-1)
        given = _log_probability(scores, allowed)
        if self.settings.lead:
            lead = torch.zeros_like(allowed)
            lead[:, list(self.task.network.lead)] = True
            shows = (allowed & lead).any(1, keepdim=True)
            given = given + self.settings.lead * _log_probability(scores, lead == shows)
        each = weights.T
        if self.settings.ordinal:
            given = given - self.settings.ordinal * grade_distance(scores, allowed)
        return -(given * each).sum() / each.sum()

    def _several_film_loss(self, logits: Tensor, shown: Tensor, weights: Tensor) -> Tensor:
        """Cross-entropy of each class of the films by itself, by every head."""
        known, target = ~shown.isnan(), shown.nan_to_num(0.0)
        smooth = self.settings.label_smoothing
        smoothed = (target * (1 - smooth) + smooth / 2).expand_as(logits)
        each = F.binary_cross_entropy_with_logits(logits, smoothed, reduction="none")
        of_classes = known * self.shown_weight(target.cpu() > 0.5).to(logits.device)
        weight = weights.T[:, :, None] * of_classes
        return (each * weight).sum() / weight.sum()

    def _cell_loss(self, evidence: Evidence, regions: Tensor, known: Tensor) -> Tensor:
        """Cross-entropy of the cells within the lungs of films whose every cell is known."""
        knobs = self.task.evidence
        odds = evidence.odds(self.task.network.lead)
        shape = (odds.shape[-2], odds.shape[-1])
        lungs, disease = F.adaptive_avg_pool2d(regions, shape).unbind(1)
        target = (disease * knobs.seen).clamp(max=1)
        planted = known & (regions[:, 1].flatten(1).amax(1) > 0.1)
        film_weight = torch.where(planted, 1.0, knobs.quiet)[:, None, None]
        weight = lungs * known[:, None, None] * film_weight * (1 + knobs.found * (target > 0.3))
        loss = F.binary_cross_entropy_with_logits(
            odds, target.expand_as(odds), reduction="none"
        ).mean(0)
        return (loss * weight).sum() / weight.sum().clamp_min(1)

    def _mirror_loss(self, evidence: Evidence, regions: Tensor) -> Tensor:
        """Difference, in log-odds, of the maps and answers of films and their mirror images.

        The mirror images follow the films, in the same order. Equivariance asked for in the loss:
        Wang et al., CVPR 2020, arXiv 2004.04581.
        """
        weight = self.task.evidence.mirrored
        if not weight:
            return torch.zeros((), device=regions.device)
        lead = self.task.network.lead
        odds = evidence.odds(lead)
        lungs = F.adaptive_avg_pool2d(regions[:, :1], (odds.shape[-2], odds.shape[-1]))[:, 0]
        here, there = odds.chunk(2, 1)
        inside, _ = lungs.chunk(2)
        each = F.smooth_l1_loss(here, there.flip(-1), reduction="none").mean(0)
        places = (each * inside).sum() / inside.sum().clamp_min(1)
        several = self.task.multi_label
        given, mirrored = log_odds(evidence.logits, lead, multi_label=several).chunk(2, 1)
        answers = F.smooth_l1_loss(given, mirrored)
        return weight * (places + answers)

    def _parts(self, index: NDArray[np.int64]) -> list[Part]:
        """What one batch is made of."""
        knobs = self.task.evidence
        return [
            self._own(index),
            *([self._planted(knobs.planted)] if knobs.planted else []),
            self._companions(self.normals, knobs.normals, normal=True),
            self._companions(self.abnormals, knobs.abnormals, normal=False),
        ]

    def _own(self, index: NDArray[np.int64]) -> Part:
        """The task's films; of those without the disease every cell is known."""
        films, lungs, views = _take(self.train, index)
        truth = self.train_y[index]
        several = self.task.multi_label
        own = self.weight[index] if several else self.weight[index] * self.class_weight[truth]
        present = finding_truth(truth.numpy(), self.task.classes, self.task.findings[0])
        return Part(
            films,
            lungs,
            torch.zeros_like(films),
            views,
            truth.float() if several else F.one_hot(truth, len(self.task.classes)).bool(),
            torch.from_numpy(~present),
            own[:, None] * self._head_weights[index],
        )

    def _planted(self, count: int) -> Part:
        """Normal films with planted opacities, or with the traces of planting alone."""
        knobs = self.task.evidence
        from_own = count if not len(self.normals) else (count + 1) // 2
        bases = [_take(self.train, self._draw(self._own_normal, from_own))]
        if count > from_own:
            others = np.arange(len(self.normals))
            bases.append(_take(self.normals, self._draw(others, count - from_own)))
        films, lungs, views = (torch.cat(values) for values in zip(*bases, strict=True))
        sick, healthy = (
            _take(self.train, self._draw(own, count))[0]
            for own in (self._own_abnormal, self._own_normal)
        )
        masks = opacity_masks(lungs, self.task.planted, self.random)
        changed, disease = plant(films, masks, lungs, sick, self.task.planted, self.random)
        traces = disguise(films, masks, healthy, self.task.planted, self.random)
        hidden = torch.rand(count, generator=self.random) < knobs.disguised
        pick = hidden[:, None, None]
        return Part(
            torch.where(pick, traces, changed),
            lungs,
            torch.where(pick, torch.zeros_like(disease), disease),
            views,
            self._allowed(~hidden),
            torch.ones(count, dtype=torch.bool),
            self._companion_weights(count),
        )

    def _companions(self, films: FramedFilms, count: int, *, normal: bool) -> Part:
        """Films of other hospitals as they are."""
        index = self._draw(np.arange(len(films)), count if len(films) else 0)
        pixels, lungs, views = _take(films, index)
        return Part(
            pixels,
            lungs,
            torch.zeros_like(pixels),
            views,
            self._allowed(torch.full((len(index),), not normal)),
            torch.full((len(index),), normal),
            self._companion_weights(len(index)),
        )

    def _draw(self, pool: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """So many of a pool, with repetition, by the run's lot: a resumed run draws the same."""
        if not count:
            return pool[:0]
        return pool[torch.randint(len(pool), (count,), generator=self.random).numpy()]

    def _allowed(self, diseased: Tensor) -> Tensor:
        """The leading finding's classes where a film shows it, all others where not.

        Of a multi-label task a film without it shows nothing, and one with it has it surely; what
        else it shows is not known.
        """
        if self.task.multi_label:
            shown = torch.zeros(len(diseased), len(self.task.classes))
            shown[diseased] = torch.nan
            shown[:, list(self.task.network.lead)] = diseased.float()[:, None]
            return shown
        lead = torch.zeros(len(self.task.classes), dtype=torch.bool)
        lead[list(self.task.network.lead)] = True
        return torch.where(diseased[:, None], lead, ~lead)

    def _companion_weights(self, count: int) -> Tensor:
        shape = (count, self.task.network.heads)
        return torch.full(shape, self.task.evidence.companion_weight)


def _log_probability(scores: Tensor, allowed: Tensor) -> Tensor:
    """Of any of the allowed classes: (heads, batch), from log-probabilities of each."""
    return torch.where(allowed, scores, torch.full_like(scores, _NEVER)).logsumexp(-1)


def _take(films: FramedFilms, index: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, lungs (everywhere where they are unknown), both in [0, 1], and views of films."""
    pixels = torch.from_numpy(films.pixels[index]).float() / 255
    lungs = torch.from_numpy(films.regions[index]).float().nan_to_num(1.0)
    return pixels, lungs, torch.from_numpy(films.views[index])
