"""A header read in another process says what it says here; a hostile one harms only that process.

What the file worker makes of hostile files: `tests/models/batch/test_process_pool.py`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from imaging.dicom import describe
from imaging.entities import Instance
from imaging.errors import PixelDataError
from imaging.intake import decode_process
from imaging.intake.decode_process import DecodeProcess
from tests.factories import make_dicom_bytes
from tests.hostile_child import HARMS, hostile_file

WORDS = {"hang": "too long"}  # of all others, that the decoder failed
SECONDS = 6.0


@pytest.fixture
def reader() -> Iterator[DecodeProcess]:
    """A reader of its own."""
    made = DecodeProcess()
    yield made
    made.close()


@pytest.fixture(scope="module")
def hostile() -> Iterator[DecodeProcess]:
    """A reader whose process some files take over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode_process, "WORKER", "tests.hostile_child")
        made = DecodeProcess(seconds=SECONDS)
    yield made
    made.close()


def film(folder: Path, number: int = 0) -> tuple[str, bytes, str]:
    """A film's place, key and name."""
    place = folder / f"{number}.dcm"
    place.write_bytes(make_dicom_bytes(SOPInstanceUID=f"1.2.3.{number}"))
    return str(place), b"", place.name


def test_a_header_is_the_same_here_and_there(
    reader: DecodeProcess, data: Path, tmp_path: Path
) -> None:
    places = sorted((data / "dicom").rglob("*.dcm"))[::9]
    (tmp_path / "text").write_bytes(b"text")
    (tmp_path / "cut").write_bytes(make_dicom_bytes()[:300])
    places += [tmp_path / "text", tmp_path / "cut", tmp_path / "gone"]
    there = reader.describe([(str(place), b"", f"{place.name}\udcff") for place in places])
    assert there == [
        decode_process._describe_file(str(place), b"", f"{place.name}\udcff") for place in places
    ]
    assert sum(instance is None for instance in there) >= 2
    assert sum(instance is not None for instance in there) > len(there) // 2


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
def test_harm_is_one_sentence_and_the_next_header_is_read(
    hostile: DecodeProcess, tmp_path: Path, harm: str
) -> None:
    guilty, mark = hostile_file(tmp_path, harm)
    with pytest.raises(PixelDataError, match=WORDS.get(harm, "decoder fail")):
        hostile.describe([film(tmp_path), (str(guilty), b"", guilty.name)])
    (instance,) = hostile.describe([film(tmp_path)])
    assert instance == describe(make_dicom_bytes(SOPInstanceUID="1.2.3.0"), file_name="0.dcm")
    assert not mark.exists()  # nothing was unpickled


def test_fewer_headers_than_were_asked_for_are_none(
    reader: DecodeProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reader._child, "receive", lambda _kind: decode_process.Descriptions(()))
    with pytest.raises(PixelDataError, match="decoder fail"):
        reader.describe([film(tmp_path)])


def test_a_process_killed_from_outside_is_started_again(
    reader: DecodeProcess, tmp_path: Path
) -> None:
    reader.describe([film(tmp_path)])
    first = reader._child._process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    first.wait(10)
    assert isinstance(reader.describe([film(tmp_path)])[0], Instance)


def test_threads_take_turns(reader: DecodeProcess, tmp_path: Path) -> None:
    described: dict[int, Sequence[Instance | None]] = {}
    files = [film(tmp_path, number) for number in range(8)]

    def work(at: int) -> None:
        described[at] = reader.describe([files[at]])

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for at, (instance,) in described.items():
        assert instance is not None and instance.identity.sop_instance_uid == f"1.2.3.{at}"
    assert len(described) == 8
