"""What a copy shows is what its original shows, and it is as sound DICOM as that was."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from imaging.dicom import Image, read_object, release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.errors import InputError
from tests.imaging.peers import peer

KEY = Project(b"k" * 32)
_LARGEST = 8 * 2**20  # bytes of a file that is tried
# A fuzzed file that dciodvfy gives up before it reads a module, and a name that is a term.
_UNREAD = ("m_", "d164_CT0012_fragmented_no_bot_jpeg_baseline_5")
_STORED_ANEW = "jxl"  # RGB from now on, for JPEG XL is stored without compression


@pytest.mark.slow
def test_copies_of_the_collection_show_what_their_originals_show(data: Path) -> None:
    shown = 0
    for path in sorted((data / "dicom").rglob("*.dcm")):
        content = path.read_bytes()
        try:
            before = read_object(content)
            picture = before.display_values(0) if isinstance(before, Image) else None
        except InputError:
            continue
        if len(content) > _LARGEST or not isinstance(before, Image):
            continue
        try:
            copy = release(content, KEY)
        except InputError as exc:
            assert str(exc).endswith("."), path.name
            continue
        after = read_object(copy.content)
        assert isinstance(after, Image), path.name
        np.testing.assert_array_equal(picture, after.display_values(0), path.name)
        if _STORED_ANEW not in path.name:
            assert before.instance.geometry == after.instance.geometry, path.name
        ours, theirs = before.instance.voi_presets, after.instance.voi_presets
        assert [(p.window_center, p.window_width) for p in ours] == [
            (p.window_center, p.window_width) for p in theirs
        ]
        shown += 1
    assert shown > 150


@pytest.mark.slow
def test_copies_of_the_collection_have_no_new_errors(data: Path, tmp_path: Path) -> None:
    for path in sorted((data / "dicom").rglob("*.dcm")):
        content = path.read_bytes()
        if len(content) > _LARGEST or path.name.startswith(_UNREAD):
            continue
        try:
            copy = release(content, KEY)
        except InputError:
            continue
        (tmp_path / "copy.dcm").write_bytes(copy.content)
        new = _errors(tmp_path / "copy.dcm") - _errors(path)
        assert new == set(), path.name


def _errors(file: Path) -> set[str]:
    """What dciodvfy finds, without the values."""
    done = subprocess.run(
        [peer("dciodvfy", "dicom3tools"), str(file)], capture_output=True, check=False
    )
    lines = (done.stderr + done.stdout).decode(errors="replace").splitlines()
    return {
        re.sub(r"[Vv]alue[^<]*<[^>]*>", "", line)
        for line in lines
        if line.startswith("Error")
        and "SyntheticData" not in line
        and "(0x0008,0x001c)" not in line
    }
