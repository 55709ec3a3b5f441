"""The film viewer: window, zoom, overlay and measurements in the browser, without round trips.

The rest of Lightbox uses what is named here. Pixels travel once (`packets`), the scene is plain
JSON (`wire`), and whatever the browser reports is checked before it is believed (`reports`).
"""

from pages.ui.viewer.render import render_viewer
from pages.ui.viewer.scene import (
    Comparison,
    Layout,
    Marked,
    Overlay,
    Pane,
    Scene,
    Stack,
    ViewerReport,
)

__all__ = [
    "Comparison",
    "Layout",
    "Marked",
    "Overlay",
    "Pane",
    "Scene",
    "Stack",
    "ViewerReport",
    "render_viewer",
]
