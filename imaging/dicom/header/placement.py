"""Where slices lie in the patient, and in which order the frames of an object are gone through."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

from pydicom.dataset import Dataset

from imaging.dicom.header.elements import first_item, integer, numbers, sequence_items, text
from imaging.slices import Cosines, Place, Vector, in_order

_POSITIONS = (  # macro and attribute: PS3.3 C.7.6.16.2.3, C.8.24.5.3.1 (ultrasound volumes)
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlanePositionVolumeSequence", "ImagePositionVolume"),
)
_ORIENTATIONS = (
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PlaneOrientationVolumeSequence", "ImageOrientationVolume"),
)


def read_place(ds: Dataset, frame: int) -> tuple[Vector | None, Cosines | None]:
    """ImagePositionPatient (0020,0032) and ImageOrientationPatient (0020,0037) of a frame.

    Returns
    -------
    tuple
        Millimetres and direction cosines; None for what is absent or is no number. Functional
        groups of the frame come first, then those all frames share, then the header.
    """
    per_frame = sequence_items(ds, "PerFrameFunctionalGroupsSequence")
    return _place(ds, per_frame[frame : frame + 1], _shared(ds))


def frame_order(ds: Dataset, frames: int) -> tuple[int, ...]:
    """Stored frame numbers, from 0, in the order to show them.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        An instance with pixels.
    frames : int
        How many it has.

    Returns
    -------
    tuple[int, ...]
        By StackID and place in the patient, then by DimensionIndexValues (0020,9157), then as
        stored; as stored where neither is told. What refers to a frame goes on by its stored
        number.
    """
    groups = sequence_items(ds, "PerFrameFunctionalGroupsSequence")
    if frames < 2 or len(groups) < frames:
        return tuple(range(frames))
    shared = _shared(ds)
    places = [_frame_place(ds, group, shared) for group in groups[:frames]]
    if len({len(place.rank) for place in places}) > 1:  # dimensions told of some frames only
        places = [Place(p.position, p.orientation, (), p.stack) for p in places]
    return in_order(places)


def _frame_place(ds: Dataset, group: Dataset, shared: Sequence[Dataset]) -> Place:
    content = first_item(group, "FrameContentSequence") or Dataset()
    position, orientation = _place(ds, (group,), shared)
    indices = tuple(
        value if isfinite(value) else inf for value in numbers(content, "DimensionIndexValues")
    )
    if not indices and (at := integer(content, "InStackPositionNumber")) is not None:
        indices = (float(at),)
    return Place(position, orientation, indices, text(content, "StackID"))


def _shared(ds: Dataset) -> tuple[Dataset, ...]:
    return sequence_items(ds, "SharedFunctionalGroupsSequence")[:1]


def _place(
    ds: Dataset, own: Sequence[Dataset], shared: Sequence[Dataset]
) -> tuple[Vector | None, Cosines | None]:
    position = _vector(ds, (*own, *shared), _POSITIONS, 3)
    orientation = _vector(ds, (*own, *shared), _ORIENTATIONS, 6)
    return (
        (position[0], position[1], position[2]) if position else None,
        (*orientation[:3], *orientation[3:]) if orientation else None,  # type: ignore[return-value]
    )


def _vector(
    ds: Dataset, groups: Sequence[Dataset], macros: Sequence[tuple[str, str]], length: int
) -> tuple[float, ...]:
    """The first such value that is whole; empty without."""
    for macro, keyword in macros:
        holders = [first_item(group, macro) for group in groups]
        for holder in (*holders, ds):
            found = numbers(holder, keyword) if holder is not None else ()
            if len(found) == length and all(map(isfinite, found)):
                return found
    return ()
