"""Messages between the server and a decoder process: what is asked of a file, and the answers.

Records of plain types and arrays (`imaging.typed_json`). Answers that exist as records elsewhere
(`ScreenPixels`, `Fidelity`, `Search`, `Report`) come as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from imaging.dicom.deidentify.profile import Change
from imaging.dicom.deidentify.rules import Profile
from imaging.dicom.pixels.lookup_table import Lut
from imaging.dicom.pixels.overlay_planes import Planes
from imaging.entities import Corners, Derivation, Instance, VoiPreset
from imaging.review.records import Annotation, Presentation


@dataclass(frozen=True, slots=True)
class Ask:
    """To the process: something about a picture.

    Attributes
    ----------
    what : str
        "open", "stage" or one of `worker.ANSWERS`.
    film : str
        SHA-256 of its file.
    state : str
        SHA-256 of the presentation state that it is shown under; "" for none.
    file_name : str
        To show.
    frame : int
        Counts from 0.
    preset : VoiPreset or None
        For grey levels.
    size : int
        Pixels of the longer side of what is to be made smaller.
    known : Instance or None
        With a state: the film as the records know it (`imaging.dicom.Image.known_as`).
    """

    what: str
    film: str
    state: str = ""
    file_name: str = ""
    frame: int = 0
    preset: VoiPreset | None = None
    size: int = 0
    known: Instance | None = None


@dataclass(frozen=True, slots=True)
class AskReport:
    """To the process: the text of the structured report in a file."""

    film: str


@dataclass(frozen=True, slots=True)
class AskFilms:
    """To the process: which films the presentation state in a file is for."""

    film: str


@dataclass(frozen=True, slots=True)
class AskSearch:
    """To the process: whether text is burned into the picture in a file, if it holds one."""

    film: str


@dataclass(frozen=True, slots=True)
class AskBurnedIn:
    """To the process: whether header or kind of the picture in a file say that it may hold text."""

    film: str


@dataclass(frozen=True, slots=True)
class AskHeader:
    """To the process: the file up to its pixels."""

    film: str


@dataclass(frozen=True, slots=True)
class AskRelease:
    """To the process: the file without its patient, by the project's key."""

    film: str
    key: bytes
    punctuation: bool
    profile: Profile


@dataclass(frozen=True, slots=True)
class NeedFile:
    """From the process: it does not have this file (any more)."""

    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """To the process: the bytes of a file."""

    content: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class NoFile:
    """To the process: the bytes cannot be had."""


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """A file up to its pixels."""

    content: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Ready:
    """From the process, once: it can be asked."""


@dataclass(frozen=True, slots=True)
class Failure:
    """From the process: why it cannot be done, as an error's name and its sentence."""

    error: str
    sentence: str


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """From the process: it takes more memory than the process may have."""


@dataclass(frozen=True, slots=True)
class Fault:
    """From the process: our own code failed, and no file; the name of the exception."""

    exception: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture without its pixels; the planes without their bits."""

    instance: Instance
    remarks: tuple[str, ...]
    refusals: tuple[str, ...]
    pixel_aspect: float
    frame_order: tuple[int, ...]
    planes: Planes | None
    planes_trouble: str = ""


@dataclass(frozen=True, slots=True)
class Staged:
    """A picture as a presentation state shows it; see `imaging.dicom.documents`' `Staging`."""

    opened: Opened
    presentation: Presentation
    annotations: tuple[Annotation, ...]
    texts: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Values of a frame."""

    values: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Where a frame's overlay planes are set; None without any."""

    values: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A look-up table; None where there is none."""

    lut: Lut | None


@dataclass(frozen=True, slots=True)
class Window:
    """A display preset."""

    preset: VoiPreset


@dataclass(frozen=True, slots=True)
class Number:
    """A number; None where there is none."""

    value: float | None


@dataclass(frozen=True, slots=True)
class Pictures:
    """Small pictures of a film as files: for this page (PNG), and for lists (JPEG)."""

    here: bytes
    lists: bytes


@dataclass(frozen=True, slots=True)
class Films:
    """SOP Instance UIDs."""

    films: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """Yes or no."""

    value: bool


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """A file without its patient; see `imaging.dicom.Released`."""

    content: NDArray[np.uint8]
    changes: tuple[Change, ...]
    kept: tuple[tuple[str, str], ...]
    sop_instance_uid: str
    left_over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskDerived:
    """To the process: the film that a reader cut out of a photograph, or the region of a film."""

    film: str
    file_name: str
    derivation: Derivation


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """The file of that film, and what its header says."""

    content: NDArray[np.uint8]
    instance: Instance


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """A photograph made smaller, its shape, and where a film was found in it."""

    small: NDArray[Any]
    shape: tuple[int, ...]
    corners: Corners
    found: bool


Read = Callable[[], bytes]  # gives the bytes of a file
Question = Ask | (
    AskReport | AskFilms | AskSearch | AskBurnedIn | AskHeader | AskRelease | AskDerived
)
QUESTIONS = get_args(Question)
