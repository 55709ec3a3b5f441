"""A scene as the JSON the viewer reads (frontend/src/types.ts is the other side)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from imaging.review.records import Annotation, Presentation
from pages.ui.i18n import sentence
from pages.ui.viewer.packets import PixelPacket, film_hash, overlay_hash
from pages.ui.viewer.scene import Overlay, Pane, Scene
from pages.ui.viewer.words import words


def to_wire(
    scene: Scene, *, packets: Mapping[str, PixelPacket], tickets: Mapping[str, str]
) -> dict[str, Any]:
    """The scene as JSON values; pixels are named by their hashes.

    Parameters
    ----------
    scene : Scene
        The films and their settings.
    packets : mapping of str to PixelPacket
        The pixels by their hash.
    tickets : mapping of str to str
        By which the browser collects them, by their hash; the others come by a carrier.
    """
    return {
        "panes": [_pane(pane, packets) for pane in scene.panes],
        "tickets": dict(tickets),
        "layout": scene.layout,
        "linked": scene.linked,
        "editable": scene.editable,
        "generation": scene.generation,
        "acts": scene.acts,
        "name": scene.name,
        "comparison": None if scene.comparison is None else asdict(scene.comparison),
        "annotations": [_annotation(mark) for mark in scene.annotations],
        "presentations": [_presentation(presentation) for presentation in scene.presentations],
        "bindings": dict(scene.bindings),
        "findings": dict(scene.finding_labels),
        "words": words(),
    }


def _pane(pane: Pane, packets: Mapping[str, PixelPacket]) -> dict[str, Any]:
    name = film_hash(pane.image)
    preview = packets[name].preview
    return {
        "key": pane.key,
        "pixels": name,
        "preview": preview.hash if preview else None,
        "sop": pane.image.instance.identity.sop_instance_uid,
        "title": pane.title,
        "banner": [list(pair) for pair in pane.banner],
        "marks": list(pane.marks),
        "notes": [sentence(note) for note in packets[name].notes],
        "overlay": None if pane.overlay is None else _overlay(pane.overlay),
        "regions": [{"box": list(one.box), "label": one.label} for one in pane.regions],
        "stack": None if pane.stack is None else asdict(pane.stack),
    }


def _overlay(overlay: Overlay) -> dict[str, Any]:
    return {
        "pixels": overlay_hash(overlay),
        "method": overlay.method,
        "target": overlay.target,
        "meaning": overlay.meaning,
        "source": overlay.source,
        "seen": list(overlay.seen),
        "shown": overlay.shown,
        "outline": [list(point) for point in overlay.outline],
    }


def _annotation(mark: Annotation) -> dict[str, Any]:
    return {
        "uid": mark.uid,
        "sop": mark.sop_instance_uid,
        "shape": mark.shape.value,
        "points": [list(point) for point in mark.points],
        "frame": mark.frame,
        "label": mark.label,
        "finding": mark.finding,
    }


def _presentation(presentation: Presentation) -> dict[str, Any]:
    return {
        "sop": presentation.sop_instance_uid,
        "frame": presentation.frame,
        "center": presentation.window_center,
        "width": presentation.window_width,
        "curve": presentation.function,
        "inverted": presentation.inverted,
        "flipped": presentation.flipped,
        "rotation": presentation.rotation,
        "overlays": presentation.overlays,
    }
