"""What all sessions share, made once per server: settings, store, network, background worker."""

from __future__ import annotations

import streamlit as st

from imaging.settings import ROOT, Settings
from imaging.store import Repository
from models.attribution import Explainer
from models.checkpoint import find_checkpoint
from models.classifier import Classifier
from models.serving import settle
from models.worker import Worker

EXAMPLES = ROOT / "examples"


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The installation's settings; raises `SettingsError`."""
    return Settings.from_environment()


@st.cache_resource(show_spinner=False)
def repository() -> Repository:
    """The record store; raises `StoreError`."""
    return Repository.open(settings().home)


@st.cache_resource(show_spinner=False)
def classifier() -> Classifier:
    """The serving network, read-only; raises `CheckpointError`."""
    return Classifier.load(find_checkpoint(settings().weights, settings().model_name))


@st.cache_resource(show_spinner=False)
def explainer() -> Explainer:
    """Explanations of the network's answers; one at a time behind its lock."""
    return Explainer(classifier())


@st.cache_resource(show_spinner=False)
def worker() -> Worker:
    """The background worker, running. Made last: what was loaded before it stays for good."""
    found = Worker(repository(), classifier())
    explainer()
    settle()
    found.start()
    return found
