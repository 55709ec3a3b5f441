r"""Search a task's training knobs with short tracked runs, and write what was found as a page.

    export LIGHTBOX_DATA=...
    python -m models.training.tune --config models/configs/paediatric_cxr.toml --trials 8 \
        --init models/weights/paediatric-cxr --share 0.25 --epochs 1 --size 96 \
        --study runs/tune.db --report docs/tuning.md
    python -m models.training.tune --config ... --study runs/tune.db --trials 4  # four more trials
    python -m models.training.tune --config ... --study runs/tune.db --trials 0 --report PAGE.md
    tensorboard --logdir runs/tune

Every trial is one `models.training.run.Run` on a patient-grouped share of the training films,
judged by its score on the validation views of `models.data.stress`. Test films are dropped before
anything else.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from imaging.errors import SettingsError
from imaging.optional import import_optional
from imaging.settings import Settings
from models.data.dataset import Film, select
from models.data.framed_films import FramedFilms
from models.data.framing import Framing
from models.network.checkpoint import load_checkpoint
from models.training.config import TaskConfig, read_config
from models.training.run import Run

if TYPE_CHECKING:
    import optuna
else:
    optuna = import_optional("optuna", feature="tuning")

STUDY_NAME = "tune"
STARTUP = 4  # trials before the sampler (TPE) starts to learn from what it saw
SEED = 0
WHOLE_FILMS = Framing()  # one object, so that trials share the films cut by it


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of the task file, and the range searched (closed; `log`: evenly in its log)."""

    table: str
    name: str
    low: float
    high: float
    log: bool = False

    @property
    def key(self) -> str:
        """``table.name``, as in the task file."""
        return f"{self.table}.{self.name}"


