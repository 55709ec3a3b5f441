"""Plain `streamlit run app.py`: one that others can reach ends before it has served anybody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from imaging.settings import ROOT
from imaging.store import Repository
from tests.factories import make_dicom_bytes

PATIENCE = 120  # seconds; only a hang runs out of it
EVERYBODY = ("--server.address", "0.0.0.0")


def start(home: Path, *options: str, reader: str = "", **extra: str) -> subprocess.Popen[str]:
    """The server's process, on the free port that ends its command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environ = {**os.environ, "LIGHTBOX_HOME": str(home), "LIGHTBOX_SINGLE_READER": reader}
    environ = {**environ, **extra}
    environ.pop("LIGHTBOX_DATABASE", None)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options, "--server.port", port]
    return subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def answers(server: subprocess.Popen[str]) -> bool:
    """True once the server answers a request, False when it ended without."""
    port = list(map(str, server.args))[-1]  # type: ignore[arg-type]
    for _try in range(10 * PATIENCE):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            try:
                server.wait(0.1)
                return False
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError("the server neither answered nor ended")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "words"), [("", "account add NAME"), ("Dr A", "Unset LIGHTBOX_SINGLE_READER")]
)
def test_without_accounts_it_ends_and_serves_nobody(
    tmp_path: Path, reader: str, words: str
) -> None:
    repository = Repository.open(tmp_path)
    repository.originals.keep(make_dicom_bytes())
    repository.close()
    server = start(tmp_path, *EVERYBODY, reader=reader)
    assert not answers(server)
    said = server.communicate(timeout=PATIENCE)[1]
    assert server.returncode == 2 and words in said and "Traceback" not in said


@pytest.mark.slow
def test_with_an_account_and_tls_it_serves(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    repository.accounts.create("ada", "Dr Ada", "correct horse battery")
    repository.close()
    server = start(tmp_path, *EVERYBODY)
    assert not answers(server)
    assert "LIGHTBOX_BEHIND_TLS" in server.communicate(timeout=PATIENCE)[1]
    server = start(tmp_path, *EVERYBODY, LIGHTBOX_BEHIND_TLS="1")
    try:
        assert answers(server)
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE)
