"""`DistantImage`: a picture whose header is here and whose pixels are decoded elsewhere."""

from __future__ import annotations

import atexit
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imaging.decoding import messages
from imaging.decoding.limits import is_heavy
from imaging.decoding.messages import Ask, Opened, Photograph, Staged
from imaging.decoding.pool import DecoderPool
from imaging.dicom.deidentify.burned_in_text import Search
from imaging.dicom.pixels.lookup_table import Lut
from imaging.dicom.pixels.overlay_planes import Planes
from imaging.dicom.viewer_pixels import ScreenPixels
from imaging.entities import Derivation, Geometry, Instance, VoiPreset
from imaging.errors import PixelDataError
from imaging.fidelity import Fidelity
from imaging.review.records import Annotation, Presentation

T = TypeVar("T")


@cache
def shared_pool() -> DecoderPool:
    """The processes of this one, and the budget over all who ask them."""
    pool = DecoderPool()
    atexit.register(pool.close)
    return pool


@dataclass(frozen=True, slots=True)
class Source:
    """A file: its SHA-256, and what gives its bytes when a decoder needs them."""

    sha256: str
    read: Callable[[], bytes] = field(compare=False, repr=False)

    @classmethod
    def of(cls, content: bytes) -> Source:
        """Bytes that are here."""
        return cls(hashlib.sha256(content).hexdigest(), lambda: content)


@dataclass(frozen=True, slots=True, eq=False)
class DistantImage:
    """A picture that was read in a decoder process, where its pixels stay until they are asked for.

    What its methods return, and what they raise, is that of `imaging.dicom.Image`; beside that
    they raise `DecodersBusyError` when others were served for too long, and `PixelDataError` when
    a frame takes more time or memory than a process has. Arrays are counted
    (`imaging.decoding.budget`) as long as somebody holds them.

    Attributes
    ----------
    instance : Instance
        Everything the header says.
    remarks, refusals : tuple of str
        As `imaging.dicom.Image`.
    pixel_aspect : float
        Height of a pixel over its width; 1 for square pixels.
    frame_order : tuple of int
        Frames in the order to show them, counted from 0 as they are stored.
    """

    instance: Instance
    remarks: tuple[str, ...]
    refusals: tuple[str, ...]
    pixel_aspect: float
    frame_order: tuple[int, ...]
    _planes: Planes | None = field(repr=False)
    _planes_trouble: str = field(repr=False)
    _ask: Ask = field(repr=False)
    _files: dict[str, Callable[[], bytes]] = field(repr=False)
    _pool: DecoderPool = field(repr=False)

    def known_as(self, instance: Instance) -> DistantImage:
        """As `imaging.dicom.Image.known_as`."""
        known = replace(self.instance, identity=instance.identity, patient=instance.patient)
        return self if known == self.instance else replace(self, instance=known)

    def overlay_planes(self) -> Planes:
        """What the file draws over its picture, and what cannot be drawn; without the bits.

        Raises
        ------
        PixelDataError
            If they cannot be read.
        """
        if self._planes is None:
            raise PixelDataError(self._planes_trouble)
        return self._planes

    def overlay_mask(self, frame: int = 0) -> NDArray[np.bool_] | None:
        """Where the planes are set: (rows, columns) bool; None without any."""
        return self._get("overlay", messages.Mask, frame=frame).values

    def screen_pixels(self) -> ScreenPixels:
        """As `imaging.dicom.viewer_pixels.screen_pixels`."""
        return self._get("screen", ScreenPixels)

    def stored_values(self, frame: int = 0) -> NDArray[Any]:
        """(rows, columns) or (rows, columns, 3), the file's type."""
        return self._get("stored", messages.Pixels, frame=frame).values

    def modality_values(self, frame: int = 0) -> NDArray[np.float32]:
        """(rows, columns), float32, modality units; (rows, columns, 3) for colour."""
        return self._get("modality", messages.Pixels, frame=frame).values

    def luminance_values(self, frame: int = 0) -> NDArray[np.float32]:
        """As `imaging.decoding.limits.luminance_values`: a large frame comes smaller."""
        return self._get("luminance", messages.Pixels, frame=frame).values

    def display_values(
        self, frame: int = 0, *, preset: VoiPreset | None = None
    ) -> NDArray[np.uint8]:
        """(rows, columns) uint8, 0 is black, or (rows, columns, 3) RGB.

        Raises
        ------
        PixelDataError
            Also for a frame that is too large to be drawn whole (`limits.is_large`).
        """
        return self._get("display", messages.Pixels, frame=frame, preset=preset).values

    def small_picture(self, size: int, frame: int = 0) -> bytes:
        """A frame made smaller, as it is shown first: a file that a browser draws.

        Parameters
        ----------
        size : int
            Pixels of the longer side.
        """
        return self._get("small", messages.Pictures, frame=frame, size=size).here

    def small_pictures(self, size: int) -> tuple[bytes, bytes]:
        """The first frame shown, made smaller; and the JPEG of it that lists show."""
        pictures = self._get("pictures", messages.Pictures, size=size)
        return pictures.here, pictures.lists

    def tint(self, frame: int = 0) -> float | None:
        """How far a colour frame is from grey, in [0, 1]; None for a grey one."""
        return self._get("tint", messages.Number, frame=frame).value

    def modality_lut(self) -> Lut | None:
        """The Modality LUT as it is applied; None for a rescale, and for colour."""
        return self._get("modality_lut", messages.Table).lut

    def voi_lut(self, preset: VoiPreset, frame: int = 0) -> Lut | None:
        """The VOI LUT of a frame's preset as it is applied; None for a window."""
        if preset.kind != "lut":
            return None
        return self._get("voi_lut", messages.Table, frame=frame, preset=preset).lut

    def automatic_preset(self, frame: int = 0) -> VoiPreset:
        """A window from the 0.5th to the 99.5th percentile of the frame, padding left out."""
        return self._get("automatic", messages.Window, frame=frame).preset

    def inspect(self) -> Fidelity:
        """As `imaging.dicom.inspect_image`, of the first frame."""
        return self._get("inspect", Fidelity)

    def search_text(self) -> Search:
        """As `imaging.dicom.deidentify.burned_in_text.search`."""
        ask = replace(self._ask, what="search")
        return self._pool.ask(ask, Search, self._files, lengthy=True)

    def photograph(self, size: int) -> Photograph:
        """A photograph made smaller, and where a film was found in it.

        Parameters
        ----------
        size : int
            Pixels of the longer side.
        """
        return self._get("photograph", Photograph, size=size)

    def derived(self, derivation: Derivation, file_name: str) -> tuple[bytes, Instance]:
        """The file of what a reader cut out of this image, and what its header says.

        Raises
        ------
        PixelDataError
            If the image cannot be decoded, or a region is marked on what has no grey levels.
        ValueError
            If the corners are those of no film, or lie outside.
        """
        question = messages.AskDerived(self._ask.film, file_name, derivation)
        made = self._pool.ask(question, messages.Derived, self._files, heavy=self._heavy)
        return made.content.tobytes(), made.instance

    def under(self, state: Source) -> DistantStaging:
        """The picture as a presentation state shows it.

        Raises
        ------
        InputError
            As `imaging.dicom.PresentationState.on`, or if it is no presentation state.
        """
        ask = replace(self._ask, what="stage", state=state.sha256, known=self.instance)
        files = {**self._files, state.sha256: state.read}
        staged = self._pool.ask(ask, Staged, files, heavy=self._heavy)
        image = _image(staged.opened, ask, files, self._pool)
        return DistantStaging(
            image, staged.presentation, staged.annotations, staged.texts, staged.remarks
        )

    @property
    def _heavy(self) -> bool:
        return is_heavy(self.instance.geometry)

    def _get(
        self,
        what: str,
        kind: type[T],
        *,
        frame: int = 0,
        preset: VoiPreset | None = None,
        size: int = 0,
    ) -> T:
        ask = replace(self._ask, what=what, frame=frame, preset=preset, size=size)
        return self._pool.ask(ask, kind, self._files, heavy=self._heavy)


