"""A page with nothing but a viewer, for tests: `streamlit run tests/browser/viewer_app.py`.

``VIEWER_FILMS`` names a folder of DICOM files; ``?scene=`` says which are shown and how. Served
with the viewer's route for pixels, unless ``VIEWER_ROUTE`` is "none", or "shut" for one that
refuses everybody.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import streamlit as st

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from imaging.decoding import DistantImage, read_image  # noqa: E402
from imaging.review.records import Account  # noqa: E402
from pages.ui import connection  # noqa: E402
from pages.ui.viewer import Comparison, Overlay, Pane, Scene, render_viewer  # noqa: E402
from pages.ui.viewer.route import pixel_route  # noqa: E402
from pages.ui.viewer.scene import WHOLE, Edges  # noqa: E402

FOLDER = Path(os.environ["VIEWER_FILMS"])

# No wall and no store stand around this page: whoever opens it is a reader.
connection.present = lambda: connection.SignedIn(Account("viewer", "Dr Viewer"), "")


def read(name: str) -> DistantImage:
    found: dict[str, DistantImage] = st.session_state.setdefault("images", {})
    if name not in found:
        path = FOLDER / name
        found[name] = read_image(path.read_bytes(), file_name=path.name)
    return found[name]


def overlay(name: str, seen: Edges) -> Overlay:
    values = np.load(FOLDER / name)
    signed = bool((values < 0).any())
    limit = float(np.abs(values).max())
    words = ("Grad-CAM", "Pneumonia", "low | high", "tiny 0.1 (abc)")
    return Overlay(values, limit, signed, *words, seen)


def main() -> None:
    st.set_page_config(layout="wide")
    chosen = json.loads(st.query_params.get("scene", "{}"))
    if "films" in chosen:  # one after the other, as a reader goes through a list
        at = st.session_state.get("at", 0)
        if st.button("Next film"):
            st.session_state["at"] = at = at + 1
        chosen["panes"] = [{"film": chosen["films"][at % len(chosen["films"])]}]
    panes = tuple(
        Pane(
            key=f"{index}",
            image=read(one["film"]),
            title=one.get("title", one["film"]),
            banner=tuple(map(tuple, one.get("banner", [["Name", "<b>SYNTHETIC</b>"]]))),
            marks=("SYNTHETIC - no patient",),
            overlay=overlay(one["overlay"], one.get("seen", WHOLE)) if "overlay" in one else None,
        )
        for index, one in enumerate(chosen.get("panes", []))
    )
    scene = Scene(
        panes,
        layout=chosen.get("layout", "1"),
        linked=chosen.get("linked", False),
        bindings=chosen.get("bindings", {}),
        finding_labels={"pneumonia": "Pneumonia"},
        comparison=Comparison(**chosen["comparison"]) if "comparison" in chosen else None,
    )
    shown = "".join(f"--lb-map-{pane.key}: 1;" for pane in panes)
    st.html(f"<style>:root {{ {shown} }}</style>")  # as after a verdict that lets maps be shown
    height = chosen.get("height", 700)
    st.html(f"<style>:root {{ --lb-viewer-height: {height}px; }}</style>")
    reading = render_viewer(scene, key="viewer")
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.text_input("Note")
    if st.button("Rerun"):
        st.write("Rerun by hand")
    st.write(f"Run {st.session_state['runs']}")
    if reading is not None:
        heard = {
            "revision": reading.revision,
            "annotations": [
                {
                    "shape": one.shape.value,
                    "points": one.points[:9],
                    "finding": one.finding,
                    "measures": [[m.name, m.value, m.unit] for m in one.measures],
                }
                for one in reading.annotations
            ],
            "presentations": [asdict(one) for one in reading.presentations],
        }
        st.code(json.dumps(heard), language=None)


if __name__ == "__main__":
    main()
else:
    gc.freeze()  # as the whole app does (models/batch/process_tuning.py)
    way = os.environ.get("VIEWER_ROUTE", "open")
    base = str(st.get_option("server.baseUrlPath") or "")
    routes = [] if way == "none" else [pixel_route(lambda _sign_in, _cookies: way == "open", base)]
    app = st.App(__file__, routes=routes)
