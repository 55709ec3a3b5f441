"""The process that decodes for pages and exports: ``python -m imaging.decoding.worker``.

It keeps the pictures it was asked about last, as far as they are small, and asks for the bytes of
those it has not (any more). It knows no database, no screen and no network.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.decoding.limits import is_large, luminance_values
from imaging.decoding.messages import (
    QUESTIONS,
    Ask,
    AskBurnedIn,
    AskDerived,
    AskFilms,
    AskHeader,
    AskRelease,
    AskReport,
    AskSearch,
    Copy,
    Derived,
    Failure,
    Fault,
    File,
    Films,
    Header,
    Mask,
    NeedFile,
    NoFile,
    Number,
    Opened,
    OutOfMemory,
    Photograph,
    Pictures,
    Pixels,
    Question,
    Ready,
    Staged,
    Table,
    Truth,
    Window,
)
from imaging.dicom import (
    Image,
    inspect_image,
    read_image,
    read_object,
    read_presentation,
    read_report,
    release,
    write_derived,
    write_region,
)
from imaging.dicom.deidentify.burned_in_text import search, search_file
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.reader import cut_before_pixels
from imaging.dicom.viewer_pixels import screen_pixels
from imaging.errors import AssistantError, InputError, PixelDataError, UnsupportedImageError
from imaging.intake.child_process import Channel, connect
from imaging.photograph.find import find_film
from imaging.photograph.straighten import Cut, shrink, straighten
from imaging.rendering import film_thumbnail, thumbnail
from imaging.text import MAX_NAME, clean

_MOST_KEPT = 8  # pictures
_KEPT_BYTES = 3 * 2**28  # of their files, and of what those unpack to
_TOO_LARGE = (
    "This picture is too large to be drawn whole outside the viewer; open it there, or export it "
    "smaller."
)
GetFile = Callable[[str], bytes]


class _Desk:
    """The pictures that were asked about last.

    Parameters
    ----------
    get_file : callable
        Returns the bytes of a file by their SHA-256.
    """

    def __init__(self, get_file: GetFile) -> None:
        self.get_file = get_file
        self._kept: OrderedDict[tuple[str, ...], tuple[Any, int]] = OrderedDict()

    def image(self, ask: Ask) -> Image:
        """The picture that is asked about; under its state, where there is one."""
        if ask.state:
            image: Image = self.staging(ask).image
            return image
        return self._film(ask.film, ask.file_name)

    def staging(self, ask: Ask) -> Any:
        """The picture under the presentation state."""
        known = ask.known
        key = ask.film, ask.state, known.identity.sop_instance_uid if known else ""
        if key not in self._kept:
            film = self._film(ask.film, ask.file_name)
            film = film.known_as(known) if known else film
            staging = read_presentation(self.get_file(ask.state)).on(film)
            self._keep(key, staging, 0)  # it shares the film's pixels
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def forget_others(self, film: str) -> bool:
        """Let go of all but one film; False where nothing else was kept."""
        others = [key for key in self._kept if key[0] != film]
        for key in others:
            del self._kept[key]
        gc.collect()
        return bool(others)

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()
        gc.collect()

    def open(self, ask: Ask) -> Image:
        """The picture, whose file is asked for in any case: it may be gone by now, or altered."""
        return self._film(ask.film, ask.file_name, self.get_file(ask.film))

    def _film(self, sha256: str, file_name: str, content: bytes | None = None) -> Image:
        key: tuple[str, ...] = (sha256,)
        if key not in self._kept:
            content = self.get_file(sha256) if content is None else content
            parsed = read_object(content, file_name=file_name, sha256=sha256)
            if not isinstance(parsed, Image):
                parsed = read_image(content, file_name=file_name)  # it says why there is none
            self._keep(key, parsed, _weight(parsed, content))
        self._kept.move_to_end(key)
        image: Image = self._kept[key][0]
        instance = replace(image.instance, file_name=clean(file_name, MAX_NAME))
        return image if instance == image.instance else replace(image, instance=instance)

    def _keep(self, key: tuple[str, ...], item: Any, weight: int) -> None:
        self._kept[key] = item, weight
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and (
            len(self._kept) > _MOST_KEPT or sum(w for _, w in self._kept.values()) > _KEPT_BYTES
        ):
            self._kept.popitem(last=False)


def _weight(image: Image, content: bytes) -> int:
    """About how many bytes a picture takes, its frames not decoded."""
    geometry = image.instance.geometry
    unpacked = geometry.rows * geometry.columns * geometry.samples_per_pixel
    native = not image.instance.identity.transfer_syntax_uid.startswith("1.2.840.10008.1.2.4")
    each = -(-geometry.bits_stored // 8)
    return len(content) + (unpacked * geometry.frames * each if native else 0)


def _open(image: Image) -> Opened:
    """Everything of a picture but its pixels."""
    planes, trouble = None, ""
    try:
        found = image.overlay_planes()
        planes = replace(found, drawn=tuple(replace(p, bits=None) for p in found.drawn))
    except InputError as exc:
        trouble = str(exc)
    return Opened(
        image.instance,
        image.remarks,
        image.refusals,
        image.pixel_aspect,
        image.frame_order,
        planes,
        trouble,
    )


def _stage(desk: _Desk, ask: Ask) -> Staged:
    staging = desk.staging(ask)
    return Staged(
        _open(staging.image),
        staging.presentation,
        staging.annotations,
        staging.texts,
        staging.remarks,
    )


def _display(image: Image, ask: Ask) -> NDArray[np.uint8]:
    """Grey levels or colours of a frame that is not too large to be drawn."""
    if is_large(image.instance.geometry):
        raise PixelDataError(_TOO_LARGE)
    return image.display_values(ask.frame, preset=ask.preset)


def _draw_small(image: Image, ask: Ask) -> bytes:
    """A frame made smaller, as the viewer shows it first; a large one in a window of its own."""
    if is_large(image.instance.geometry):
        return thumbnail(_middle_greys(luminance_values(image, ask.frame)), size=ask.size)
    return thumbnail(image.display_values(ask.frame), size=ask.size)


def _middle_greys(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = np.percentile(values[::4, ::4], (1, 99))
    return np.clip((values - low) / max(high - low, 1e-12) * 255, 0, 255).astype(np.uint8)


def _draw_pictures(image: Image, ask: Ask) -> Pictures:
    first = replace(ask, frame=image.frame_order[0])
    lists = film_thumbnail(luminance_values(image, 0))
    return Pictures(_draw_small(image, first), lists)


def _photograph_values(image: Image) -> NDArray[Any]:
    """The pixels of a photograph: (rows, columns) or (rows, columns, 3), uint8 or uint16."""
    values = image.stored_values(0)
    return values if values.dtype in (np.uint8, np.uint16) else image.display_values(0)


def _find_film(image: Image, ask: Ask) -> Photograph:
    values = _photograph_values(image)
    found = find_film(values)
    return Photograph(shrink(values, ask.size), values.shape, found.corners, found.found)


def _voi_lut(image: Image, ask: Ask) -> Table:
    if ask.preset is None:
        raise ValueError("a table is that of a preset")
    return Table(image.voi_lut(ask.preset, ask.frame))


ANSWERS: Mapping[str, Callable[[Image, Ask], Any]] = {
    "screen": lambda image, _ask: screen_pixels(image),
    "display": lambda image, ask: Pixels(_display(image, ask)),
    "small": lambda image, ask: Pictures(_draw_small(image, ask), b""),
    "pictures": _draw_pictures,
    "stored": lambda image, ask: Pixels(image.stored_values(ask.frame)),
    "modality": lambda image, ask: Pixels(image.modality_values(ask.frame)),
    "luminance": lambda image, ask: Pixels(luminance_values(image, ask.frame)),
    "overlay": lambda image, ask: Mask(image.overlay_mask(ask.frame)),
    "tint": lambda image, ask: Number(image.tint(ask.frame)),
    "automatic": lambda image, ask: Window(image.automatic_preset(ask.frame)),
    "modality_lut": lambda image, _ask: Table(image.modality_lut()),
    "voi_lut": _voi_lut,
    "inspect": lambda image, ask: inspect_image(image, frame=ask.frame),
    "search": lambda image, _ask: search(image),
    "photograph": _find_film,
}


@singledispatch
def _answer(question: Any, desk: _Desk) -> Any:
    raise TypeError("no question")


@_answer.register
def _(question: Ask, desk: _Desk) -> Any:
    if question.what == "open":
        return _open(desk.open(question))
    if question.what == "stage":
        return _stage(desk, question)
    return ANSWERS[question.what](desk.image(question), question)


@_answer.register
def _(question: AskReport, desk: _Desk) -> Any:
    return read_report(desk.get_file(question.film))


@_answer.register
def _(question: AskFilms, desk: _Desk) -> Films:
    return Films(read_presentation(desk.get_file(question.film)).films)


@_answer.register
def _(question: AskSearch, desk: _Desk) -> Any:
    return search_file(desk.get_file(question.film))


@_answer.register
def _(question: AskBurnedIn, desk: _Desk) -> Truth:
    try:
        image = read_object(desk.get_file(question.film))
    except UnsupportedImageError:  # no picture: nothing is burned in
        return Truth(False)
    if not isinstance(image, Image):
        return Truth(False)
    return Truth(any(caution.code == "burned-in" for caution in inspect_image(image).cautions))


@_answer.register
def _(question: AskHeader, desk: _Desk) -> Header:
    cut = cut_before_pixels(desk.get_file(question.film))
    return Header(np.frombuffer(cut, np.uint8))


@_answer.register
def _(question: AskRelease, desk: _Desk) -> Copy:
    project = Project(question.key, question.punctuation)
    made = release(desk.get_file(question.film), project, question.profile)
    content = np.frombuffer(made.content, np.uint8)
    return Copy(content, made.changes, made.kept, made.sop_instance_uid, made.left_over)


@_answer.register
def _(question: AskDerived, desk: _Desk) -> Derived:
    image = desk.image(Ask("", question.film, file_name=question.file_name))
    told = question.derivation
    if told.is_region:
        content = write_region(image, told)
    else:
        cut = Cut(told.corners, told.quarter_turns, told.mirrored)
        content = write_derived(straighten(_photograph_values(image), cut), told)
    film = read_image(content, file_name=question.file_name).instance
    return Derived(np.frombuffer(content, np.uint8), film)


def answer(question: Question, desk: _Desk) -> Any:
    """What is asked, or why it cannot be had."""
    try:
        return _answer(question, desk)
    except MemoryError:
        return OutOfMemory()
    except (AssistantError, ValueError) as exc:
        if _is_of_memory(exc):
            return OutOfMemory()
        return Failure(type(exc).__name__, str(exc))


def _is_of_memory(error: BaseException) -> bool:
    """True where memory ended, whatever the border of a room called it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def serve() -> None:
    """Answer until the pipe closes."""
    server, _arguments = connect(lower=False)
    server.send(Ready())
    desk = _Desk(lambda sha256: _fetch(server, sha256))
    while True:
        try:
            question = server.receive(*QUESTIONS)
            reply = answer(question, desk)
            if isinstance(reply, OutOfMemory) and desk.forget_others(question.film):
                reply = answer(question, desk)  # perhaps those took it
        except EOFError:
            return
        except Exception as exc:  # ours; told by its type, a message may hold a name
            desk.clear()
            reply = Fault(type(exc).__name__)
        server.send(reply)


def _fetch(server: Channel, sha256: str) -> bytes:
    """The bytes of a file, from the server."""
    server.send(NeedFile(sha256))
    reply: Any = server.receive(File, NoFile)
    if isinstance(reply, NoFile):
        raise InputError("The file is gone; add it again.")
    content: bytes = reply.content.tobytes()
    return content


if __name__ == "__main__":
    serve()
