"""Other people's programs that judge what we export: found, or the test skips - or fails in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def peer(program: str, package: str) -> str:
    """Path of a program; skips without it, fails where LIGHTBOX_REQUIRE_PEERS=1 insists."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found:
        return found
    if os.environ.get("LIGHTBOX_REQUIRE_PEERS") == "1":
        pytest.fail(f"{program} is missing; install Debian's {package}")
    pytest.skip(f"{program} (Debian's {package}) is not installed")


def dciodvfy(file: Path) -> list[str]:
    """The lines in which dicom3tools' validator finds an error."""
    program = peer("dciodvfy", "dicom3tools")
    done = subprocess.run([program, str(file)], capture_output=True, text=True, check=False)
    said = (done.stderr + done.stdout).splitlines()
    assert said, "dciodvfy said nothing, not even which IOD it found"
    return [line for line in said if line.startswith(("Error", "dciodvfy"))]


def render(film: Path, state: Path, folder: Path, *, frame: int = 1) -> Path:
    """DCMTK's rendering of a film through a presentation state, as a PGM file."""
    program = peer("dcmp2pgm", "dcmtk")
    out = folder / f"{state.stem}.pgm"
    command = [program, "--pstate", str(state), "--frame", str(frame), str(film), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and out.is_file(), done.stderr
    return out
