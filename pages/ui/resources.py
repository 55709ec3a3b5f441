"""Resources of all sessions, made once per server: settings, store, models, background worker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

from imaging.decoding import shared_pool
from imaging.entities import ModelIdentity
from imaging.errors import AssistantError, CheckpointError, StoreReadOnlyError
from imaging.openid.provider import OpenIdProvider
from imaging.review.records import AuditEvent
from imaging.settings import Settings, shipped_folder
from imaging.store import Repository, TrailWatch
from imaging.store.backup.backups import keep_daily
from imaging.store.backup.sealing import BackupKey
from imaging.store.opening.key_changes import renew_recovery_key
from imaging.store.opening.opening import open_store
from imaging.syslog.relay import Relay
from imaging.syslog.transport import Collector
from models.batch.priority import yield_to_interactive
from models.batch.process_tuning import settle
from models.batch.worker import Worker
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import find_checkpoint
from models.checkpoint.second_look import read_sure_from
from models.explain.methods.explainer import Explainers
from models.inference.classifier_registry import ClassifierRegistry
from models.model_card.facts import read_facts
from models.model_card.figures import ModelFacts

log = logging.getLogger(__name__)
_A_MOMENT = 0.25  # seconds a batch pauses for readers at once: it must not starve either
_FIRST = 2.0  # seconds for who opened the page while the server started: loading would slow it
_TROUBLE = 60.0  # seconds until a worker that could not begin is tried again
_DUE = 3600.0  # seconds between two looks whether a backup is due
_PARTING = 10.0  # seconds a server that ends waits for networks being loaded
EXAMPLES = shipped_folder("examples")


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The installation's settings; raises `SettingsError`."""
    return Settings.from_environment()


@st.cache_resource(show_spinner=False)
def repository() -> Repository:
    """The record store; raises `StoreError`."""
    idle = timedelta(minutes=settings().idle_minutes)
    where = settings()
    return open_store(where, idle=idle)


def first_recovery_key() -> str:
    """The data folder's recovery key, made now and shown once; empty where there was one.

    Raises
    ------
    StoreError, SettingsError
        If it cannot be made.
    """
    key = renew_recovery_key(settings(), only_first=True)
    if key:
        detail = "a recovery key was made"
        repository().audit.record(AuditEvent.ENCRYPTION, account="server", detail=detail)
    return key


@st.cache_resource(show_spinner=False)
def provider() -> OpenIdProvider | None:
    """By whom readers sign in, where the site names one; asked nothing before somebody does."""
    named = settings().openid
    return OpenIdProvider(named) if named else None


@st.cache_resource(show_spinner=False)
def panel() -> ClassifierRegistry:
    """The serving models, read-only; raises `CheckpointError`."""
    return ClassifierRegistry.load(settings())


def card(name: str = "") -> ModelCard:
    """The card of the model of that name, of the first one without a name.

    Raises
    ------
    CheckpointError
        If it is not installed any more.
    """
    return panel().card(name)


def installed_card(model: ModelIdentity | None) -> ModelCard | None:
    """The card of the model that answered; None when it is not installed any more."""
    try:
        return card(model.name) if model is not None else None
    except CheckpointError:
        return None


@st.cache_resource(show_spinner=False)
def measured(name: str) -> ModelFacts | None:
    """What was measured of the model of that name; None when it is not installed any more."""
    try:
        return read_facts(find_checkpoint(settings().weights, name))
    except CheckpointError:
        return None


@st.cache_resource(show_spinner=False)
def sure_from(model: ModelIdentity) -> float | None:
    """How sure an answer of a network must be for a second look; None where that is not known."""
    folder = settings().weights / model.name
    return read_sure_from(folder, model.weights_sha256)


@st.cache_resource(show_spinner=False)
def explainers() -> Explainers:
    """Explanations of the models' answers; one at a time behind their locks."""
    return Explainers(panel())


@st.cache_resource(show_spinner=False)
def worker() -> Worker:
    """The background worker, running. Made last: what was loaded before it stays for good.

    Raises
    ------
    StoreReadOnlyError
        While nothing can be written.
    """
    if repository().read_only:
        raise StoreReadOnlyError(repository().read_only)
    background_worker = Worker(
        repository(),
        settings(),
        yield_to_interactive=lambda: yield_to_interactive(_A_MOMENT),
    )
    explainers().of("")
    settle()
    background_worker.start()
    return background_worker


@st.cache_resource(show_spinner=False)
def trail() -> TrailWatch:
    """The audit trail's watch: it is checked, and sent to the collector where there is one."""
    watch = TrailWatch(repository().audit.verify)
    watch.start()
    where = settings()
    if where.syslog:
        collector = Collector.of(where.syslog, where.syslog_ca, where.syslog_certificate)
        Relay(repository(), collector).start()
    return watch


@contextmanager
def run_worker() -> Iterator[None]:
    """The worker begins with the server: a job goes on though nobody has signed in yet.

    It is the one `worker` that pages ask for; who comes meanwhile waits for it. What stands against
    it goes to the log, is told by the page, and may pass: a database that starts later.
    """
    ended = threading.Event()
    thread = threading.Thread(
        target=_keep_trying, args=(ended,), name="lightbox-begin", daemon=True
    )
    thread.start()
    keeper = threading.Thread(
        target=_keep_backups, args=(ended,), name="lightbox-backup", daemon=True
    )
    keeper.start()
    with suppress(OSError):  # the first reader starts it then, or is told
        shared_pool().start()
    try:
        yield
    finally:
        ended.set()
        shared_pool().close()
        thread.join(_PARTING)  # a thread that loads networks while Python ends would abort it


def _keep_trying(ended: threading.Event) -> None:
    last_reason, pause = "", _FIRST
    while not ended.wait(pause) and (reason := _try_worker()):
        if reason != last_reason:
            log.error("no job is worked off: %s", reason)
        last_reason, pause = reason, _TROUBLE


def backup_trouble() -> str:
    """Why the last daily backup failed; empty when it did not, or there are none."""
    return _last_backup.trouble


@dataclass
class _LastBackup:
    trouble: str = ""


_last_backup = _LastBackup()


def _keep_backups(ended: threading.Event) -> None:
    """Make the day's backup at the start, or once it is due; a reader is told of one that fails."""
    pause = _FIRST
    while not ended.wait(pause):
        _last_backup.trouble, pause = _try_backup(), _DUE
        if _last_backup.trouble:
            log.error("no backup: %s", _last_backup.trouble)


def _try_backup() -> str:
    """Make a backup if one is due; returns why it could not be made."""
    try:
        home, folder, key = settings().home, settings().backup, settings().backup_key
        if folder is not None and key is not None:
            lock = BackupKey.of_file(key)
            keep_daily(
                repository(),
                home,
                folder,
                lock,
                settings().backup_keep,
                key_file=settings().key_file,
            )
    except AssistantError as exc:
        return str(exc)
    except Exception as exc:  # as in `_try_worker`
        return type(exc).__name__
    return ""


def _try_worker() -> str:
    """Ask for the worker and the trail's watch; returns why there is none, empty when there is."""
    try:
        trail()
        worker()
    except AssistantError as exc:
        return str(exc)
    except Exception as exc:  # a fault of ours; only its type, a message may hold a name
        return type(exc).__name__
    return ""
