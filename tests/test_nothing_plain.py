"""Of an encrypted data folder nothing plain reaches a disk, be it for a moment.

All that touches films (uploads in pieces, workers, exports, explanations, backups, the terminal)
runs under strace, which sees what every process writes into which file, deleted ones and those
without a name among them; then every file that is left is searched. What is looked for: names and
numbers of the patient, hashes of the films, and any run of 64 bytes of their pixels.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.visitor import Visitor
from imaging.settings import ROOT
from imaging.store import Repository
from tests.browser.lightbox import Server, cookie_of
from tests.plain_walk import films, pixels

PATIENCE = 300.0  # seconds; only a hang runs out of it
WINDOW = 32  # any 64 bytes in a row hold one of these that begin at every 32nd
WORDS = (b"smithson", b"johanna", b"mrn0012345")  # in any case
MEMORY = ("/dev/", "/proc/", "/memfd:")  # files that lie on no disk; /dev/shm among them
_CALL = re.compile(r"^\d+ +(\w+)\((?:\d+<([^>]*)>|.*?)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_SHARED = re.compile(r"mmap\(.*PROT_WRITE.*MAP_SHARED.*, \d+<([^>]*)>")


def unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


class Secrets:
    """What may be in no file."""

    def __init__(self) -> None:
        contents = [content for _, content in films()]
        self._hashes = tuple(hashlib.sha256(c).hexdigest().encode() for c in contents)
        self._windows = {
            array.tobytes()[at : at + WINDOW]
            for array in pixels()
            for at in range(0, array.nbytes - WINDOW + 1, WINDOW)
        }

    def find(self, content: bytes) -> set[str]:
        """What of it is there, in words."""
        lower = content.lower()
        found = {word.decode() for word in (*WORDS, *self._hashes) if word in lower}
        if any(content[at : at + WINDOW] in self._windows for at in range(len(content) - WINDOW)):
            found.add("pixels")
        return found


class Watch:
    """A data folder, and what the programs that ran under watch wrote into any file."""

    def __init__(self, folder: Path, weights: Path, *, encrypted: bool) -> None:
        self.home, self.out, self._log = folder / "home", folder / "out", folder / "calls.txt"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.out.mkdir()
        calls = "trace=write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,mmap"
        self.under = (
            "strace", "-D", "-f", "--seccomp-bpf", "-y", "-qq", "-xx", "-s", "16777216",
            "-e", "signal=none", "-e", calls, "-o", str(self._log),
        )  # fmt: skip
        self.environ = {
            "LIGHTBOX_HOME": str(self.home),
            "LIGHTBOX_WEIGHTS": str(weights),
            "LIGHTBOX_ENCRYPTION": "on" if encrypted else "off",
            "TMPDIR": str(self.temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *what: str) -> str:
        """Run the walk; returns what it said."""
        command = [*self.under, sys.executable, "-m", "tests.plain_walk", str(self.out), *what]
        environ = {**os.environ, **self.environ}
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def written(self) -> dict[str, bytes]:
        """What was written into each file of a disk, but those that were asked for in the clear."""
        files: defaultdict[str, list[bytes]] = defaultdict(list)
        with self._log.open() as lines:
            for line in lines:
                call = _CALL.match(line)
                if call is None or call[1] == "mmap" or not call[2]:
                    continue
                path = unescaped(call[2]).decode()
                if self._is_watched(path):
                    parts = _TEXT.findall(line)
                    assert not any(cut for _, cut in parts), "strace left something out"
                    files[path] += [unescaped(text) for text, _ in parts]
        return {path: b"".join(parts) for path, parts in files.items()}

    def mapped(self) -> set[str]:
        """Files that were written to through memory, which strace does not see."""
        with self._log.open() as lines:
            paths = {m[1] for line in lines if (m := _SHARED.search(line))}
        return {p for path in paths if self._is_watched(p := unescaped(path).decode())}

    def left(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files that are there."""
        for folder in (self.home, self.temporary, self.home.parent / "backups"):
            for path in folder.rglob("*"):
                yield str(path), path.read_bytes() if path.is_file() else b""

    def tells(self) -> dict[str, set[str]]:
        """Files that were written or are left, by their names, and what can be read of them."""
        secrets = Secrets()
        told = [
            *((path, secrets.find(path.encode()) | secrets.find(content))
              for path, content in (*self.written().items(), *self.left())),
            *((path, {"written through memory"})
              for path in self.mapped() if not path.endswith("-shm")),
        ]  # fmt: skip
        return {path: what for path, what in told if what}

    def _is_watched(self, path: str) -> bool:
        on_a_disk = path.startswith("/") and not path.startswith(MEMORY)
        asked_for = Path(path).is_relative_to(self.out) and not Path(path).name.startswith("#")
        return on_a_disk and not asked_for  # "#": a file without a name


