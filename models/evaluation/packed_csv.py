"""Tables of thousands of rows, which travel with the weights: CSV in gzip, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO


@contextmanager
def write_packed(path: Path) -> Iterator[TextIO]:
    """A text file to write rows to; neither time nor name go into the archive (RFC 1952)."""
    with (
        path.open("wb") as raw,
        GzipFile("", "wb", mtime=0, fileobj=raw) as packed,
        TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text
