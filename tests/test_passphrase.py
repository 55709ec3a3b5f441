"""A passphrase typed where the server was started opens the store, for it and for its workers."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from imaging.settings import ROOT, Settings
from imaging.store import Repository
from imaging.store.encryption.finding import WRONG_PASSPHRASE
from imaging.store.encryption.keys import Keys
from imaging.store.encryption.protection import new_protection, save_first_protection
from imaging.store.encryption.protectors import Kind, passphrase_secret
from imaging.store.opening.opening import encrypt_new
from tests.factories import make_dicom_bytes

PASSPHRASE = "several words that rarely meet"
PATIENCE = 120  # seconds; only a hang runs out of it
pty = pytest.importorskip("pty", reason="this system has no terminals")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Of a store that only a passphrase opens; a film waits in it."""
    protection, data_key = new_protection()
    secret = passphrase_secret(PASSPHRASE)
    home = tmp_path / "home"
    save_first_protection(home, protection.adding(data_key, Kind.PASSPHRASE, secret))
    keys = Keys.of(data_key)
    with closing(Repository.open(home, keys=keys)) as store:
        store.jobs.add([("film.dcm", make_dicom_bytes())], account="")
    return keys


@contextmanager
def served(settings: Settings, port: int) -> Iterator[tuple[subprocess.Popen[bytes], Terminal]]:
    """A server at a terminal of its own: its process, and the other end of the terminal.

    No fork of this process, whose other threads may hold what the child would wait for.
    """
    terminal, theirs = pty.openpty()
    environ = {
        **os.environ,
        "LIGHTBOX_HOME": str(settings.home),
        "LIGHTBOX_WEIGHTS": str(settings.weights),
        "LIGHTBOX_DATABASE": "",
    }
    command = ["setsid", "--ctty", sys.executable, "-m", "streamlit", "run", "app.py"]
    command += ["--server.port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        yield process, Terminal(terminal)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


class Terminal:
    """The other end of a terminal: what is said there, piece by piece, and what is typed."""

    def __init__(self, handle: int) -> None:
        self._handle, self._said = handle, b""

    def read_until(self, words: str) -> None:
        """Wait for these words, behind those waited for before."""
        end = time.monotonic() + PATIENCE
        while words.encode() not in (said := b" ".join(self._said.split())):
            ready = select.select([self._handle], [], [], max(0.0, end - time.monotonic()))[0]
            assert ready, self._said.decode()
            self._said += os.read(self._handle, 4096)
        self._said = said.partition(words.encode())[2]

    def type(self, words: bytes) -> None:
        os.write(self._handle, words)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def traces(process: int) -> list[str]:
    """Commands and environments of a process and its children that hold the passphrase."""
    found = []
    for at in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((at / "stat").read_text().rpartition(")")[2].split()[1])
            if process in (int(at.name), parent):
                held = (at / "cmdline").read_bytes() + (at / "environ").read_bytes()
                found += [at.name] if PASSPHRASE.encode() in held else []
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_the_server_asks_where_it_was_started_and_works(
    tmp_path: Path, checkpoint_folder: Path, keys: Keys
) -> None:
    settings = Settings(home=tmp_path / "home", weights=checkpoint_folder.parent)
    port = free_port()
    with served(settings, port) as (process, terminal):
        terminal.read_until("Passphrase of the data folder")
        terminal.type(b"another one\n")
        terminal.read_until(WRONG_PASSPHRASE)
        terminal.read_until("Passphrase of the data folder")
        terminal.type(f"{PASSPHRASE}\n".encode())
        wait_for(port)
        with closing(Repository.open(settings.home, keys=keys)) as store:
            end = time.monotonic() + PATIENCE
            while store.worklist.page().stored == 0 and time.monotonic() < end:
                time.sleep(0.5)
            assert store.worklist.page().stored == 1
        assert traces(process.pid) == []


@pytest.mark.slow
@pytest.mark.parametrize("end", ["wrong", "Ctrl+C"])
def test_who_does_not_know_it_starts_nothing(
    tmp_path: Path, checkpoint_folder: Path, keys: Keys, end: str
) -> None:
    settings = Settings(home=tmp_path / "home", weights=checkpoint_folder.parent)
    with served(settings, free_port()) as (process, terminal):
        for typed in [b"another one\n"] * 3 if end == "wrong" else [b"\x03"]:
            terminal.read_until("Passphrase of the data folder")
            terminal.type(typed)
        until = time.monotonic() + PATIENCE
        while process.poll() is None:
            assert time.monotonic() < until, "the server goes on"
            time.sleep(0.1)


def test_a_key_file_asks_nobody(tmp_path: Path) -> None:
    encrypt_new(tmp_path / "home")
    Repository.open(tmp_path / "home").close()
