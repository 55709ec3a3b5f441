"""What all sessions share, made once per server: settings, store, models, background worker."""

from __future__ import annotations

import streamlit as st

from imaging.settings import ROOT, Settings
from imaging.store import Repository
from models.card import ModelCard
from models.explain.explainer import Explainers
from models.panel import Panel
from models.serving import settle
from models.worker import Worker
from pages.ui import background

_A_MOMENT = 0.25  # seconds a batch rests for readers at once: it must not starve either
EXAMPLES = ROOT / "examples"


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The installation's settings; raises `SettingsError`."""
    return Settings.from_environment()


@st.cache_resource(show_spinner=False)
def repository() -> Repository:
    """The record store; raises `StoreError`."""
    return Repository.open(settings().home, settings().database)


@st.cache_resource(show_spinner=False)
def panel() -> Panel:
    """The serving models, read-only; raises `CheckpointError`."""
    return Panel.load(settings())


def card(name: str = "") -> ModelCard:
    """The card of the model of that name, or of the first one installed."""
    return panel().named(name).card


@st.cache_resource(show_spinner=False)
def explainers() -> Explainers:
    """Explanations of the models' answers; one at a time behind their locks."""
    return Explainers(panel())


@st.cache_resource(show_spinner=False)
def worker() -> Worker:
    """The background worker, running. Made last: what was loaded before it stays for good."""
    found = Worker(repository(), settings(), give_way=lambda: background.give_way(_A_MOMENT))
    explainers().of("")
    settle()
    found.start()
    return found
