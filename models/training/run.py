"""A training run: films in memory, network, optimiser, and the state that survives a stop."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from imaging.errors import CheckpointError
from models.data.augment import augment_with_regions
from models.data.dataset import (
    Film,
    acquisition_strata,
    balancing_weights,
    select,
)
from models.data.framed_films import FramedFilms
from models.data.framing import Framing
from models.data.regions import change_backgrounds
from models.metrics import roc_auc, weighted_kappa
from models.network.averaging import update_average
from models.network.checkpoint import load_checkpoint, save_checkpoint
from models.network.ensemble import Ensemble
from models.network.network import (
    ClassNetwork,
    MultiScaleResNet,
    build_network,
    weight_decay_groups,
)
from models.network.preprocess import preprocess
from models.rules.findings import finding_truth
from models.training.calibrate import calibrated_card, fused_logits, training_record
from models.training.choose import validation_views
from models.training.config import TaskConfig, TrainSettings
from models.training.pretrained import read_imagenet

_QUIET = 0.01  # of the heads' first weights, before features that ImageNet made
_RAREST = 10.0  # largest weight of the films of a rare class of a multi-label task


class Run:
    """A training run: arrays, network, optimiser, and the state that survives a stop."""

    def __init__(
        self,
        task: TaskConfig,
        films: tuple[Film, ...],
        out: Path,
        framing: Framing | None = None,
        data: Path | None = None,
    ) -> None:
        self.task, self.out = task, out
        self.framing = framing or Framing()  # whole films
        self.settings: TrainSettings = task.train
        torch.manual_seed(self.settings.seed)
        self.random = torch.Generator().manual_seed(self.settings.seed)
        train, val = select(films, "train"), select(films, "val")
        # A view without its context is smaller, by as much; the detail is the same.
        context = task.framing.context if self.framing.localiser else 0.0
        self.side = round(task.train.cache / (1 + 2 * context))
        self.train, self.train_y = self._load(train, task.train.cache, context)
        self.val, self.val_y = self._load(val, self.side, 0.0)
        self.val_strata = acquisition_strata(val)
        self.elsewhere = [
            (
                hospital.name,
                *self._load(
                    hospital.films(data, task.classes, multi_label=task.multi_label),
                    self.side,
                    0.0,
                ),
            )
            for hospital in task.elsewhere
            if hospital.chooses and data
        ]
        balanced = (
            finding_truth(self.train_y.numpy(), task.classes, task.findings[0]).astype(np.int64)
            if task.multi_label
            else self.train_y.numpy()
        )
        self.weight = torch.from_numpy(
            balancing_weights(acquisition_strata(train), balanced, limit=self.settings.balance)
        ).float()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # float16 loses small gradients unless the loss is scaled; bfloat16 and float32 do not
        scaled = self.device.type == "cuda" and not has_bfloat16(self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.steps = -(-len(self.train_y) // self.settings.batch)
        self._adopt(build_network(task.network))
        if task.multi_label:  # of films that show a class, and of those that do not
            shown = (self.train_y * self.weight[:, None]).sum(0) / self.weight.sum()
            self.class_weight = torch.stack([0.5 / (1 - shown), 0.5 / shown]).clamp(max=_RAREST)
        else:
            counts = torch.bincount(self.train_y, self.weight, minlength=len(task.classes))
            self.class_weight = counts.sum() / counts / len(counts)
        self.epoch, self.history = 0, list[dict[str, float]]()
        self.best: dict[str, Tensor] | None = None
        self.origin: list[dict[str, Any]] = []

    def _adopt(self, network: ClassNetwork) -> None:
        """Take a network to train, with its average, optimiser and schedule."""
        settings = self.settings
        self.network: ClassNetwork = network.to(self.device).to(memory_format=torch.channels_last)
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(name.startswith(settings.trainable))
        self.average = copy.deepcopy(self.network)  # exponential moving average: what is shipped
        self.optimiser = torch.optim.AdamW(
            weight_decay_groups(self.network, settings.weight_decay), lr=settings.learning_rate
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            settings.learning_rate,
            total_steps=max(1, settings.epochs) * self.steps,
            pct_start=settings.warm_up,
            cycle_momentum=False,
        )

    def _load(
        self, films: tuple[Film, ...], side: int, context: float
    ) -> tuple[FramedFilms, Tensor]:
        bar = tqdm(total=len(films), desc="films", leave=False)
        x = FramedFilms.load(
            films, self.framing, side=side, context=context, on_progress=lambda _: bar.update()
        )
        return x, torch.from_numpy(self.task.truth(films))

    def start_from(self, *checkpoints: Path) -> None:
        """Take the mean weights of checkpoints of the same network; the card will name them.

        Averaging runs that were fine-tuned from one ancestor is a "model soup" (Wortsman et al.,
        ICML 2022, arXiv 2203.05482).
        """
        loaded = [load_checkpoint(path) for path in checkpoints]
        networks = [network for ensemble, _ in loaded for network in ensemble.networks]
        states = [network.state_dict() for network in networks]
        mean = {
            name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
            for name, value in states[0].items()
        }
        # an ancestor may lack the region maps; everything else must fit
        for network in (self.network, self.average):
            missing, unexpected = network.load_state_dict(mean, strict=False)
            if unexpected or any(not name.startswith("region_head") for name in missing):
                raise CheckpointError("The checkpoint to start from holds another network.")
        self.origin = [
            {"weights_sha256": card.weights_sha256, **member}
            for _, card in loaded
            for member in card.training["members"]
        ]

    def take_trunk(self, checkpoint: Path) -> None:
        """Begin with the layers of a checkpoint's first network that have name and shape in common.

        The card will name it.
        """
        ensemble, card = load_checkpoint(checkpoint)
        given = ensemble.networks[0].state_dict()
        for network in (self.network, self.average):
            own = network.state_dict()
            fitting = {k: v for k, v in given.items() if k in own and v.shape == own[k].shape}
            if not fitting:
                raise CheckpointError("The checkpoint to begin with holds another network.")
            network.load_state_dict(own | fitting)
        self.origin = [{"weights_sha256": card.weights_sha256, **card.training["members"][0]}]

    def take_imagenet(self, path: Path) -> None:
        """Begin with the ImageNet weights of a Lite0 trunk; the card will say so."""
        given = read_imagenet(path)
        for network in (self.network, self.average):
            own = network.state_dict()
            fitting = {k: v for k, v in given.items() if k in own and v.shape == own[k].shape}
            if not fitting:
                raise CheckpointError(
                    "Only a network with a Lite0 trunk begins with these weights."
                )
            # A trunk of somebody else's gives features of any size. Unless the heads begin near
            # nothing, epochs go by until their answers are small, and the trunk's layers with them.
            quiet = {k: v * _QUIET for k, v in own.items() if k.startswith("classifier")}
            network.load_state_dict(own | fitting | quiet)
        self.origin = [
            {"weights_sha256": sha256(path.read_bytes()).hexdigest(), "imagenet": path.name}
        ]

    def fit(self) -> None:
        """Train until the last epoch or until validation has stopped improving."""
        log = SummaryWriter(str(self.out))
        if not self.settings.epochs:
            self.history = [{"epoch": 0, **self._validate()}]
        while self.epoch < self.settings.epochs and not self._stale():
            started = time.monotonic()
            loss = self._train_epoch()
            row: dict[str, float] = {"epoch": self.epoch, "loss": loss}
            if self._size() == self.task.size:  # epochs on small pictures are not candidates
                row |= self._validate()
            row["seconds"] = time.monotonic() - started
            self.history.append(row)
            if "score" in row and row["score"] >= max(self._scores()):
                self.best = copy.deepcopy(self.average.state_dict())
            for name, value in row.items():
                log.add_scalar(name, value, self.epoch)
            self.epoch += 1
            tqdm.write(f"{json.dumps(row)} {self._time_left()}")
            self.save()
        log.close()

    def _time_left(self) -> str:
        """How far the run has come, and how long it may take yet: as long as epochs like the last.

        It may end sooner, when validation has stopped improving.
        """
        left = self.settings.epochs - self.epoch
        minutes = left * self.history[-1]["seconds"] / 60
        about = f"about {minutes:.0f} min" if minutes >= 1 else "less than a minute"
        return f"epoch {self.epoch} of {self.settings.epochs}, {about if left else 'nothing'} left"

    def _train_epoch(self) -> float:
        self.network.train(not self.settings.trainable)  # frozen layers keep their statistics
        losses = []
        order = torch.randperm(len(self.train_y), generator=self.random)
        for index in tqdm(
            order.split(self.settings.batch), desc=f"epoch {self.epoch}", leave=False
        ):
            loss = self._loss(index)
            self.optimiser.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.schedule.step()
            update_average(
                self.average,
                self.network,
                decay=self.settings.average,
                step=self.schedule.last_epoch,
            )
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

    def _loss(self, index: Tensor) -> Tensor:
        """Cross-entropy of one batch, plus that of its region maps where the task has any."""
        chosen = index.numpy()
        films = torch.from_numpy(self.train.pixels[chosen]).float() / 255
        regions = torch.from_numpy(self.train.regions[chosen]).float()
        views = torch.from_numpy(self.train.views[chosen])
        masked = regions.isfinite().all(dim=2).all(dim=1)
        films, regions, removed = change_backgrounds(films, regions, self.task.regions, self.random)
        films, regions = augment_with_regions(
            films,
            regions.nan_to_num(0.0),
            self.task.augment,
            self.random,
            views=views,
            side=self.side,
        )
        x = preprocess(films, size=self._size())
        x = x.to(self.device, memory_format=torch.channels_last)
        with mixed_precision(self.device):
            if self.task.network.regions and isinstance(self.network, MultiScaleResNet):
                logits, maps = self.network.forward_with_regions(x)
            else:
                logits, maps = self.network(x), None
        loss = self._class_loss(logits.float(), index, removed)
        if maps is not None and masked.any():
            target = F.adaptive_avg_pool2d(regions[:, None], (maps.shape[-2], maps.shape[-1])).to(
                self.device
            )
            loss = loss + self.task.regions.loss * F.binary_cross_entropy_with_logits(
                maps.float()[masked], target[masked]
            )
        return loss

    def _class_loss(self, logits: Tensor, index: Tensor, removed: Tensor) -> Tensor:
        """Cross-entropy; a film whose region was removed is to be called nothing at all."""
        if self.task.multi_label:
            return self._several_loss(logits, index, removed)
        truth, classes = self.train_y[index], len(self.task.classes)
        smooth = self.settings.label_smoothing
        target = F.one_hot(truth, classes) * (1 - smooth) + smooth / classes
        weight = self.weight[index] * self.class_weight[truth]
        target = torch.where(removed[:, None], 1 / classes, target)
        weight = torch.where(removed, 1.0, weight)
        target, weight = target.to(self.device), weight.to(self.device)
        scores = logits.log_softmax(1)
        each = -(target * scores).sum(1)
        if self.settings.lead:
            each = each + self.settings.lead * self._lead_loss(scores, target)
        if self.settings.ordinal:
            each = each + self.settings.ordinal * grade_distance(scores, target)
        return (each * weight).sum() / weight.sum()

    def _several_loss(self, logits: Tensor, index: Tensor, removed: Tensor) -> Tensor:
        """Cross-entropy of each class by itself, present and absent weighed alike."""
        smooth = self.settings.label_smoothing
        shown = self.train_y[index]
        weight = self.weight[index, None] * self.shown_weight(shown)
        target = torch.where(removed[:, None], 0.5, shown * (1 - smooth) + smooth / 2)
        each = F.binary_cross_entropy_with_logits(logits, target.to(self.device), reduction="none")
        weight = weight.to(self.device)
        return (each * weight).sum() / weight.sum()

    def shown_weight(self, shown: Tensor) -> Tensor:
        """Weight of each class of films that show it or not (films, classes): same shape."""
        return torch.where(shown, self.class_weight[1], self.class_weight[0])

    def _lead_loss(self, scores: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of the leading finding, present or absent: (batch,).

        `scores` are log-probabilities, `target` probabilities, of the classes (batch, classes).
        """
        members = [self.task.classes.index(m) for m in self.task.findings[0].members]
        absent_classes = [i for i in range(len(self.task.classes)) if i not in members]
        present = target[:, members].sum(1) * scores[:, members].logsumexp(1)
        absent = target[:, absent_classes].sum(1) * scores[:, absent_classes].logsumexp(1)
        return -(present + absent)

    def _size(self) -> int:
        """Small pictures first: half the time for the epochs that only need the gist."""
        last = self.settings.epochs - 1  # is never early: only full-size epochs are candidates
        early = self.epoch < min(last, self.settings.epochs * self.settings.early_share)
        return self.settings.early_size if early else self.task.size

    def _validate(self) -> dict[str, float]:
        """AUC of the leading finding in every validation view, and their mean, the score.

        The weighted kappa of grades, and the AUC in each hospital that may choose, count as more.
        """
        averaged = Ensemble([self.average])
        views = validation_views(
            self.val.pixels,
            self.val_y.numpy(),
            task=self.task,
            regions=self.val.regions,
            strata=self.val_strata,
        )
        row = dict[str, float]()
        for name, films, truth in views:
            logits = fused_logits(averaged, films, size=self.task.size)
            score = self.task.lead_score(logits)
            row[f"auc_{name}"] = roc_auc(truth, score)
            if name == "plain":
                row |= self._validate_others(logits)
                if self.settings.ordinal:
                    row["kappa"] = weighted_kappa(self.val_y.numpy(), logits.argmax(1))
                row["nll"] = self._likelihood(torch.from_numpy(logits))
                row["auc_matched"] = views.matched_auc(score)
        lead = self.task.findings[0]
        for name, hospital, labels in self.elsewhere:
            pixels = torch.from_numpy(hospital.pixels).float() / 255
            logits = fused_logits(averaged, pixels, size=self.task.size)
            present = finding_truth(labels.numpy(), self.task.classes, lead)
            row[f"auc_{name}"] = roc_auc(present, self.task.lead_score(logits))
        aucs = [v for k, v in row.items() if k.startswith(("auc", "kappa")) and np.isfinite(v)]
        return {"score": float(np.mean(aucs)), **row}

    def _validate_others(self, logits: NDArray[np.float64]) -> dict[str, float]:
        """AUC of every further finding of a multi-label task: they count as much as a view."""
        truth, others = self.val_y.numpy(), self.task.findings[1:] if self.task.multi_label else ()
        return {
            f"auc_of_{finding.code}": roc_auc(
                finding_truth(truth, self.task.classes, finding), self.task.score(logits, finding)
            )
            for finding in others
        }

    def _likelihood(self, logits: Tensor) -> float:
        """Mean negative log-likelihood of the validation films."""
        if self.task.multi_label:
            return float(F.binary_cross_entropy_with_logits(logits, self.val_y.double()))
        return float(F.cross_entropy(logits, self.val_y))

    def _scores(self) -> list[float]:
        return [row["score"] for row in self.history if "score" in row]

    def _stale(self) -> bool:
        values = self._scores()
        return bool(values) and len(values) - 1 - int(np.argmax(values)) >= self.settings.patience

    def save(self) -> None:
        """Write the state needed to go on."""
        self.out.mkdir(parents=True, exist_ok=True)
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "best": self.best,
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "scaler": self.scaler.state_dict(),
                "random": self.random.get_state(),
                "torch_random": torch.get_rng_state(),
                "epoch": self.epoch,
                "history": self.history,
            },
            self.out / "state.pt",
        )
        (self.out / "history.json").write_text(json.dumps(self.history, indent=1))

    def restore(self) -> None:
        """Read what `save` wrote (tensors and numbers only, never pickled objects)."""
        state = torch.load(self.out / "state.pt", weights_only=True, map_location=self.device)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state.get("scaler", {}))
        self.random.set_state(state["random"].cpu())
        torch.set_rng_state(state["torch_random"].cpu())
        self.best, self.epoch, self.history = state["best"], state["epoch"], state["history"]

    def finish(self, target: Path, *, data_sha256: str, localiser_sha256: str = "") -> None:
        """Calibrate on validation, choose operating points there, write weights and card."""
        if self.best is not None:
            self.average.load_state_dict(self.best)
        ensemble = Ensemble([self.average])
        chosen = max((r for r in self.history if "score" in r), key=lambda r: r["score"])
        member = {
            **{k: v for k, v in self.task.as_dict().items() if k != "columns"},
            "selected_epoch": {k: v for k, v in chosen.items() if k not in ("loss", "seconds")},
            "origin": self.origin,
        }
        card = calibrated_card(
            ensemble,
            self.task,
            films=self.val.pixels,
            truth=self.val_y.numpy(),
            training=training_record(
                self.task,
                data_sha256=data_sha256,
                films={"train": len(self.train_y), "val": len(self.val_y)},
                members=[member],
            ),
        )
        save_checkpoint(target, ensemble, replace(card, localiser_sha256=localiser_sha256))


