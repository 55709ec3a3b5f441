"""Draw a scene: send the pixels it needs, then the scene, then read what came back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from imaging.dicom import Image
from pages.ui.viewer.component import mount
from pages.ui.viewer.parcels import Parcel, film_hash, overlay_hash, pack_film, pack_overlay
from pages.ui.viewer.reading import read_report
from pages.ui.viewer.scene import Reading, Scene
from pages.ui.viewer.wire import to_wire

_KEPT = "viewer-parcels"


def render_viewer(scene: Scene, *, key: str, height: int = 720) -> Reading | None:
    """Put a viewer on the page.

    Parameters
    ----------
    scene : Scene
        What to show. The same scene again costs nothing: zoom, window and drawings stay.
    key : str
        Names this viewer among the page's widgets.
    height : int
        CSS pixels, bars included.

    Returns
    -------
    Reading or None
        What the reader has drawn and set, checked; None until something was.

    Raises
    ------
    PixelDataError
        When a film cannot be decoded.
    """
    parcels = _parcels(scene, key)
    by_hash = {parcel.hash: parcel for parcel in parcels}
    state = mount(
        "viewer",
        key=key,
        data=to_wire(scene, parcels=by_hash, height=height),
        default={"reading": None},
        on_reading_change=_nothing,
    )
    with st.container(gap=None, height="content"):
        previews = [parcel.preview for parcel in parcels if parcel.preview]
        for parcel in (*previews, *parcels):
            mount("carrier", key=f"{key}-{parcel.hash}", data=parcel.data, height="content")
    units = {_uid(pane.image): by_hash[film_hash(pane.image)].unit for pane in scene.panes}
    return read_report(state.get("reading"), scene, units)


def _parcels(scene: Scene, key: str) -> list[Parcel]:
    """Packed pixels, packed once in a session and dropped when nothing shows them."""
    kept: dict[str, Parcel] = st.session_state.get(f"{_KEPT}-{key}", {})
    wanted: dict[str, Callable[[], Parcel]] = {}
    for pane in scene.panes:
        wanted[film_hash(pane.image)] = lambda image=pane.image: pack_film(image)  # type: ignore[misc]
        if pane.overlay is not None:
            found = pane.overlay
            wanted[overlay_hash(found)] = lambda found=found: pack_overlay(found)  # type: ignore[misc]
    parcels = {name: kept.get(name) or pack() for name, pack in wanted.items()}
    st.session_state[f"{_KEPT}-{key}"] = parcels
    return list(parcels.values())


def _uid(image: Image) -> str:
    return image.instance.identity.sop_instance_uid


def _nothing() -> None:
    """Streamlit reports only states that have a callback."""
