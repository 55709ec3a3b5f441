"""`cli.py train TASK.toml`: everything from a manifest to an installed model, in one command.

Nothing is installed before all of it is made and measured, so a model that serves is never half
another one. What is done is noted in the run folder: the same command goes on after a stop.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imaging.entities import RESEARCH_USE
from imaging.errors import SettingsError
from imaging.settings import Settings

if TYPE_CHECKING:
    from models.training.config import TaskConfig

_NOTES = "steps.json"
_STATE = "state.pt"


def train(
    task: Annotated[Path, typer.Argument(help="Task file (docs/train-your-own.md).")],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder its paths start from; else LIGHTBOX_DATA or the file's own."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/NAME if empty.")] = None,
    members: Annotated[int, typer.Option(min=1, help="Models that answer together.")] = 1,
    tune: Annotated[int, typer.Option(min=0, help="Trials of a search for settings first.")] = 0,
    fill: Annotated[bool, typer.Option("--fill", help="Train a fill (heads of evidence).")] = False,
    imagenet: Annotated[
        bool, typer.Option("--imagenet", help="Begin with ImageNet's weights (a Lite0 trunk).")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only look for faults.")] = False,
    replace_model: Annotated[
        bool, typer.Option("--replace", help="Replace a model of that name.")
    ] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Change: NAME=VALUE or TABLE.NAME=VALUE.")
    ] = None,
) -> None:
    """Train, calibrate, measure and install a model; the same command goes on after a stop."""
    from models.training.config import read_config

    changes = list(change or [])
    config = read_config(task, change=changes)
    settings = Settings.from_environment()
    folder = data or settings.data or task.parent
    films = check_data(config, folder)
    typer.echo(films)
    if check:
        return
    job = Job(
        task,
        folder,
        out or Path("runs") / config.name,
        settings.weights / config.name,
        config,
        changes,
        members,
        imagenet=imagenet,
    )
    job.begin(replace_model=replace_model)
    with environment(LIGHTBOX_DATA=str(folder.resolve()), LIGHTBOX_WEIGHTS=str(job.weights)):
        job.run(job.steps(tune=tune, fill=fill))
    typer.echo(
        f"Installed as {config.name}. Read its figures in {job.target.name}/model-card.md or on "
        f"the page Model. {RESEARCH_USE}."
    )


def check_data(config: TaskConfig, data: Path) -> str:
    """Look for faults of a task's films; returns what there is, in a sentence.

    Raises
    ------
    SettingsError
        With everything that is wrong.
    """
    from models.data.check import SPLITS, check_films
    from models.data.dataset import select

    films = config.films(data)
    problems = check_films(films, config.classes, config.findings, multi_label=config.multi_label)
    for hospital in config.elsewhere:
        if not hospital.films(data, config.classes, multi_label=config.multi_label):
            problems.append(
                f"No image of the hospital {hospital.name} has a class of the task. Rename its "
                "labels by columns in its table, or take the table out."
            )
    if problems:
        raise SettingsError(" ".join(problems))
    counts = ", ".join(f"{len(select(films, split))} {split}" for split in SPLITS)
    return f"{len(films)} images of {len({f.patient for f in films})} patients: {counts}."


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set variables of this process for a while: its parts read them as a site's do."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass(slots=True)
class Job:
    """One training, and how far it has come.

    Attributes
    ----------
    task : Path
        Its file.
    data : Path
        Folder the file's paths start from.
    out : Path
        Run folder.
    target : Path
        Where the finished model goes.
    config : TaskConfig
    changes : list of str
        Settings changed on the command line, then by a search.
    members : int
        Models that answer together.
    imagenet : bool
        Begin with ImageNet's weights.
    done : dict
        Steps that are done, and their seconds.
    """

    task: Path
    data: Path
    out: Path
    target: Path
    config: TaskConfig
    changes: list[str]
    members: int
    imagenet: bool = False
    done: dict[str, float] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        """Folder of the model in the making."""
        return self.out.resolve() / "weights"

    @property
    def model(self) -> Path:
        """The model in the making."""
        return self.weights / self.config.name

    @property
    def localiser(self) -> Path | None:
        """Folder of the localiser; None where the task has no masks."""
        return self.out / "localiser" if self.config.data.get("regions") else None

    def begin(self, *, replace_model: bool) -> None:
        """Take up what the run folder holds.

        Raises
        ------
        SettingsError
            If that is of another task or other films, or a model of the name is installed.
        """
        mark, notes = self._mark(), self.out / _NOTES
        if notes.exists():
            held = json.loads(notes.read_text())
            if held["mark"] != mark:
                raise SettingsError(
                    f"The folder {self.out.name} holds a run of another task file, other images or "
                    "other options. Give another folder by --out, or delete it."
                )
            self.done = held["done"]
        if self.target.exists() and not replace_model and "install" not in self.done:
            raise SettingsError(
                f"A model named {self.config.name} is installed already. Give the task another "
                "name, or say --replace to replace it."
            )
        self.weights.mkdir(parents=True, exist_ok=True)
        self._note(mark)
        typer.echo(f"Run folder {self.out}; see it grow: tensorboard --logdir {self.out}")
        typer.echo(f"Computing on {_device()}.")

    def _mark(self) -> str:
        """SHA-256 (hex) over task, films and options: what a run must not change under way."""
        from models.data.dataset import content_hash

        options = [self.task.read_text(), self.changes, self.members, self.imagenet]
        text = json.dumps([*options, content_hash(self.config.films(self.data))])
        return hashlib.sha256(text.encode()).hexdigest()

    def _note(self, mark: str = "") -> None:
        notes = self.out / _NOTES
        kept = mark or json.loads(notes.read_text())["mark"]
        notes.write_text(json.dumps({"mark": kept, "done": self.done}, indent=1))

    def steps(self, *, tune: int, fill: bool) -> list[tuple[str, Callable[[], None]]]:
        """Every step by its name, in order."""
        model = self.config.name
        made: list[tuple[str, Callable[[], None]]] = []
        if self.localiser:
            made.append(("localiser", self._train_localiser))
        if tune:
            made.append((f"search of {tune} trials", partial(self._tune, tune)))
        made += [
            (f"model {number} of {self.members}", partial(self._train_network, number))
            for number in range(1, self.members + 1)
        ]
        made += [("calibration", self._assemble), ("gate", self._train_gate)]
        if fill:
            made.append(("fill", self._train_fill))
        # other hospitals first: they say whether a finding is exploratory and gets no answer
        made += [
            ("serving graphs", partial(_main, "models.graphs.export", model=model)),
            (
                "other hospitals, whole-image numbers",
                partial(
                    _main,
                    "models.evaluation.evaluate_elsewhere",
                    model=model,
                    run=self.out / "network-1",
                ),
            ),
            ("figures", partial(_main, "models.evaluation.evaluate", model=model)),
            ("figures of the gate", partial(_main, "models.evaluation.evaluate_gate", model=model)),
            ("card", self._write_card),
            ("install", self._install),
        ]
        return made

    def run(self, steps: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """Do what is not done yet, and note each step."""
        for number, (name, act) in enumerate(steps, 1):
            title = f"Step {number} of {len(steps)}: {name}"
            if name in self.done:
                typer.echo(f"{title} - done before")
                if name.startswith("search"):
                    self._take_best()
                continue
            typer.echo(title)
            started = time.monotonic()
            act()
            self.done[name] = time.monotonic() - started
            self._note()

    def _train_localiser(self) -> None:
        _main("models.training.train_localiser", config=self.task, install=self.localiser)

    def _tune(self, trials: int) -> None:
        """Search the settings by short runs; take the best if it beats what the seed alone does."""
        _main(
            "models.training.tune",
            config=self.task,
            trials=trials,
            localiser=self.localiser,
            share=1.0,
            epochs=max(1, self.config.train.epochs // 4),
            size=self.config.size,
            study=self.out / "tune.db",
            report=self.out / "tuning.md",
        )
        self._take_best()

    def _take_best(self) -> None:
        from models.training.tune import best_settings

        found = best_settings(self.out / "tune.db")
        typer.echo(f"settings taken from the search: {', '.join(found) or 'none is better'}")
        self.changes = [*self.changes, *found]

    def _train_network(self, number: int) -> None:
        out = self.out / f"network-{number}"
        seed = self.config.train.seed + number - 1
        _main(
            "models.training.train",
            config=self.task,
            out=out,
            resume=(out / _STATE).exists(),
            change=[*self.changes, f"seed={seed}"],
            imagenet=self.imagenet and not (out / _STATE).exists(),
            localiser=self.localiser,
            install=out / "ckpt",
        )

    def _assemble(self) -> None:
        _main(
            "models.training.assemble",
            config=self.task,
            member=[self.out / f"network-{n}" / "ckpt" for n in range(1, self.members + 1)],
            install=self.model,
            change=self.changes,
        )

    def _train_gate(self) -> None:
        _main("models.training.train_gate", config=self.task, install=self.model)

    def _train_fill(self) -> None:
        _main("models.training.train_fill", config=self.task, install=self.model)

    def _write_card(self) -> None:
        """Write the figures as a page beside the weights, and seal the model."""
        from models.checkpoint.sealing import write_manifest
        from models.model_card.card_page import card_page
        from models.model_card.facts import read_facts

        (self.model / "model-card.md").write_text(card_page(read_facts(self.model)))
        write_manifest(self.model)

    def _install(self) -> None:
        """Copy the finished model to where models are looked for, in one move."""
        waiting = self.target.with_name(f".{self.target.name}.new")
        try:
            shutil.rmtree(waiting, ignore_errors=True)
            shutil.copytree(self.model, waiting)
            if self.target.exists():
                shutil.rmtree(self.target)
            waiting.rename(self.target)
        except OSError as exc:
            raise SettingsError(
                f"The model {self.config.name} cannot be written into the folder of models; see "
                "that there is room, and that you may write there."
            ) from exc


def _main(module: str, **options: Any) -> None:
    """Do what `python -m MODULE` does; what is not given has the command's own default."""
    import importlib
    import inspect

    main = importlib.import_module(module).main
    defaults = {name: p.default for name, p in inspect.signature(main).parameters.items()}
    main(**{**{n: d for n, d in defaults.items() if d is not inspect.Parameter.empty}, **options})


def _device() -> str:
    """What computes, in words."""
    import torch

    from models.training.run import precision_name

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} ({precision_name(torch.device('cuda'))})"
    return f"the processor ({precision_name(torch.device('cpu'))})"