def grade_distance(scores: Tensor, target: Tensor) -> Tensor:
    """Squared earth mover's distance between grades (Hou et al. 2016, arXiv 1611.05916).

    A grade next to the true one costs less than one far from it.

    Parameters
    ----------
    scores : Tensor
        (..., classes), log-probabilities of grades in their order.
    target : Tensor
        (batch, classes), probabilities or, of films whose grade is known, True for that class; a
        film that may be one of several grades counts nothing.

    Returns
    -------
    Tensor
        (...,), at least 0.
    """
    truth = target.to(scores.dtype)
    known = truth.sum(-1) < 1.5
    distance = (scores.exp().cumsum(-1) - truth.cumsum(-1))[..., :-1].square().sum(-1)
    return torch.where(known, distance, 0.0)


def mixed_precision(device: torch.device) -> torch.autocast:
    """Half precision for the passes of a network where the device is faster in it, else float32."""
    if has_bfloat16(device):
        return torch.autocast(device.type, torch.bfloat16)
    return torch.autocast(device.type, torch.float16, enabled=device.type == "cuda")


def precision_name(device: torch.device) -> str:
    """What `mixed_precision` computes in."""
    if has_bfloat16(device):
        return "mixed precision, bfloat16"
    return "mixed precision, float16" if device.type == "cuda" else "float32"


def has_bfloat16(device: torch.device) -> bool:
    """True where the device multiplies bfloat16 natively; emulation is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(k) for k in ("amx_bf16", "avx512_bf16", "bf16"))
