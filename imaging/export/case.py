"""Input of an export: the records, the original bytes, the pictures and the maps.

Plain entities and numpy; `imaging.delivery.study` gathers a case, the modules beside this one write
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.pixels.lookup_table import Lut
from imaging.entities import Assessment, Instance, ModelIdentity, VoiPreset
from imaging.errors import ExportError
from imaging.rendering import film_picture
from imaging.review.records import Presentation, Review, Stage
from imaging.study import StudyRecord

NOT_RELIABLE = "not reliable"  # the verdict of a map that nobody should look at


@dataclass(frozen=True, slots=True, eq=False)
class AttributionMap:
    """An explanation of one image.

    Attributes
    ----------
    sop_instance_uid, frame
        What is explained; frames count from 0.
    values : numpy.ndarray
        (rows, columns) of the film itself, float32, signed: positive speaks for the target, in
        arbitrary units. A coarser grid over the whole film is taken too, and stretched to it.
    limit : float
        Magnitude that gets the full colour, the same for all maps that are to be compared.
    method, target : str
        Name of the method ("Grad-CAM") and code of the finding.
    seen : tuple of float
        Top, left, bottom, right of what the network looked at, in fractions of the film.
    model : ModelIdentity
        The network that was asked.
    verdict : str
        What its receipt says: "well supported", "weak" or "not reliable"; "" where none was made.
    reasons : tuple of str
        Sentences: why it is not well supported.
    place : str
        Where the evidence lies, the patient's side: "left_lower", "left", "both"; "" if unknown.
    """

    sop_instance_uid: str
    frame: int
    values: NDArray[np.float32]
    limit: float
    method: str
    target: str
    seen: tuple[float, float, float, float]
    model: ModelIdentity
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    place: str = ""

    @property
    def shown(self) -> bool:
        """False for a map that is not reliable, or was not tested: it is never drawn."""
        return self.verdict not in ("", NOT_RELIABLE)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A frame as the reader saw it.

    ``values`` are display values, (rows, columns) or (rows, columns, 3), uint8, before the
    reader's inversion, flip and rotation. ``preset`` made them; None for colour. ``voi_lut`` and
    ``modality_lut`` are the tables it went through, as they were applied. ``stored`` are
    the stored values, given for films (PNG, JPEG) only. ``overlay`` is where the file's overlay
    planes are set, (rows, columns) bool, and ``overlay_groups`` their groups (0x6000 and on);
    None and empty where the frame has none or the reader switched them off. ``aspect`` is the
    height of a pixel over its width. ``notes`` are sentences on what of the file is not drawn.
    """

    sop_instance_uid: str
    frame: int
    values: NDArray[np.uint8]
    preset: VoiPreset | None = None
    voi_lut: Lut | None = None
    modality_lut: Lut | None = None
    stored: NDArray[Any] | None = None
    overlay: NDArray[np.bool_] | None = None
    overlay_groups: tuple[int, ...] = ()
    aspect: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> NDArray[np.uint8]:
        """The frame as a picture: overlay planes drawn over it, its pixels square."""
        return film_picture(self.values, overlay=self.overlay, aspect=self.aspect)


@dataclass(frozen=True, slots=True)
class Change:
    """An attribute that an export writes otherwise than the file does.

    ``raw`` is its value in the file; ``sentence`` says both values, ``discreet`` neither.
    """

    keyword: str
    raw: bytes
    sentence: str
    discreet: str


@dataclass(frozen=True, slots=True, eq=False)
class ExportCase:
    """Everything one export needs.

    ``review`` is the version to export: the newest signed, else the newest draft, else None.
    ``contents`` maps SOP Instance UIDs to the original files. ``changes`` are to be told in every
    form: `imaging.export.find_changes`. ``anchor`` is the head of the audit trail at the export,
    "57:4f3a9c01d2e47b60", to be printed: a trail that was cut or written anew lacks it.
    """

    record: StudyRecord
    review: Review | None
    contents: Mapping[str, bytes]
    maps: tuple[AttributionMap, ...] = ()
    pictures: tuple[Picture, ...] = ()
    changes: tuple[Change, ...] = ()
    anchor: str = ""

    @property
    def final(self) -> bool:
        """True when a reader signed off what is exported."""
        return self.review is not None and self.review.stage is Stage.FINAL

    @property
    def predecessor(self) -> Review | None:
        """The newest earlier version that was signed off; what is exported amends it."""
        if self.review is None:
            return None
        version = self.review.version
        earlier = (r for r in reversed(self.record.reviews) if r.version < version)
        return next((r for r in earlier if r.stage is Stage.FINAL), None)

    @property
    def shown_maps(self) -> tuple[AttributionMap, ...]:
        """The maps that may be drawn."""
        return tuple(map_ for map_ in self.maps if map_.shown)

    @property
    def answers(self) -> tuple[tuple[Instance, Assessment], ...]:
        """The instances the network said something about."""
        pairs = zip(self.record.instances, self.record.assessments, strict=True)
        return tuple(
            (instance, assessment) for instance, assessment in pairs if assessment is not None
        )

    def instance(self, sop_instance_uid: str) -> Instance:
        """The instance of that UID; `ExportError` when the study has none."""
        for instance in self.record.instances:
            if instance.identity.sop_instance_uid == sop_instance_uid:
                return instance
        raise ExportError(
            "An annotation or map belongs to an image that is not in this "
            "study. Reload the study, then export again."
        )

    def picture(self, sop_instance_uid: str, frame: int) -> Picture:
        """The picture of a frame; `ExportError` when it was not gathered."""
        for picture in self.pictures:
            if (picture.sop_instance_uid, picture.frame) == (sop_instance_uid, frame):
                return picture
        raise ExportError(
            "The picture of this image could not be prepared for the export. "
            "Export it without pictures, or ask for the file again."
        )

    def presentation(self, sop_instance_uid: str, frame: int) -> Presentation:
        """How the reader left a frame, or the plain presentation."""
        presentations = self.review.presentations if self.review else ()
        for presentation in presentations:
            if (presentation.sop_instance_uid, presentation.frame) == (sop_instance_uid, frame):
                return presentation
        return Presentation(sop_instance_uid, frame)


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file to hand out. Its name holds no patient identity."""

    name: str
    content: bytes


def why_no_map(case: ExportCase, deed: str) -> str:
    """The sentence for a case without a map that may be drawn; `deed` is what cannot be done."""
    if case.record.ai_off is not None:
        return f"AI was off, so there is no explanation of an AI answer to {deed}."
    if any(map_.verdict for map_ in case.maps):
        return "The AI's explanation is not reliable for this image: there is no map of it."
    return f"There is no explanation of the AI's answer to {deed}."