KNOBS = (
    Knob("augment", "probability", 0.2, 0.8),
    Knob("augment", "blur", 1.5, 5.0),
    Knob("regions", "swapped", 0.0, 0.6),
    Knob("train", "learning_rate", 2e-4, 4e-3, log=True),
    Knob("train", "weight_decay", 5e-3, 0.2, log=True),
    Knob("network", "dropout", 0.0, 0.5),
    Knob("train", "label_smoothing", 0.0, 0.15),
)


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one trial: share of training patients, epochs, and input side in pixels."""

    share: float
    epochs: int
    size: int


def main(
    config: Annotated[Path, typer.Option(help="Task file (TOML).")],
    trials: Annotated[int, typer.Option(help="Trials to add; 0 only writes the report.")] = 8,
    init: Annotated[Path | None, typer.Option(help="Checkpoint every trial starts from.")] = None,
    localiser: Annotated[
        Path | None, typer.Option(help="Folder of the localiser that frames the films.")
    ] = None,
    share: Annotated[float, typer.Option(help="Share of the training patients.")] = 0.25,
    epochs: Annotated[int, typer.Option(help="Epochs of one trial.")] = 1,
    size: Annotated[int, typer.Option(help="Side of the network's input, pixels.")] = 96,
    study: Annotated[Path, typer.Option(help="SQLite file of the study.")] = Path("runs/tune.db"),
    report: Annotated[Path | None, typer.Option(help="Markdown page to write.")] = None,
) -> None:
    """Add trials to a study, and write its page."""
    budget = Budget(share, epochs, size)
    with open_study(study, pruned=epochs > 1) as stored:
        if trials:
            task = read_config(config)
            framing = Framing.load(localiser, task.framing)
            search(stored, task, budget, trials=trials, init=init, framing=framing, out=study)
        if report:
            report.write_text(page(stored))
            typer.echo(f"{len(stored.trials)} trials written to {report}")


def best_settings(path: Path) -> list[str]:
    """Changes to the task file that a study found better, as ``TABLE.NAME=VALUE``; none if none.

    The best trial has to beat the task file's own settings by more than the seed alone does.
    """
    with open_study(path) as study:
        finished = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
        if len(finished) < STARTUP:
            return []
        current = [t.value or 0.0 for t in finished if t.params == finished[0].params]
        best = max(finished, key=lambda t: t.value or 0.0)
        gain = (best.value or 0.0) - float(np.mean(current))
        if best.params == finished[0].params or gain <= float(np.ptp(current)):
            return []
        return [f"{name}={value!r}" for name, value in best.params.items()]


@contextmanager
def open_study(path: Path, *, pruned: bool = False) -> Iterator[optuna.Study]:
    """The study kept in an SQLite file, which is made if there is none."""
    optuna.logging.set_verbosity(logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=STUDY_NAME,
            load_if_exists=True,
            direction="maximize",
            pruner=optuna.pruners.MedianPruner() if pruned else optuna.pruners.NopPruner(),
        )
        # A resumed sampler of the same seed would propose the same points again.
        study.sampler = optuna.samplers.TPESampler(
            seed=SEED + len(study.trials), n_startup_trials=STARTUP
        )
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def search(
    study: optuna.Study,
    task: TaskConfig,
    budget: Budget,
    *,
    trials: int,
    init: Path | None,
    out: Path,
    framing: Framing | None = None,
) -> None:
    """Add trials to a study; each gets a run folder ``<out without suffix>/trial-NNN``.

    The first two trials are the task file as it stands, under two seeds: their difference is what
    the seed alone does to the score, and no smaller one means anything.

    Raises
    ------
    SettingsError
        If LIGHTBOX_DATA is not set, or the study was begun with another task, budget or start.
    """
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the training data.")
    films = patient_share(task.films(settings.data), share=budget.share, seed=SEED)
    _bind_conditions(study, task, budget, init, films)
    if not study.trials:
        current = {k.key: float(getattr(getattr(task, k.table), k.name)) for k in KNOBS}
        for seed in (task.train.seed, task.train.seed + 1):
            study.enqueue_trial(current, user_attrs={"seed": seed})
    short = replace(
        task,
        train=replace(
            task.train,
            size=budget.size,
            early_share=0.0,
            epochs=budget.epochs,
            patience=budget.epochs,
        ),
    )

    def objective(trial: optuna.Trial) -> float:
        return run_trial(
            trial, short, films, init=init, framing=framing or WHOLE_FILMS, out=out.with_suffix("")
        )

    study.optimize(objective, n_trials=trials)


def _bind_conditions(
    study: optuna.Study,
    task: TaskConfig,
    budget: Budget,
    init: Path | None,
    films: tuple[Film, ...],
) -> None:
    """Write down under which conditions the scores arise; refuse to mix them with others."""
    card = load_checkpoint(init)[1] if init else None
    recipe = (task.network, task.train, task.augment, task.regions)
    conditions = {
        "task": f"{task.name} {task.version}",
        "share": budget.share,
        "epochs": budget.epochs,
        "size": budget.size,
        "train": len(select(films, "train")),
        "val": len(select(films, "val")),
        "init": f"{card.name} {card.version}, weights {card.weights_sha256[:12]}" if card else None,
        "recipe": hashlib.sha256(repr(recipe).encode()).hexdigest(),
    }
    if study.user_attrs.setdefault("conditions", conditions) != conditions:
        raise SettingsError("The study was begun under other conditions; give another --study.")
    study.set_user_attr("conditions", conditions)


def patient_share(films: tuple[Film, ...], *, share: float, seed: int) -> tuple[Film, ...]:
    """A share of every class's training patients with all their films, and all validation films.

    Parameters
    ----------
    share : float
        In (0, 1]; at least one patient of every class stays.
    """
    train = select(films, "train")
    chosen: set[str] = set()
    rng = np.random.default_rng(seed)
    for label in sorted({f.label for f in train}):
        patients = sorted({f.patient for f in train if f.label == label})
        count = max(1, round(share * len(patients)))
        chosen |= {patients[i] for i in rng.permutation(len(patients))[:count]}
    return tuple(
        f for f in films if f.split == "val" or (f.split == "train" and f.patient in chosen)
    )


def run_trial(
    trial: optuna.Trial,
    task: TaskConfig,
    films: tuple[Film, ...],
    *,
    init: Path | None,
    framing: Framing,
    out: Path,
) -> float:
    """Train once with the knobs the study proposes; returns the best score of its epochs."""
    values = {k: trial.suggest_float(k.key, k.low, k.high, log=k.log) for k in KNOBS}
    seed = int(trial.user_attrs.get("seed", task.train.seed))
    task = replace(task, train=replace(task.train, seed=seed))
    for knob, value in values.items():
        table = replace(getattr(task, knob.table), **{knob.name: value})
        task = replace(task, **{knob.table: table})
    folder = out / f"trial-{trial.number:03d}"
    run = TrialRun(task, films, folder, trial=trial, framing=framing)
    if init:
        run.start_from(init)
    run.fit()
    best = max(run.history, key=lambda row: row["score"])
    trial.set_user_attr("seed", seed)
    trial.set_user_attr("seconds", sum(row["seconds"] for row in run.history))
    trial.set_user_attr("views", {k: v for k, v in best.items() if k.startswith("auc_")})
    with SummaryWriter(str(run.out)) as log:
        log.add_hparams(trial.params, {"hparam/score": best["score"]}, run_name=".")
    if run.epoch < task.train.epochs and trial.should_prune():
        raise optuna.TrialPruned
    return best["score"]


# training and validation films of the one study of a process
_framed = functools.lru_cache(maxsize=2)(FramedFilms.load)


class TrialRun(Run):
    """A run that shares its films with the other trials and reports every epoch to the study."""

    def __init__(
        self,
        task: TaskConfig,
        films: tuple[Film, ...],
        out: Path,
        *,
        trial: optuna.Trial,
        framing: Framing,
    ) -> None:
        super().__init__(task, films, out, framing)
        self.trial = trial

    def _load(
        self, films: tuple[Film, ...], side: int, context: float
    ) -> tuple[FramedFilms, Tensor]:
        truth = torch.from_numpy(self.task.truth(films))
        return _framed(films, self.framing, side=side, context=context), truth

    def save(self) -> None:
        """Report the epoch. No state is kept: a study goes on with its next trial."""
        self.trial.report(self.history[-1]["score"], self.epoch)

    def _stale(self) -> bool:
        return self.trial.should_prune() or super()._stale()


def page(study: optuna.Study) -> str:
    """The study as Markdown: conditions, every trial, what moved the score.

    Raises
    ------
    SettingsError
        If the study has no finished trial.
    """
    finished = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    if not finished:
        raise SettingsError("The study has no finished trial yet.")
    facts = study.user_attrs["conditions"]
    start = f"from {facts['init']}" if facts["init"] else "from random weights"
    views = list(finished[0].user_attrs["views"])
    header = ["trial", "seed", *(k.key for k in KNOBS), "score", *views, "wall seconds", "state"]
    rows = [header, ["---"] * len(header), *(_row(t, views) for t in study.trials)]
    return f"""# Tuning of `{facts["task"]}`

