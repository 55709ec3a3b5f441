"""Decoder processes: what a file does to one, it does to that one alone, and for little time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imaging.dicom
from imaging.decoding import DistantImage, Source, read_image
from imaging.decoding.budget import Budget, telling
from imaging.decoding.pool import PATIENT, QUICK, DecoderPool, Limits
from imaging.entities import Geometry
from imaging.errors import DecodersBusyError, InputError, NotFoundError, PixelDataError
from imaging.intake.decode_process import CRASHED, OUT_OF_MEMORY, TIMED_OUT
from tests.factories import make_dicom_bytes, make_pixels
from tests.hostile_decoder import HARMS, hostile_file

SHORT = Limits(2 * 2**30, 2.0)
LONGER = Limits(3 * 2**30, 4.0)
FILM = make_dicom_bytes(make_pixels(40, 30))


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    made = DecoderPool(module="tests.hostile_decoder", quick=SHORT, patient=LONGER)
    read_image(FILM, pool=made)
    yield made
    made.close()


def pids(pool: DecoderPool) -> list[int]:
    processes = (desk.child._process for desk in (pool._quick, pool._patient))
    return [process.pid if process else 0 for process in processes]


@pytest.mark.parametrize("harm", sorted(HARMS))
def test_a_file_that_takes_over_its_decoder_harms_nobody(
    pool: DecoderPool, harm: str, tmp_path: Path
) -> None:
    content, mark = hostile_file(tmp_path, harm)
    words = {"hang": TIMED_OUT, "devour": OUT_OF_MEMORY}.get(harm, CRASHED)
    if harm in ("garbage", "short"):  # nothing more comes: both are killed at their deadline
        words = f"{CRASHED}|{TIMED_OUT}"
    with pytest.raises(PixelDataError, match=words.replace(".", r"\.")):
        read_image(content, pool=pool)
    assert not mark.exists()
    assert read_image(FILM, pool=pool).display_values().shape == (40, 30)
    assert pool.budget.held < 5000


def test_a_slow_file_goes_to_the_patient_process_now_and_when_it_comes_again(
    pool: DecoderPool,
) -> None:
    slow = b"slow:3"
    began = time.monotonic()
    assert read_image(slow, pool=pool).instance.geometry.rows
    assert 5 <= time.monotonic() - began < 12
    quick = pids(pool)[0]
    read_image(slow, pool=pool)
    assert pids(pool)[0] == quick, "it was tried by the quick one again"


def test_a_file_that_needs_more_memory_than_the_quick_one_has_is_read_all_the_same(
    pool: DecoderPool,
) -> None:
    assert read_image(b"broad:%d" % int(2.2 * 2**30), pool=pool).instance
    with pytest.raises(PixelDataError, match="more memory"):
        read_image(b"broad:%d" % (4 * 2**30), pool=pool)


def test_what_was_too_much_for_both_is_not_tried_again_by_the_next_reader(
    pool: DecoderPool,
) -> None:
    for expected in (2.0, 0.0):
        began = time.monotonic()
        with pytest.raises(PixelDataError, match="too long"):
            read_image(b"hang:", pool=pool)
        assert time.monotonic() - began >= expected
    assert time.monotonic() - began < 1


def test_an_ordinary_film_does_not_wait_for_a_heavy_one(pool: DecoderPool) -> None:
    heavy = Geometry(8000, 8000, 1, 1, "MONOCHROME2", 16)
    thread = threading.Thread(
        target=lambda: read_image(Source.of(b"slow:3"), expected=heavy, pool=pool)
    )
    read_image(Source.of(b"slow:0"), expected=heavy, pool=pool)  # both have started
    thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    read_image(make_dicom_bytes(PatientID="other"), pool=pool)
    assert time.monotonic() - began < 1.5 and thread.is_alive()
    thread.join()


def test_who_waits_for_others_is_told_and_at_last_refused_in_words(
    pool: DecoderPool,
) -> None:
    pool._patience = 2.0
    heavy = Geometry(8000, 8000, 1, 1, "MONOCHROME2", 16)
    read_image(Source.of(b"slow:0"), expected=heavy, pool=pool)

    def read(content: bytes) -> DistantImage:
        return read_image(Source.of(content), expected=heavy, pool=pool)

    thread = threading.Thread(target=read, args=(b"slow:3.5",))
    thread.start()
    time.sleep(0.3)
    told: list[str] = []
    with (
        telling(lambda: told.append("told")),
        pytest.raises(DecodersBusyError, match="again"),
    ):
        read(FILM)
    assert told == ["told"]
    thread.join()
    assert read(FILM).instance


def test_the_patient_process_is_let_go_once_nobody_asks_it() -> None:
    pool = DecoderPool(module="tests.hostile_decoder", idle=0.5)
    heavy = Geometry(8000, 8000, 1, 1, "MONOCHROME2", 16)
    image = read_image(Source.of(FILM), expected=heavy, pool=pool)
    assert pids(pool)[1]
    until = time.monotonic() + 10
    while pids(pool)[1]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert image.stored_values().shape == (40, 30)
    pool.close()


def test_many_at_once_are_served(pool: DecoderPool) -> None:
    films = [make_dicom_bytes(make_pixels(20 + i, 30)) for i in range(12)]
    shapes: list[Any] = [None] * len(films)

    def read(at: int) -> None:
        shapes[at] = read_image(films[at], pool=pool).stored_values().shape

    threads = [threading.Thread(target=read, args=(at,)) for at in range(len(films))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == [(20 + i, 30) for i in range(12)]


def test_what_the_process_let_go_of_is_asked_for_again(pool: DecoderPool) -> None:
    asked = []

    def give() -> bytes:
        asked.append(1)
        return FILM

    image = read_image(Source(Source.of(FILM).sha256, give), pool=pool)
    image.stored_values()
    assert len(asked) == 1
    pool.close()
    assert image.stored_values().shape == (40, 30) and len(asked) == 2


def test_a_film_that_is_opened_again_is_looked_for_though_it_is_kept(pool: DecoderPool) -> None:
    def give() -> bytes:
        raise NotFoundError("gone")

    source = Source.of(FILM)
    image = read_image(source, pool=pool)
    with pytest.raises(NotFoundError):
        read_image(Source(source.sha256, give), pool=pool)
    assert image.stored_values().shape == (40, 30)


def test_an_original_that_is_gone_is_told_as_such_and_kills_no_process(pool: DecoderPool) -> None:
    def give() -> bytes:
        raise NotFoundError("gone")

    before = pids(pool)
    with pytest.raises(NotFoundError, match="gone"):
        read_image(Source("0" * 64, give), pool=pool)
    assert pids(pool) == before
    assert read_image(FILM, pool=pool).instance


def test_a_process_that_cannot_be_started_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_what: Any, **_how: Any) -> Any:
        raise OSError(12, "no memory")

    pool = DecoderPool()
    with monkeypatch.context() as patch:
        patch.setattr("imaging.intake.child_process.subprocess.Popen", fail)
        with pytest.raises(DecodersBusyError, match="No process"):
            read_image(FILM, pool=pool)
    assert read_image(FILM, pool=pool).instance
    pool.close()


def test_a_fault_of_ours_is_no_fault_of_the_file_and_says_no_name(pool: DecoderPool) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError") as fault:
        read_image(b"fault", pool=pool)
    assert "Doe" not in str(fault.value)
    assert read_image(FILM, pool=pool).instance


def test_what_is_wrong_with_a_file_is_said_as_ever(pool: DecoderPool) -> None:
    with pytest.raises(InputError) as here:
        imaging.dicom.read_image(b"no film")
    with pytest.raises(InputError) as there:
        read_image(b"no film", pool=pool)
    assert (type(here.value), str(here.value)) == (type(there.value), str(there.value))
    with pytest.raises(ValueError, match="frame"):
        read_image(FILM, pool=pool).stored_values(7)


def test_both_processes_together_may_have_six_gib_and_have_their_limits(pool: DecoderPool) -> None:
    assert QUICK.memory + PATIENT.memory == 6 * 2**30
    resource = pytest.importorskip("resource")
    (pid, _) = pids(pool)
    assert resource.prlimit(pid, resource.RLIMIT_AS) == (SHORT.memory, SHORT.memory)
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)


def test_arrays_are_counted_until_nobody_holds_them() -> None:
    budget = Budget(10_000_000)
    pool = DecoderPool(budget)
    image = read_image(FILM, pool=pool)
    assert budget.held == 0
    values = image.luminance_values()
    assert budget.held == values.nbytes == 4 * 40 * 30
    part = values[:3]
    del values
    assert budget.held == 4 * 40 * 30
    del part
    assert budget.held == 0
    pool.close()


def test_an_array_for_which_there_is_no_room_is_refused_before_it_is_made() -> None:
    pool = DecoderPool(Budget(1000, patience=0.2))
    image = read_image(FILM, pool=pool)
    with pytest.raises(DecodersBusyError, match="larger than the memory"):
        image.luminance_values()
    small = read_image(make_dicom_bytes(make_pixels(16, 16)), pool=pool)
    held = small.stored_values()
    with pytest.raises(DecodersBusyError, match="again"):
        small.stored_values()
    del held
    assert np.ptp(small.stored_values()) > 0
    pool.close()
