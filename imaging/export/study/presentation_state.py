"""The reader's screen as Grayscale Softcopy Presentation State (PS3.3 A.33.1)."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from highdicom import (
    VOILUT,
    PresentationLUTTransformation,
)
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    SoftcopyVOILUTTransformation,
    TextObject,
)
from pydicom import Dataset
from pydicom.valuerep import DSfloat

from imaging.dicom.header.elements import first_item, text
from imaging.entities import RESEARCH_USE
from imaging.errors import ExportError
from imaging.export import wording
from imaging.export.case import ExportCase, ExportedFile, Picture
from imaging.export.common import (
    complete,
    derive_uid,
    digest,
    equipment,
    local,
    person_name,
    series,
    to_file,
)
from imaging.export.source import RESCALE, one_frame, point_to, source_dataset
from imaging.export.study.lookup_tables import modality_lut_item, voi_lut_item
from imaging.review.records import Annotation, Presentation, Shape

_NOT_GREY = (
    "Presentation states hold grey pictures only, and this study's pictures are in "
    "colour. Choose another file type."
)
_NO_TABLE = (
    "The picture of this image could not be prepared for the export. Export it "
    "without pictures, or ask for the file again."
)
_LAYER = GraphicLayer("READER", order=1, description="Doctor's annotations")
_OVERLAYS = GraphicLayer("OVERLAYS", order=2, description="Overlay planes of the image")
_ACTIVATION = 0x1001  # OverlayActivationLayer, of each overlay group
_CLOSED = (Shape.RECTANGLE, Shape.REGION)


def presentation_states(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write a state for every grey frame the reader windowed, turned or marked; else for the first.

    Notes
    -----
    The state replaces the image's own pipeline, photometric interpretation included (PS3.4
    N.2.1.4): a MONOCHROME1 film as acquired is INVERSE, its inversion IDENTITY.
    """
    grey = [
        (uid, frame)
        for uid, frame in _frames(case)
        if case.instance(uid).geometry.samples_per_pixel == 1
        and case.instance(uid).geometry.photometric_interpretation.startswith("MONOCHROME")
    ]
    if not grey:
        raise ExportError(_NOT_GREY)
    return [_state(case, uid, frame, number, now) for number, (uid, frame) in enumerate(grey, 1)]


def _frames(case: ExportCase) -> list[tuple[str, int]]:
    """The frames the reader touched, in the study's order; the first frame when nothing."""
    review = case.review
    touched = [(p.sop_instance_uid, p.frame) for p in review.presentations] if review else []
    touched += [(m.sop_instance_uid, m.frame) for m in review.annotations] if review else []
    order = [i.identity.sop_instance_uid for i in case.record.instances]
    frames = sorted(
        {place for place in touched if place[0] in order}, key=lambda f: (order.index(f[0]), f[1])
    )
    return frames or [(order[0], 0)]


def _state(case: ExportCase, uid: str, frame: int, number: int, now: datetime) -> ExportedFile:
    """The state of one frame."""
    source = source_dataset(case, case.instance(uid))
    image = one_frame(source, frame)
    presentation = case.presentation(uid, frame)
    picture = case.picture(uid, frame)
    groups = picture.overlay_groups
    marks = [
        m
        for m in (case.review.annotations if case.review else ())
        if (m.sop_instance_uid, m.frame) == (uid, frame)
    ]
    written = local(case.review.created_at if case.review else now)
    shown = (presentation, picture.preset, marks, case.review and case.review.version, groups)
    content = repr(shown).encode()
    ds = GrayscaleSoftcopyPresentationState(
        referenced_images=[image],
        sop_instance_uid=derive_uid("gsps", uid, frame, digest(content)),
        instance_number=number,
        content_label="READER",
        content_description=RESEARCH_USE,
        content_creator_name=person_name(case.review.reader) if case.review else None,
        graphic_layers=([_LAYER] if marks else []) + ([_OVERLAYS] if groups else []) or None,
        graphic_annotations=[_annotation(m, image) for m in marks] or None,
        voi_lut_transformations=_voi(picture),
        presentation_lut_transformation=PresentationLUTTransformation(_shape(source, presentation)),
        **series("gsps", case.record.study_instance_uid),
        **equipment(),
    )
    ds.PresentationCreationDate = written.strftime("%Y%m%d")
    ds.PresentationCreationTime = written.strftime("%H%M%S")
    _add_modality_lut(ds, picture, source)
    for group in groups:  # C.11.7: what is not put on a layer is not shown
        ds.add_new(group << 16 | _ACTIVATION, "CS", _OVERLAYS.GraphicLayer)
    point_to(ds, source, frame)
    _turn(ds, presentation, int(source.Rows), int(source.Columns))
    return to_file("gsps", complete(ds, source, now, case.changes))


