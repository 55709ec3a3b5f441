"""Reports of the browser, checked before anything believes them.

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

from imaging.decoding import DistantImage
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
        The films on the screen and their marks.
    units : mapping of str to str
        Unit of the pixel values by SOP Instance UID, as `ScreenPixels.unit`.

    Returns
    -------
    ViewerReport or None
        None when there is no report about this scene: none yet, or one about other films, or
        from before the scene's generation. Drawings on films that are not on the screen are
        those of the scene.
    """
    if not isinstance(report, Mapping) or report.get("generation") != scene.generation:
        return None
    reported = {uid for uid in _read_list(report, "sops") if isinstance(uid, str)}
    images = {pane.image.instance.identity.sop_instance_uid: pane.image for pane in scene.panes}
    about = {uid: image for uid, image in images.items() if uid in reported}
    revision = report.get("revision")
    if not about or not isinstance(revision, int) or isinstance(revision, bool):
        return None
    reader = _AnnotationReader(scene, about, units)
    entries = _read_list(report, "annotations")[:MOST_ANNOTATIONS]
    drawn = (reader.read(entry) for entry in entries)
    annotations = {mark.uid: mark for mark in drawn if mark is not None}
    kept = tuple(mark for mark in scene.annotations if mark.sop_instance_uid not in about)
    settings = (_read_presentation(entry, about) for entry in _read_list(report, "presentations"))
    presentations = {shown.sop_instance_uid: shown for shown in settings if shown is not None}
    others = tuple(p for p in scene.presentations if p.sop_instance_uid not in presentations)
    # One order, whatever is on the screen: the same marks must compare as the same.
    marks = sorted((*kept, *annotations.values()), key=lambda mark: mark.uid)
    return ViewerReport(tuple(marks), (*others, *presentations.values()), revision)


class _AnnotationReader:
    """Reads the annotations of one report; modality values are decoded once a frame."""

    def __init__(
        self, scene: Scene, images: Mapping[str, DistantImage], units: Mapping[str, str]
    ) -> None:
        self._images, self._units = images, units
        self._codes = set(scene.finding_labels)
        self._stored = {mark.uid: mark for mark in scene.annotations}
        self._values: dict[tuple[str, int], NDArray[np.float32]] = {}

    def read(self, entry: Any) -> Annotation | None:
        """An annotation, or None when anything about its entry does not hold."""
        if not isinstance(entry, Mapping) or not _is_word(entry.get("uid")):
            return None
        image = self._images.get(str(entry.get("sop")))
        frame, shape = entry.get("frame"), _read_shape(entry.get("shape"))
        if image is None or shape is None or not _is_frame(frame, image):
            return None
        points = _read_points(entry.get("points"), image)
        if points is None or not measure.is_complete(shape, points):
            return None
        finding = entry.get("finding")
        label = entry.get("label")
        mark = Annotation(
            uid=str(entry["uid"]),
            sop_instance_uid=image.instance.identity.sop_instance_uid,
            shape=shape,
            points=points,
            frame=frame,
            label=label if isinstance(label, str) and len(label) <= _LONGEST_WORD else "",
            finding=finding if isinstance(finding, str) and finding in self._codes else "",
        )
        return self._measure(mark, image)

    def _measure(self, mark: Annotation, image: DistantImage) -> Annotation:
        """Add the measures to an annotation; an unchanged one keeps those that are stored."""
        stored = self._stored.get(mark.uid)
        if stored is not None and stored.measures and replace(stored, measures=()) == mark:
            return stored
        key = (mark.sop_instance_uid, mark.frame)
        if key not in self._values:
            self._values[key] = image.modality_values(mark.frame)
        geometry = image.instance.geometry
        measures = measure.measure(
            mark,
            self._values[key],
            spacing=geometry.pixel_spacing,
            pixel_aspect=image.pixel_aspect,
            unit=_UNITS.get(self._units.get(mark.sop_instance_uid, ""), "1"),
            plane=geometry.length_plane,
            magnification=geometry.magnification,
        )
        return replace(mark, measures=measures)


def _read_presentation(entry: Any, images: Mapping[str, DistantImage]) -> Presentation | None:
    """A presentation, or None when anything about its entry does not hold."""
    if not isinstance(entry, Mapping):
        return None
    image = images.get(str(entry.get("sop")))
    frame, rotation, curve = entry.get("frame"), entry.get("rotation"), entry.get("curve")
    if image is None or not _is_frame(frame, image) or curve not in _CURVES:
        return None
    if rotation not in (0, 90, 180, 270):
        return None
    center, width = entry.get("center"), entry.get("width")
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
        inverted=entry.get("inverted") is True,
        flipped=entry.get("flipped") is True,
        rotation=int(rotation),
        overlays=entry.get("overlays") is not False,
    )


def _read_points(pairs: Any, image: DistantImage) -> Points | None:
    """Points on the film, or None. A drawing may touch the edge but not leave the picture."""
    if not isinstance(pairs, list) or len(pairs) > MOST_POINTS:
        return None
    geometry = image.instance.geometry
    points = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
            return None
        column = min(max(float(pair[0]), 0.0), float(geometry.columns))
        row = min(max(float(pair[1]), 0.0), float(geometry.rows))
        points.append((column, row))
    return tuple(points)


def _read_list(report: Mapping[str, Any], name: str) -> list[Any]:
    """A list in a report; empty when it is none."""
    entries = report.get(name)
    return entries if isinstance(entries, list) else []


def _read_shape(value: Any) -> Shape | None:
    """A shape, or None where no shape has that name."""
    return Shape(value) if isinstance(value, str) and value in set(Shape) else None


def _is_frame(value: Any, image: DistantImage) -> TypeGuard[int]:
    """True for the number of a frame the image has."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and 0 <= value < image.instance.geometry.frames


def _is_number(value: Any) -> TypeGuard[float]:
    """True for a finite number of sensible size."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= _LARGEST


def _is_word(value: Any) -> bool:
    """True for a short name without blanks."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD and value.isprintable()