@dataclass(frozen=True, slots=True, eq=False)
class DistantStaging:
    """A film as a presentation state shows it; see `imaging.dicom.documents`' `Staging`."""

    image: DistantImage
    presentation: Presentation
    annotations: tuple[Annotation, ...]
    texts: tuple[str, ...]
    remarks: tuple[str, ...]


def read_image(
    source: Source | bytes,
    *,
    file_name: str = "",
    expected: Geometry | None = None,
    pool: DecoderPool | None = None,
) -> DistantImage:
    """Read a film in a decoder process.

    Parameters
    ----------
    source : Source or bytes
        The file.
    file_name : str
        Name to show.
    expected : Geometry, optional
        What the records say about it: a large one goes to the patient process at once.
    pool : DecoderPool, optional
        By default that of this process.

    Raises
    ------
    InputError
        As `imaging.dicom.read_image`.
    DecodersBusyError
        If others were served until patience ended.
    """
    source = Source.of(source) if isinstance(source, bytes) else source
    pool = pool or shared_pool()
    ask = Ask("open", source.sha256, file_name=file_name)
    files = {source.sha256: source.read}
    heavy = expected is not None and is_heavy(expected)
    return _image(pool.ask(ask, Opened, files, heavy=heavy), ask, files, pool)


def _image(
    opened: Opened, ask: Ask, files: dict[str, Callable[[], bytes]], pool: DecoderPool
) -> DistantImage:
    return DistantImage(
        opened.instance,
        opened.remarks,
        opened.refusals,
        opened.pixel_aspect,
        opened.frame_order,
        opened.planes,
        opened.planes_trouble,
        ask,
        files,
        pool,
    )