Written by `python -m models.training.tune --report` from the stored study; nothing is typed by
hand.

Every trial trained {facts["epochs"]} epoch(s) at {facts["size"]} x {facts["size"]} pixels on \
{facts["train"]} films (a share of {facts["share"]:g} of the training patients), {start}, and was \
judged on {facts["val"]} validation films. The score is the mean AUC over the validation views \
below (`models/data/stress.py`). No test film was read. Short runs on few films rank recipes \
roughly; a recipe is better only when full runs say so.

{_table(rows)}

{_compare_with_current(finished)}

## What moved the score

{_describe_importance(study, finished)}
"""


def _table(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(trial: optuna.trial.FrozenTrial, views: list[str]) -> list[str]:
    """Cells of one trial; what it did not come to is a dash."""
    facts: dict[str, Any] = trial.user_attrs
    measured = facts.get("views", {})
    return [
        str(trial.number),
        str(facts.get("seed", "-")),
        *(f"{trial.params[k.key]:.3g}" if k.key in trial.params else "-" for k in KNOBS),
        "-" if trial.value is None else f"{trial.value:.4f}",
        *(f"{measured[v]:.4f}" if v in measured else "-" for v in views),
        f"{facts['seconds']:.0f}" if "seconds" in facts else "-",
        trial.state.name.lower(),
    ]


def _compare_with_current(finished: list[optuna.trial.FrozenTrial]) -> str:
    """The best other trial against the task file's own values, beside what the seed alone does."""
    current = [t.value or 0.0 for t in finished if t.params == finished[0].params]
    others = {t.number: t.value or 0.0 for t in finished if t.params != finished[0].params}
    if len(current) < 2 or not others:
        return "Too few trials for a comparison with the task file's own values."
    best = max(others, key=lambda number: others[number])
    gain, spread = others[best] - float(np.mean(current)), float(np.ptp(current))
    verdict = "more than" if gain > spread else "not more than"
    return (
        f"The first {len(current)} trials hold the task file's own values and differ in their "
        f"seed alone: their scores lie {spread:.4f} apart. The best of the other {len(others)}, "
        f"trial {best}, scores {gain:+.4f} against their mean: {verdict} the seed did. Few seeds "
        "measure that spread roughly, and chance flatters the best of many trials."
    )


def _describe_importance(study: optuna.Study, trials: list[optuna.trial.FrozenTrial]) -> str:
    """PED-ANOVA importance (Watanabe et al., IJCAI 2023) and Spearman correlation per knob."""
    if len(trials) < STARTUP:
        return f"Too few trials to tell: {len(trials)} of at least {STARTUP}."
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
    share = optuna.importance.get_param_importances(study, evaluator=evaluator)
    scores = _ranks([t.value or 0.0 for t in trials])
    rows = [["knob", "importance", "rank correlation with the score"], ["---"] * 3]
    for key in sorted(share, key=lambda k: -share[k]):
        together = np.corrcoef(_ranks([t.params[key] for t in trials]), scores)[0, 1]
        rows.append([f"`{key}`", f"{share[key]:.2f}", f"{together:+.2f}"])
    return (
        f"From {len(trials)} finished trials, importance (PED-ANOVA: what sets the best quarter "
        f"apart; all add up to 1) is a hint at most; a rank correlation of {len(trials)} "
        f"independent numbers scatters by {(len(trials) - 1) ** -0.5:.2f} around zero.\n\n"
        f"{_table(rows)}"
    )


def _ranks(values: list[float]) -> NDArray[np.float64]:
    """Ranks from 0; ties share their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


if __name__ == "__main__":
    typer.run(main)
