"""A file read apart says what it says here; one that kills, hangs or devours harms only itself."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from imaging import apart
from imaging.apart import Reader, Reading
from imaging.dicom import Image
from imaging.documents import Document
from imaging.errors import InputError, NotDicomError, PixelDataError
from tests.factories import make_dataset, make_dicom_bytes, to_bytes

HARM = """
import os, sys, time
from imaging import apart

def answer(content, name):
    if content == b"die":
        os.abort()
    if content == b"hang":
        time.sleep(600)
    if content == b"devour":
        try:
            bytearray(2**42)
        except MemoryError:
            return ("error", "PixelDataError", apart.HUNGRY), b""
    return apart._answer(content, name)

apart._serve(int(sys.argv[1]), answer)
"""


@pytest.fixture
def reader() -> Iterator[Reader]:
    """A reader of its own."""
    found = Reader()
    yield found
    found.close()


def test_a_picture_is_the_same_here_and_apart(reader: Reader) -> None:
    content = make_dicom_bytes(PhotometricInterpretation="MONOCHROME1", RescaleSlope=0)
    there, here = reader.read(content, "a.dcm"), apart.read(content, "a.dcm")
    assert isinstance(there, Reading) and isinstance(here, Reading)
    assert there.instance == here.instance and there.remarks == here.remarks
    np.testing.assert_array_equal(there.luminance, here.luminance)


def test_a_doubt_about_the_header_comes_along(reader: Reader) -> None:
    found = reader.read(make_dicom_bytes(PhotometricInterpretation="BANANA"), "a.dcm")
    assert isinstance(found, Reading) and "exchanged" in found.refusals[0]


def test_every_frame_is_decoded_where_it_can_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The viewer decodes all frames in the server: a later one that kills must kill here."""
    asked: list[int] = []

    def seen(image: Image, frame: int = 0) -> np.ndarray:
        asked.append(frame)
        if frame == 2:
            raise PixelDataError("This frame is damaged.")
        return decode(image, frame)

    decode = Image.stored_values
    monkeypatch.setattr(Image, "stored_values", seen)
    ds = make_dataset(np.zeros((4, 8, 10), np.uint8))
    ds.compress(RLELossless)
    assert apart._answer(to_bytes(ds), "a.dcm")[0][0] == "image" and asked == [1, 2, 3]


def test_errors_keep_their_kind_and_their_words(reader: Reader) -> None:
    for content in (b"", b"text", make_dicom_bytes(Rows=65535), make_dicom_bytes()[:300]):
        with pytest.raises(InputError) as here:
            apart.read(content, "x")
        with pytest.raises(type(here.value)) as there:
            reader.read(content, "x")
        assert str(there.value) == str(here.value)
    assert isinstance(there.value, NotDicomError | PixelDataError)


def test_every_file_of_the_collection_reads_the_same(reader: Reader, data: Path) -> None:
    for path in sorted((data / "dicom").rglob("*.dcm"))[::9]:
        content = path.read_bytes()
        found = []
        for read in (apart.read, reader.read):
            try:
                one = read(content, path.name)
            except InputError as exc:
                found.append(str(exc))
                continue
            if isinstance(one, Document):
                found.append(repr(one))
            else:
                found.append(f"{one.instance} {one.remarks} {one.luminance.sum()} {one.trouble}")
        assert found[0] == found[1]


@pytest.fixture
def harmed(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader whose other process can be told to misbehave."""
    import subprocess
    import sys

    start = subprocess.Popen

    def popen(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        return start([sys.executable, "-c", HARM, command[-1]], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(apart.subprocess, "Popen", popen)
    return Reader(seconds=8)


@pytest.mark.parametrize(
    ("harm", "words"), [(b"die", "fail"), (b"hang", "too long"), (b"devour", "memory")]
)
def test_harm_is_one_sentence_and_the_next_file_is_read(
    harmed: Reader, harm: bytes, words: str
) -> None:
    with pytest.raises(PixelDataError, match=words):
        harmed.read(harm, "bad")
    assert isinstance(harmed.read(make_dicom_bytes(), "good"), Reading)
    harmed.close()


def test_a_process_killed_from_outside_is_started_again(reader: Reader) -> None:
    reader.read(make_dicom_bytes(), "a")
    first = reader._process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert isinstance(reader.read(make_dicom_bytes(), "b"), Reading)


def test_threads_take_turns(reader: Reader) -> None:
    sums: dict[int, float] = {}

    def work(at: int) -> None:
        one = reader.read(make_dicom_bytes(np.full((8, 8), at, np.uint16)), f"{at}")
        assert isinstance(one, Reading)
        sums[at] = float(one.luminance.sum())

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == {at: 64.0 * at for at in range(8)}
