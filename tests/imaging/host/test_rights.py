"""Nobody but its owner comes to the data folder, and no process leaves a core dump."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from imaging.host import rights
from imaging.intake.child_process import ChildProcess
from imaging.settings import ROOT
from imaging.store import Repository
from tests.plain_child import Word

pytestmark = pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
_LIMITS = "Max core file size"


def open_to_others(home: Path) -> list[str]:
    """What of a folder group or others may use, itself included."""
    return [str(p) for p in (home, *home.rglob("*")) if p.stat().st_mode & 0o077]


def core_limit(pid: int) -> list[str]:
    """Soft and hard limit of a process, as its system tells them."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith(_LIMITS)).split()[4:6]


def test_a_new_folder_is_its_owners_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with_umask = Repository.open(tmp_path / "home")
        with_umask.originals.keep(b"film")
        assert open_to_others(tmp_path / "home") == []
    finally:
        os.umask(before)
    with_umask.close()


def test_a_folder_that_others_could_enter_is_mended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = Repository.open(home)
    sha256 = store.originals.keep(b"film")
    store.close()
    (home / "seal.key").write_bytes(b"key")
    for at in (home, *home.rglob("*")):
        at.chmod(0o755 if at.is_dir() else 0o644)
    Repository.open(home).close()
    assert open_to_others(home) == []
    assert (home / "objects" / sha256[:2] / sha256).read_bytes() == b"film"


def test_a_folder_that_cannot_be_mended_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    rights.restrict_folder(tmp_path)
    assert "other users of this computer may read the data folder" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize(
    "start",
    ["import app", "import sys; sys.argv = ['cli.py', 'model']; import cli; cli.main()"],
    ids=["server", "terminal"],
)
def test_server_and_terminal_write_for_their_owner_and_leave_no_core(
    start: str, tmp_path: Path
) -> None:
    script = f"""
import os, resource
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
os.umask(0o022)
try:
    {start}
except SystemExit:
    pass
print(oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_CORE))
"""
    environment = {**os.environ, "LIGHTBOX_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == ["0o77 (0, 0)"], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_process_that_decodes_leaves_no_core() -> None:
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0, "else nothing would be shown here"
    child = ChildProcess("tests.plain_child", memory=2**33)
    child.start()
    try:
        child.allow(60)
        child.send(Word("hello"))
        child.receive(Word)
        assert child._process is not None
        assert core_limit(child._process.pid) == ["0", "0"]
    finally:
        child.close()
