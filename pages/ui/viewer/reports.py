"""What the browser reports, checked before anything believes it.

A report is a wish from outside: types, numbers and names are looked at one by one, and whatever
does not hold is left out. Measures never come from the browser; they are computed here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from imaging.dicom import Image
from imaging.review import measure
from imaging.review.records import Annotation, Points, Presentation, Shape
from pages.ui.viewer.scene import Scene, ViewerReport

MOST_ANNOTATIONS = 200
MOST_POINTS = 4000
_LONGEST_WORD = 64
_CURVES = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_LARGEST = 1e9
_UNITS = {"HU": "[hnsf'U]"}


def read_report(report: Any, scene: Scene, units: Mapping[str, str]) -> ViewerReport | None:
    """A report of the browser as a `ViewerReport`.

    Parameters
    ----------
    report : object
        Anything.
    scene : Scene
        What was on the screen.
    units : mapping of str to str
        Unit of the pixel values by SOP Instance UID, as `ScreenPixels.unit`.

    Returns
    -------
    Reading or None
        None when there is no report about this scene: none yet, or one about other films, or
        from before the scene's generation. Drawings on films that are not on the screen are
        those of the scene.
    """
    if not isinstance(report, Mapping) or report.get("generation") != scene.generation:
        return None
    spoken = {one for one in _listed(report, "sops") if isinstance(one, str)}
    images = {pane.image.instance.identity.sop_instance_uid: pane.image for pane in scene.panes}
    about = {uid: image for uid, image in images.items() if uid in spoken}
    revision = report.get("revision")
    if not about or not isinstance(revision, int) or isinstance(revision, bool):
        return None
    drawn = _Drawn(scene, about, units)
    found = (drawn.annotation(one) for one in _listed(report, "annotations")[:MOST_ANNOTATIONS])
    annotations = {one.uid: one for one in found if one is not None}
    kept = tuple(one for one in scene.annotations if one.sop_instance_uid not in about)
    settings = (_presentation(one, about) for one in _listed(report, "presentations"))
    presentations = {one.sop_instance_uid: one for one in settings if one is not None}
    others = tuple(one for one in scene.presentations if one.sop_instance_uid not in presentations)
    # One order, whatever is on the screen: the same marks must compare as the same.
    marks = sorted((*kept, *annotations.values()), key=lambda one: one.uid)
    return ViewerReport(tuple(marks), (*others, *presentations.values()), revision)


class _Drawn:
    """Reads the annotations of one report; modality values are decoded once a frame."""

    def __init__(self, scene: Scene, images: Mapping[str, Image], units: Mapping[str, str]) -> None:
        self._images, self._units = images, units
        self._codes = set(scene.finding_labels)
        self._known = {one.uid: one for one in scene.annotations}
        self._values: dict[tuple[str, int], NDArray[np.float32]] = {}

    def annotation(self, found: Any) -> Annotation | None:
        """One annotation, or None when anything about it does not hold."""
        if not isinstance(found, Mapping) or not _is_word(found.get("uid")):
            return None
        image = self._images.get(str(found.get("sop")))
        frame, shape = found.get("frame"), _shape(found.get("shape"))
        if image is None or shape is None or not _is_frame(frame, image):
            return None
        points = _points(found.get("points"), image)
        if points is None or not measure.is_complete(shape, points):
            return None
        finding = found.get("finding")
        label = found.get("label")
        made = Annotation(
            uid=str(found["uid"]),
            sop_instance_uid=image.instance.identity.sop_instance_uid,
            shape=shape,
            points=points,
            frame=frame,
            label=label if isinstance(label, str) and len(label) <= _LONGEST_WORD else "",
            finding=finding if isinstance(finding, str) and finding in self._codes else "",
        )
        return self._measured(made, image)

    def _measured(self, made: Annotation, image: Image) -> Annotation:
        """The annotation with its measures; those of an unchanged one are known."""
        known = self._known.get(made.uid)
        if known is not None and known.measures and replace(known, measures=()) == made:
            return known
        key = (made.sop_instance_uid, made.frame)
        if key not in self._values:
            self._values[key] = image.modality_values(made.frame)
        geometry = image.instance.geometry
        found = measure.measure(
            made,
            self._values[key],
            spacing=geometry.pixel_spacing,
            pixel_aspect=image.pixel_aspect,
            unit=_UNITS.get(self._units.get(made.sop_instance_uid, ""), "1"),
        )
        return replace(made, measures=found)


def _presentation(found: Any, images: Mapping[str, Image]) -> Presentation | None:
    """One presentation, or None."""
    if not isinstance(found, Mapping):
        return None
    image = images.get(str(found.get("sop")))
    frame, rotation, curve = found.get("frame"), found.get("rotation"), found.get("curve")
    if image is None or not _is_frame(frame, image) or curve not in _CURVES:
        return None
    if rotation not in (0, 90, 180, 270):
        return None
    center, width = found.get("center"), found.get("width")
    window = (
        (float(center), float(width))
        if _is_number(center) and _is_number(width) and width > 0
        else (None, None)
    )
    return Presentation(
        sop_instance_uid=image.instance.identity.sop_instance_uid,
        frame=frame,
        window_center=window[0],
        window_width=window[1],
        function=str(curve),
        inverted=found.get("inverted") is True,
        flipped=found.get("flipped") is True,
        rotation=int(rotation),
    )


def _points(found: Any, image: Image) -> Points | None:
    """Points on the film, or None. A drawing may touch the edge but not leave the picture."""
    if not isinstance(found, list) or len(found) > MOST_POINTS:
        return None
    geometry = image.instance.geometry
    points = []
    for pair in found:
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
            return None
        column = min(max(float(pair[0]), 0.0), float(geometry.columns))
        row = min(max(float(pair[1]), 0.0), float(geometry.rows))
        points.append((column, row))
    return tuple(points)


def _listed(report: Mapping[str, Any], name: str) -> list[Any]:
    """A list in a report; empty when it is none."""
    found = report.get(name)
    return found if isinstance(found, list) else []


def _shape(found: Any) -> Shape | None:
    """A known shape."""
    return Shape(found) if isinstance(found, str) and found in set(Shape) else None


def _is_frame(found: Any, image: Image) -> TypeGuard[int]:
    """True for the number of a frame the image has."""
    whole = isinstance(found, int) and not isinstance(found, bool)
    return whole and 0 <= found < image.instance.geometry.frames


def _is_number(found: Any) -> TypeGuard[float]:
    """True for a finite number of sensible size."""
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return number and math.isfinite(found) and abs(found) <= _LARGEST


def _is_word(found: Any) -> bool:
    """True for a short name without blanks."""
    return isinstance(found, str) and 0 < len(found) <= _LONGEST_WORD and found.isprintable()
