"""Damaged copies of the collection's files, read by the whole reader, to see what breaks it.

    LIGHTBOX_DATA=... python -m bench.mutations                 # 10,000 mutations
    LIGHTBOX_DATA=... python -m bench.mutations --count 500 --seed 7

A mutation flips bits, cuts the file, repeats or removes a part, or writes a number that means
trouble over another. Every one is read as an upload is, and looked at in every way the pages do. An
error that is no `InputError`, more than two seconds until there is a picture or a sentence, a
process that dies, or memory that grows, counts. The last line is JSON, stored as
``bench/results/mutations.json`` and written to ``docs/dicom.md`` when all 10,000 were read.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated

import typer

from bench import kept_figures
from imaging.dicom import Image, inspect_image, read_object
from imaging.dicom.viewer_pixels import screen_pixels
from imaging.errors import InputError, SettingsError
from imaging.settings import Settings

_SLOW = 2.0  # seconds
_PATIENCE = 60.0
_WORTH_KEEPING = 10_000  # mutations
_LARGEST = 2**22  # bytes of a file worth mutating
_TROUBLE = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def mutate(data: bytes, draw: random.Random) -> bytes:
    """One to four wounds; most of them in the header, where they do more harm."""
    mutated = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        if len(mutated) < 8:
            break
        end = len(mutated) if draw.random() < 0.3 else min(len(mutated), 4096)
        at = draw.randrange(end)
        size = min(draw.choice((1, 2, 4, 8, 64, 1024)), len(mutated) - at)
        match draw.randrange(6):
            case 0:
                mutated[at] ^= 1 << draw.randrange(8)
            case 1:
                width = min(draw.choice((1, 2, 4)), len(mutated) - at)
                number = draw.choice(_TROUBLE) % 256**width
                mutated[at : at + width] = number.to_bytes(width, draw.choice(("little", "big")))
            case 2:
                del mutated[at:]
            case 3:
                del mutated[at : at + size]
            case 4:
                mutated[at:at] = mutated[at : at + size] * draw.choice((1, 2, 50))
            case _:
                mutated[at : at + size] = draw.randbytes(size)
    return bytes(mutated)


def read_all(data: bytes) -> tuple[str, float]:
    """Read a file as an upload is read, and as the pages look at it.

    Returns
    -------
    tuple of str and float
        "" when it is shown, else the sentence; seconds until the first picture or the sentence.

    Raises
    ------
    Exception
        Whatever is no `InputError`: a crash.
    """
    started = time.perf_counter()
    first = None
    try:
        item = read_object(data, file_name="mutation.dcm")
        if isinstance(item, Image):
            item.display_values(0)
            first = time.perf_counter() - started
            last = item.instance.geometry.frames - 1
            for frame in {0, last}:
                item.display_values(frame)
                item.luminance_values(frame)
            screen_pixels(item, max_bytes=2**24)
            inspect_image(item)
    except InputError as exc:
        return str(exc), first or time.perf_counter() - started
    return "", first or time.perf_counter() - started


def main(
    count: Annotated[int, typer.Option(help="Mutations.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the mutations.")] = 0,
) -> None:
    """Mutate, read, count."""
    data = Settings.from_environment().data
    if data is None:
        raise SettingsError("LIGHTBOX_DATA is not set.")
    files = [p for p in sorted((data / "dicom").rglob("*.dcm")) if p.stat().st_size <= _LARGEST]
    jobs = [(files[at % len(files)], seed * 1_000_003 + at) for at in range(count)]
    slow, crashes, shown, refused, longest = 0, [], 0, 0, 0.0
    memory = []
    pool = _start_pool()
    pool.submit(
        _read_mutation, files[0], 0
    ).result()  # what is imported at the first is not its fault
    for path, each in jobs:
        try:
            words, seconds, size = pool.submit(_read_mutation, path, each).result(_PATIENCE)
        except (BrokenProcessPool, TimeoutError) as exc:
            crashes.append(f"{path.name} seed {each}: {type(exc).__name__}")
            for process in pool._processes.values():
                process.kill()
            pool = _start_pool()
            continue
        memory.append(size)
        longest = max(longest, seconds)
        if seconds > _SLOW:
            slow += 1
            print(f"{path.name} seed {each}: {seconds:.1f} s", file=sys.stderr)
        if words.startswith("!"):
            crashes.append(f"{path.name} seed {each}: {words}")
        shown, refused = shown + (not words), refused + bool(words)
    pool.shutdown()
    for crash in crashes:
        print(crash, file=sys.stderr)
    figures = {
        "mutations": count, "shown": shown, "refused": refused, "crashes": len(crashes),
        "over_2_s": slow, "longest_s": round(longest, 2),
        "memory_growth": round(memory[-1] / memory[len(memory) // 10], 2),
    }  # fmt: skip
    print(json.dumps(figures))
    if count >= _WORTH_KEEPING:
        kept_figures.store("mutations", figures)


def _start_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _read_mutation(path: Path, seed: int) -> tuple[str, float, int]:
    """In the other process: words, seconds, and the memory it has now, in pages."""
    warnings.simplefilter("ignore")
    data = mutate(path.read_bytes(), random.Random(seed))
    try:
        words, seconds = read_all(data)
    except Exception as exc:
        words, seconds = f"! {type(exc).__name__}: {exc}"[:300], 0.0
    return words, seconds, _memory()


def _memory() -> int:
    """Resident pages; the most there ever were where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    typer.run(main)
