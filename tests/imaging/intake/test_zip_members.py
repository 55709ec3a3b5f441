"""Members of zip archives by every method: read, or named for what they are."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imaging.errors import InputError
from imaging.intake.archives import members

needs_inflate64 = pytest.mark.skipif(
    find_spec("inflate64") is None, reason="the package inflate64 is not installed"
)


def with_method(archive: bytes, method: int, flags: int = 0) -> bytes:
    """An archive of one member that says it was packed another way."""
    changed = bytearray(archive)
    at = changed.index(b"PK\1\2")
    changed[8:10] = changed[at + 10 : at + 12] = struct.pack("<H", method)
    changed[6:8] = changed[at + 8 : at + 10] = struct.pack("<H", flags)
    return bytes(changed)


def stored(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("IM1", content)
    return buffer.getvalue()


def deflate64(content: bytes) -> bytes:
    """An archive as Windows Explorer makes them."""
    import inflate64

    packer = inflate64.Deflater()
    packed = packer.deflate(content) + packer.flush()
    whole = bytearray(with_method(stored(packed), 9))
    at = whole.index(b"PK\1\2")
    crc = zlib.crc32(content)
    for place, start in ((14, 0), (16, at)):
        whole[start + place : start + place + 4] = struct.pack("<L", crc)
        end = start + place + 12
        whole[end - 4 : end] = struct.pack("<L", len(content))
    return bytes(whole)


def unpacked_elsewhere(content: bytes) -> bool:
    """True where the packer's own unpacker gives back what was packed."""
    import inflate64

    packer = inflate64.Deflater()
    return bool(inflate64.Inflater().inflate(packer.deflate(content) + packer.flush()) == content)


def sentence(archive: bytes) -> str:
    ((_name, read),) = members(archive, "x")
    with pytest.raises(InputError) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize(
    ("method", "name"), [(98, "PPMd"), (93, "Zstandard"), (95, "XZ"), (6, "Implode"), (77, "77")]
)
def test_a_method_nobody_reads_is_named(method: int, name: str) -> None:
    said = sentence(with_method(stored(b"film"), method))
    assert name in said and "unpack it" in said and "damaged" not in said


def test_a_password_is_no_damage() -> None:
    for archive in (with_method(stored(b"film"), 0, 1), with_method(stored(b"film"), 99, 1)):
        said = sentence(archive)
        assert "password" in said and "damaged" not in said


def test_without_inflate64_the_method_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.intake.zip_members._has_inflate64", lambda: False)
    said = sentence(with_method(stored(b"film"), 9))
    assert "Deflate64" in said and "damaged" not in said


@needs_inflate64
@given(st.integers(0, 2**32), st.integers(0, 300_000), st.integers(1, 256))
def test_deflate64_comes_out_as_it_went_in(seed: int, size: int, letters: int) -> None:
    draw = random.Random(seed)
    content = bytes(draw.choices(range(letters), k=size))
    # inflate64 1.0.4's packer, which tests alone use, writes a match of 259 bytes as one of 3
    assume(unpacked_elsewhere(content))
    ((_name, read),) = members(deflate64(content), "x")
    assert read() == content


@needs_inflate64
def test_damaged_deflate64_is_damage() -> None:
    content = bytes(random.Random(1).choices(range(9), k=5000))
    good = deflate64(content)
    for at in range(33, 60):
        archive = bytearray(good)
        archive[at] ^= 0xFF
        assert "damaged" in sentence(bytes(archive))


@needs_inflate64
def test_report_20_is_read(data: Path) -> None:
    archive = data / "reports" / "20-deflate64-zip" / "d64.zip"
    ((name, read),) = members(archive, "d64.zip")
    assert name == "d64.zip/src/a.dcm" and read()[128:132] == b"DICM"