def watch(folder: Path, weights: Path, *, encrypted: bool) -> Watch:
    """A watch; skips without strace, and CI insists."""
    if not shutil.which("strace"):
        if os.environ.get("LIGHTBOX_REQUIRE_STRACE") == "1":
            pytest.fail("strace is required here: apt-get install strace")
        pytest.skip("strace is not installed: apt-get install strace")
    return Watch(folder, weights, encrypted=encrypted)


@pytest.mark.slow
def test_nothing_plain_reaches_a_disk(tmp_path: Path, checkpoint_folder: Path) -> None:
    seen = watch(tmp_path, checkpoint_folder.parent, encrypted=True)
    seen.run()
    assert seen.tells() == {}
    places = "\n".join(seen.written())
    for place in ("objects/", "incoming/", "lightbox.db-wal", "lightbox-films-", "lightbox-half-"):
        assert place in places, f"nothing was written there: {place}"
    assert len(list(seen.out.iterdir())) >= 4


async def read(server: Server, film: bytes) -> None:
    """A reader hands a film in, opens its study with its map, and has it exported."""
    async with Visitor(server.address, cookie_of(server.address)) as visitor:
        await visitor.go("upload")
        await visitor.drop("intake-upload", "smithson.dcm", film)
        await asyncio.to_thread(answered, server)
        await visitor.go("triage")
        await visitor.go("review", study="1.2.3.0")
        await visitor.press("prepare-1.2.3.0")
        await visitor.go("upload")
        assert visitor.failures == 0


def answered(server: Server) -> None:
    """Return once the film was worked off."""
    store, end = Repository.open(server.home), time.monotonic() + PATIENCE
    while store.jobs.unfinished() or not store.jobs.recent():
        assert time.monotonic() < end, "the queue stands still"
        time.sleep(0.3)
    store.close()


@pytest.mark.slow
def test_nothing_plain_reaches_a_disk_of_a_server(
    tmp_path: Path, checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(tmp_path, checkpoint_folder.parent, encrypted=True)
    for name, value in seen.environ.items():
        monkeypatch.setenv(name, value)
    server = Server(seen.home, checkpoint_folder.parent, under=seen.under)
    server.start()
    try:
        with ThreadPoolExecutor(1) as apart:  # Playwright may have left a running loop here
            apart.submit(asyncio.run, read(server, films()[0][1])).result()
    finally:
        server.stop()
    assert seen.tells() == {}
    places = "\n".join(seen.written())
    assert "objects/" in places and "lightbox.db-wal" in places


@pytest.mark.slow
def test_what_is_plain_would_be_seen(tmp_path: Path, checkpoint_folder: Path) -> None:
    """A watch that sees nothing proves nothing: the same on a data folder that is not encrypted."""
    seen = watch(tmp_path, checkpoint_folder.parent, encrypted=False)
    seen.run("upload")
    secrets, written = Secrets(), seen.written()
    by_place = {
        place: set().union(*(secrets.find(c) for path, c in written.items() if place in path))
        for place in ("objects/", "incoming/", "lightbox.db-wal")
    }
    assert {"pixels", "smithson", "mrn0012345"} <= by_place["objects/"]
    assert {"pixels", "smithson"} <= by_place["incoming/"]
    assert "smithson" in by_place["lightbox.db-wal"]
    assert any(secrets.find(path.encode()) for path, _ in seen.left()), "its hash is its name"
