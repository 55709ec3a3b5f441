"""Draw a scene: send the pixels it needs, then the scene, then read what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from threading import Lock
from weakref import WeakValueDictionary

import streamlit as st

from imaging.decoding import DistantImage, shared_pool
from imaging.decoding.budget import Kept
from imaging.review.rights import Right
from pages.ui.deeds import deed
from pages.ui.i18n import _
from pages.ui.viewer import route
from pages.ui.viewer.component import mount
from pages.ui.viewer.packets import PixelPacket, film_hash, overlay_hash, pack_film, pack_overlay
from pages.ui.viewer.reports import read_report
from pages.ui.viewer.scene import ACTS, Scene, ViewerReport
from pages.ui.viewer.wire import to_wire

_DONE = "viewer-acts"
_KEPT, _MISSING = "viewer-parcels", "viewer-missing"
_SCENES = 4  # viewers whose pixels a session keeps; the longest unused goes first
_PATIENCE = 4  # packets that may fail before a session is given no more tickets
_CARRIED = 2**26  # bytes that go by the page's own socket, where they stand in memory twice
_MOST = 32  # names of missing packets that are accepted in one report

_shared: WeakValueDictionary[str, Kept[PixelPacket]] = WeakValueDictionary()
_sharing = Lock()


def render_viewer(
    scene: Scene,
    *,
    key: str,
    sign_in: str = "",
    on_step: Callable[[int], None] | None = None,
    on_act: Callable[[str], None] | None = None,
) -> ViewerReport | None:
    """Put a viewer on the page; it fills what the page leaves below it (`reading_room.css`).

    Parameters
    ----------
    scene : Scene
        The films and their settings. The same scene again costs nothing: zoom, window and
        drawings stay.
    key : str
        Names this viewer among the page's widgets.
    sign_in : str
        Token of the reader's sign-in; pixels are handed out under it (`route.pixel_route`).
    on_act : callable, optional
        Gets what a key asks of the page, one of `ACTS`, before the page is drawn again.
    on_step : callable, optional
        Gets the place in its `Stack` the reader wants to see, before the page is drawn again.

    Returns
    -------
    ViewerReport or None
        The drawings and settings of the reader, checked; None until there are some.

    Raises
    ------
    PixelDataError
        When a film cannot be decoded.
    """
    packets = _packets(scene, key)
    by_hash = {packet.hash: packet for packet in packets}
    previews = [packet.preview for packet in packets if packet.preview]
    large = [*previews, *(packet for packet in packets if packet.preview)]
    tickets = _tickets(large, key, sign_in)
    scene = replace(scene, acts=acts_done(key), name=key)
    state = mount(
        "viewer",
        key=key,
        data=to_wire(scene, packets=by_hash, tickets=tickets),
        default={"reading": None, "missing": None},
        on_reading_change=_nothing,
        on_missing_change=partial(_note_missing, key),
        on_step_change=partial(_step, scene, key, on_step),
        on_act_change=partial(_act, key, on_act),
    )
    with st.container(gap=None, height="content"):
        for packet in (*previews, *packets):
            if packet.hash not in tickets and packet.size > _CARRIED:
                st.warning(_("This image is too large for this connection; reload the page."))
            elif packet.hash not in tickets:
                mount("carrier", key=f"{key}-{packet.hash}", data=packet.data, height="content")
    units = {_uid(pane.image): by_hash[film_hash(pane.image)].unit for pane in scene.panes}
    return read_report(state.get("reading"), scene, units)


def _packets(scene: Scene, key: str) -> list[PixelPacket]:
    """Packed pixels, packed once in a session and dropped when nothing shows them."""
    shelf: dict[str, dict[str, Kept[PixelPacket]]] = st.session_state.setdefault(_KEPT, {})
    kept = shelf.pop(key, {})
    wanted: dict[str, Kept[PixelPacket]] = {}
    for pane in scene.panes:
        name = film_hash(pane.image)
        wanted[name] = kept.get(name) or _share(name, partial(pack_film, pane.image))
        if pane.overlay is not None:
            name = overlay_hash(pane.overlay)
            pack = partial(pack_overlay, pane.overlay)
            wanted[name] = kept.get(name) or Kept(shared_pool().budget, pack)
    shelf[key] = wanted
    while len(shelf) > _SCENES:
        del shelf[next(iter(shelf))]
    with st.spinner(_("Opening the image ...")):
        return [packet.get() for packet in wanted.values()]


def _share(name: str, pack: Callable[[], PixelPacket]) -> Kept[PixelPacket]:
    """The packet of a film for all sessions that show it: its bytes lie in memory once.

    No session comes to it but by the film, which the records gave it; no longer kept than shown.
    """
    with _sharing:
        kept = _shared.get(name)
        if kept is None:
            kept = _shared[name] = Kept(shared_pool().budget, pack)
        return kept


def _tickets(packets: Iterable[PixelPacket], key: str, sign_in: str) -> dict[str, str]:
    """Tickets of the packets the browser collects; those it could not collect are carried."""
    missing = st.session_state.get(f"{_MISSING}-{key}", ())
    if st.session_state.get(_MISSING, 0) >= _PATIENCE:
        return {}
    wanted = (packet for packet in packets if packet.hash not in missing)
    tickets = {packet.hash: route.ticket(packet, sign_in) for packet in wanted}
    return {name: ticket for name, ticket in tickets.items() if ticket}


@deed(Right.FILMS)
def _note_missing(key: str) -> None:
    """Let a carrier bring what the browser could not collect; after a few, everything."""
    reported = (st.session_state.get(key) or {}).get("missing")
    missing = st.session_state.get(f"{_MISSING}-{key}", ())
    names = reported[:_MOST] if isinstance(reported, list) else []
    new = {name for name in names if isinstance(name, str)} - set(missing)
    st.session_state[f"{_MISSING}-{key}"] = (*missing, *new)
    st.session_state[_MISSING] = st.session_state.get(_MISSING, 0) + len(new)


@deed(Right.FILMS)
def _step(scene: Scene, key: str, on_step: Callable[[int], None] | None) -> None:
    """Hand on which picture of a series is wanted, if there is such a one."""
    wanted = (st.session_state.get(key) or {}).get("step")
    most = max((pane.stack.count for pane in scene.panes if pane.stack), default=0)
    if on_step and isinstance(wanted, int) and 0 <= wanted < most:
        on_step(wanted)


@deed(Right.FILMS)
def _act(key: str, on_act: Callable[[str], None] | None) -> None:
    """Hand on what a key asks for, once: the browser counts what it asks."""
    asked = (st.session_state.get(key) or {}).get("act")
    done = acts_done(key)
    if not isinstance(asked, dict) or asked.get("number") != done + 1:
        return
    st.session_state[f"{_DONE}-{key}"] = done + 1
    if on_act and asked.get("name") in ACTS:
        on_act(str(asked["name"]))


def acts_done(key: str) -> int:
    """How many acts of the keys of a viewer were done."""
    return int(st.session_state.get(f"{_DONE}-{key}", 0))


def _uid(image: DistantImage) -> str:
    return image.instance.identity.sop_instance_uid


def _nothing() -> None:
    """Streamlit reports only states that have a callback."""
