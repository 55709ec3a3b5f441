"""The two Streamlit components: one carries pixels into the page, one shows them.

Their JavaScript is served from ``frontend/dist`` by Streamlit itself (under its base path, once
per page load), registered here because Lightbox runs without being installed as a package.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

_FOLDER = Path(__file__).parent
_ASSETS = "frontend/dist"
_PACKAGE = "lightbox"
_lock = threading.Lock()
_registered: WeakKeyDictionary[BidiComponentManager, dict[str, Callable[..., Any]]] = (
    WeakKeyDictionary()
)


def mount(name: str, **options: Any) -> Any:
    """Put the component "carrier" or "viewer" on the page; returns its state."""
    return _components()[name](**options)


def _components() -> dict[str, Callable[..., Any]]:
    """The components of the running server; registered with it at first use."""
    manager = get_bidi_component_manager()
    with _lock:
        if manager not in _registered:
            configs = [ComponentConfig(name, _ASSETS) for name in ("carrier", "viewer")]
            manifest = ComponentManifest(_PACKAGE, "1", configs)
            manager.register_from_manifest(manifest, _FOLDER)
            _registered[manager] = {
                config.name: st.components.v2.component(
                    f"{_PACKAGE}.{config.name}", js=f"{config.name}.js"
                )
                for config in configs
            }
        return _registered[manager]