def _shape(source: Dataset, presentation: Presentation) -> str:
    """Presentation LUT Shape: inverted once for MONOCHROME1, once more for the reader."""
    inverse = (source.PhotometricInterpretation == "MONOCHROME1") != presentation.inverted
    return "INVERSE" if inverse else "IDENTITY"


def _add_modality_lut(ds: Dataset, picture: Picture, source: Dataset) -> None:
    """The table in place of a rescale (PS3.3 C.11.1), which is all highdicom copies."""
    if picture.modality_lut is None:
        return
    for keyword in RESCALE:
        ds.pop(keyword, None)
    own = first_item(source, "ModalityLUTSequence") or Dataset()
    words = text(own, "LUTExplanation"), text(own, "ModalityLUTType")
    ds.ModalityLUTSequence = [modality_lut_item(picture.modality_lut, *words)]


def _voi(picture: Picture) -> list[SoftcopyVOILUTTransformation] | None:
    """The window or the VOI LUT that made the reader's picture (PS3.3 C.11.8); None for neither."""
    preset = picture.preset
    if preset is None:
        return None
    if picture.voi_lut is not None:
        item = voi_lut_item(picture.voi_lut, preset.explanation)
        return [SoftcopyVOILUTTransformation(voi_luts=[VOILUT.from_dataset(item)])]
    if preset.window_center is None or preset.window_width is None:
        raise ExportError(_NO_TABLE)
    window = SoftcopyVOILUTTransformation(
        # lists of one: highdicom splits a lone explanation into its letters
        window_center=[DSfloat(preset.window_center, auto_format=True)],
        window_width=[DSfloat(preset.window_width, auto_format=True)],
        window_explanation=[preset.explanation[:64]] if preset.explanation else None,
        voi_lut_function=preset.function,
    )
    return [window]


def _annotation(mark: Annotation, image: Dataset) -> GraphicAnnotation:
    """A mark as graphics with its label and measurements beside it (PS3.3 C.10.5)."""
    limits = (float(image.Columns), float(image.Rows))
    points = np.clip(np.array(mark.points, dtype=np.float64), 0.0, limits)
    name, uid = mark.label or mark.shape.value, derive_uid("mark", mark.uid)
    words = [name, *(wording.measure_line(m) for m in mark.measures)]
    x, y = points.max(axis=0)
    return GraphicAnnotation(
        referenced_images=[image],
        graphic_layer=_LAYER,
        graphic_objects=[
            GraphicObject(kind, data, "PIXEL", tracking_id=name, tracking_uid=uid)
            for kind, data in _graphics(mark, points)
        ],
        text_objects=[
            TextObject(", ".join(words)[:1024], "PIXEL", anchor_point=(float(x), float(y)))
        ],
    )


def _graphics(mark: Annotation, points: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Graphic types and (points, 2) coordinates of a mark."""
    if mark.shape is Shape.POINT:
        return [("POINT", points)]
    if mark.shape is Shape.ELLIPSE:
        return [("ELLIPSE", points)]
    if mark.shape is Shape.RATIO:
        return [("POLYLINE", points[:2]), ("POLYLINE", points[2:])]
    if mark.shape is Shape.RECTANGLE:
        (left, top), (right, bottom) = points
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    if mark.shape in _CLOSED and not np.array_equal(points[0], points[-1]):
        points = np.vstack([points, points[:1]])
    return [("POLYLINE", points)]


def _turn(ds: Dataset, presentation: Presentation, rows: int, columns: int) -> None:
    """Flip and rotation, and the corners of the displayed area they lead to.

    The standard rotates first and flips then (PS3.3 C.10.6), the viewer the other way round: a
    flip before a clockwise turn equals the opposite turn before the flip.
    """
    if not presentation.flipped and not presentation.rotation:
        return
    ds.ImageRotation = (
        (360 - presentation.rotation) % 360 if presentation.flipped else presentation.rotation
    )
    ds.ImageHorizontalFlip = "Y" if presentation.flipped else "N"
    corners = np.array([[(1, 1), (columns, 1)], [(1, rows), (columns, rows)]])
    if presentation.flipped:
        corners = corners[:, ::-1]
    corners = np.rot90(corners, -presentation.rotation // 90)
    area = ds.DisplayedAreaSelectionSequence[0]  # C.10.4: pixels of the unturned image
    area.DisplayedAreaTopLeftHandCorner = [int(v) for v in corners[0, 0]]
    area.DisplayedAreaBottomRightHandCorner = [int(v) for v in corners[1, 1]]
