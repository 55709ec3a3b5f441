"""Members of a zip archive, whatever they were packed with (APPNOTE.TXT 6.3.10, 4.4.5).

Python's `zipfile` reads methods 0, 8, 12 and 14. Windows Explorer packs what is larger than 2 GB,
and 7-Zip on request, with method 9 (Deflate64), which inflate64 unpacks. What nobody here reads is
named for what it is: it is no damage.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from importlib.util import find_spec
from typing import IO, Any, cast

DEFLATE64 = 9
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, DEFLATE64, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_NAMES = {
    1: "Shrink",
    2: "Reduce",
    3: "Reduce",
    4: "Reduce",
    5: "Reduce",
    6: "Implode",
    DEFLATE64: "Deflate64",
    10: "PKWARE DCL Implode",
    16: "IBM z/OS CMPSC",
    18: "IBM TERSE",
    19: "IBM LZ77",
    20: "Zstandard",
    93: "Zstandard",
    94: "MP3",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
}
_AES = 99  # the true method stands in an extra field
_ENCRYPTED, _PATCHED, _MASKED = 0x1, 0x20, 0x2000
_LOCAL = struct.Struct("<4s22xHH")  # 4.3.7; the lengths of name and extra field
_PART = 1 << 16  # bytes

_LOCKED = (
    "The file inside the archive is protected by a password; unpack it and add the files inside."
)
_PATCH = "The file inside the archive is a patch of another file, which this tool does not read."


def unreadable(member: zipfile.ZipInfo) -> str:
    """Why a member cannot be read, though it is sound; "" where it can."""
    if member.flag_bits & (_ENCRYPTED | _MASKED) or member.compress_type == _AES:
        return _LOCKED
    if member.flag_bits & _PATCHED:
        return _PATCH
    if member.compress_type in _READ and (member.compress_type != DEFLATE64 or _has_inflate64()):
        return ""
    name = _NAMES.get(member.compress_type, f"method {member.compress_type}")
    return (
        f"The file inside the archive is packed with {name}, which this tool does not read; unpack "
        "it and add the files inside."
    )


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """A member's bytes as a stream that can be read once.

    Raises
    ------
    Exception
        Whatever `zipfile` raises for damage, here or while it is read.
    """
    if member.compress_type != DEFLATE64:
        return archive.open(member)
    return cast(IO[bytes], io.BufferedReader(_Deflate64Member(archive, member)))


def _has_inflate64() -> bool:
    """False where Lightbox was updated and its packages were not."""
    return find_spec("inflate64") is not None


class _Deflate64Member(io.RawIOBase):
    """Unpacks as it is read, never more than the directory says, and checks the CRC at the end."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        import inflate64  # here: see `_has_inflate64`

        if archive.fp is None:
            raise zipfile.BadZipFile("closed")
        self._file, self._inflater = archive.fp, cast(Any, inflate64.Inflater())
        self._file.seek(member.header_offset)
        signature, name, extra = _LOCAL.unpack(self._file.read(_LOCAL.size))
        if signature != b"PK\x03\x04":
            raise zipfile.BadZipFile("no local header")
        self._at = member.header_offset + _LOCAL.size + name + extra
        self._packed, self._left = member.compress_size, member.file_size
        self._crc, self._wanted_crc = 0, member.CRC
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and self._left:
            self._file.seek(self._at)  # others read from the archive between
            part = self._file.read(min(_PART, self._packed))
            if not part:
                raise zipfile.BadZipFile("cut short")
            self._at, self._packed = self._at + len(part), self._packed - len(part)
            self._ready = self._inflater.inflate(part)[: self._left]
            self._crc = zlib.crc32(self._ready, self._crc)
            self._left -= len(self._ready)
            if not self._left and self._crc != self._wanted_crc:
                raise zipfile.BadZipFile("another CRC")
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count
