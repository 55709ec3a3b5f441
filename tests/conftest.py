"""Fixtures every room's tests share. No network, no patient, no GPU."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

# Before torch: workers side by side, and what they start, each compute on one processor. It gives
# the same sums on every computer, too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from filelock import FileLock

from imaging.settings import ROOT, Settings
from imaging.store import Repository
from imaging.store.opening.opening import encrypt_new
from models.checkpoint.card import ModelCard
from models.graphs.export import export
from models.inference.classifier import Classifier
from models.inference.classifier_registry import ClassifierRegistry
from models.network.checkpoint import find_checkpoint, save_checkpoint
from models.network.ensemble import Ensemble
from models.network.network import NetworkSettings
from models.rules.conformal import ConformalRule
from models.training.calibrate import training_record
from models.training.config import read_config
from tests.planted import planted_checkpoint
from tests.postgresql import find_binaries, fresh_database, serve
from tests.served import Judge, ServedFiles, TakeIn

TINY = NetworkSettings(classes=3, stem=4, channels=(8, 8), depths=(1, 1), scales=2, reduction=2)


# `make quick` leaves these out; about how many seconds one of them takes more than another test.
LONG = {"slow": 2, "browser": 10, "cluster": 10, "postgresql": 1}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server of PostgreSQL, and put the longest files first.

    One of these that began last would run alone at the end.
    """
    seconds: Counter[Path] = Counter()
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "postgresql" in fixtures or parameters.get("database") == "postgresql":
            item.add_marker("postgresql")
        seconds[item.path] += sum(LONG.get(mark.name, 0) for mark in item.iter_markers())
    items.sort(key=lambda item: -seconds[item.path])


@pytest.fixture
def data() -> Path:
    """The open research images; tests that need them skip without (and .ci/run insists)."""
    folder = Settings.from_environment().data
    if folder is None:
        pytest.skip("LIGHTBOX_DATA is not set")
    return folder


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that nothing was put in: to copy, since making its tables takes longer."""
    home = tmp_path_factory.mktemp("empty") / "home"
    Repository.open(home).close()
    return home


def open_empty(home: Path, empty_home: Path) -> Repository:
    """Open a store in a folder, which gets its tables from `empty_home` unless it exists."""
    if not home.exists():
        shutil.copytree(empty_home, home)
    return Repository.open(home)


@pytest.fixture
def repository(tmp_path: Path, empty_home: Path) -> Iterator[Repository]:
    """An empty store in a folder of its own."""
    store = open_empty(tmp_path / "home", empty_home)
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Path]:
    """Socket folder of a running PostgreSQL; skips without its binaries (and CI insists)."""
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("LIGHTBOX_REQUIRE_POSTGRES") == "1":
            pytest.fail("PostgreSQL is required here: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with serve(binaries) as socket:
        yield socket


@pytest.fixture(params=["sqlite", "encrypted", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an empty database, each kind in turn; empty means SQLite below the home.

    With "encrypted" a data folder that is opened for the first time is, with its originals.
    """
    if request.param == "encrypted":
        monkeypatch.setattr(Repository, "open", partial(open_encrypted, Repository.open))
        yield ""
    elif request.param == "sqlite":
        yield ""
    else:
        with fresh_database(request.getfixturevalue("postgresql")) as address:
            yield address


def open_encrypted(
    opened: Callable[..., Repository], home: Path, *args: Any, **options: Any
) -> Repository:
    """Open a store, which gets a key file beside it where there is none yet."""
    if not (home / "lightbox.db").exists():  # of several at once none makes a plain one
        encrypt_new(home)
    return opened(home, *args, **options)


def tiny_card() -> ModelCard:
    """The flagship's card around networks of two thousand parameters."""
    task = read_config(ROOT / "models/configs/paediatric_cxr.toml")
    card = task.card(
        findings=task.findings,
        calibration=(2.0, (0.0, 0.0, 0.0)),
        conformal=(ConformalRule(error_rate=0.05, present_from=0.5, absent_to=0.5),),
        training=training_record(task, data_sha256="", films={}, members=[]),
    )
    return replace(card, network=TINY, size=32)


def shared_folder(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """What `make` writes into an empty folder, once for all workers of a run."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared" / name
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            half = folder.with_name(f"{name}.half")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            make(half)
            half.rename(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two tiny networks with seeded random weights; do not change it."""
    return shared_folder(tmp_path_factory, "weights", _tiny_checkpoint) / "tiny"


def _tiny_checkpoint(weights: Path) -> None:
    torch.manual_seed(3)
    folder = weights / "tiny"
    network = Ensemble.of(TINY, 2)
    with torch.no_grad():  # a fresh residual block is an identity: give it something to say
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    save_checkpoint(folder, network, tiny_card())
    export(folder)


@pytest.fixture
def tiny_settings(tmp_path: Path, checkpoint_folder: Path) -> Settings:
    """An installation whose only model is the tiny ensemble."""
    return Settings(home=tmp_path / "home", weights=checkpoint_folder.parent)


@pytest.fixture
def served(tiny_settings: Settings, tmp_path: Path) -> ServedFiles:
    """The file worker with the tiny ensemble, in this process."""
    return ServedFiles(tiny_settings, tmp_path)


@pytest.fixture
def judge(served: ServedFiles) -> Judge:
    """What the file worker makes of one file: ``judge(content, **settings)``."""
    return served.judge


@pytest.fixture
def take_in(served: ServedFiles) -> TakeIn:
    """One file queued, worked off and stored: ``take_in(repository, content)``."""
    return served.take_in


@pytest.fixture(scope="session")
def tiny_classifier(checkpoint_folder: Path) -> Classifier:
    """The tiny ensemble, loaded."""
    return Classifier.load(checkpoint_folder)


@pytest.fixture(scope="session")
def planted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of networks that a bright mark alone decides (see `tests.planted`)."""
    return planted_checkpoint(tmp_path_factory.mktemp("planted") / "planted", tiny_card())


@pytest.fixture(scope="session")
def planted_classifier(planted_folder: Path) -> Classifier:
    """The planted ensemble, loaded; its films are `tests.planted.planted_film`."""
    return Classifier.load(planted_folder)


@pytest.fixture(scope="session")
def tiny_panel(tiny_classifier: Classifier) -> ClassifierRegistry:
    """The tiny ensemble as the only installed model."""
    return ClassifierRegistry([tiny_classifier])


@pytest.fixture(scope="session")
def shipped_classifier() -> Classifier:
    """The network that ships with Lightbox."""
    return Classifier.load(find_checkpoint(Settings.from_environment().weights, "paediatric-cxr"))
