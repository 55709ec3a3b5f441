"""Every file of the DICOM collection, read by Lightbox, pydicom, GDCM, DCMTK and SimpleITK.

    LIGHTBOX_DATA=... python -m bench.dicom_matrix            # the table: two to five minutes
    LIGHTBOX_DATA=... python -m bench.dicom_matrix --rounds 3 # the best of three for the times

Prints files x {Lightbox, others}: decoded or not, whether the pixels agree, how many times as long
as Lightbox the other takes. What differs is explained by a rule that is checked against the
pixels, or counts as unexplained; where Lightbox alone refuses, its sentence is the reason, and
that is a miss unless the other shows more pixels than the file holds. Peers run in processes of
their own, which some files kill. Stored as ``bench/results/dicom_matrix.json``
and written to ``docs/dicom.md``; the last line is JSON.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.uid import UncompressedTransferSyntaxes

from bench import peers
from bench.apart import Outcome, ReaderProcess
from bench.disagreements import explain
from imaging.errors import SettingsError
from imaging.settings import ROOT, Settings

_STORED = ROOT / "bench" / "results" / "dicom_matrix.json"
_PAGE = ROOT / "docs" / "dicom.md"
_BEGIN, _END = "<!-- matrix -->\n", "<!-- end of matrix -->"
READERS = ("lightbox", *peers.PEERS)


@dataclass
class Row:
    """Outcomes of one file by reader, and the words about it by reader."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)  # "" when it agrees
    holds: float = 0  # bytes of uncompressed pixels; endless where they are compressed


def main(
    rounds: Annotated[int, typer.Option(help="Times each file is read; the best counts.")] = 1,
) -> None:
    """Print the table, store the figures, write the page."""
    data = Settings.from_environment().data
    if data is None:
        raise SettingsError("LIGHTBOX_DATA is not set.")
    folder = data / "dicom"
    table = {
        path.relative_to(folder).as_posix(): row for path, row in _read_all(folder, rounds).items()
    }
    for name, row in table.items():
        print(f"{name[:64]:64} " + " ".join(f"{_cell(row, reader):>16}" for reader in READERS))
    summary = figures(table)
    _STORED.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    _write_page(table, summary)
    print(json.dumps({name: value for name, value in summary.items() if name != "decoded"}))


def figures(table: dict[str, Row]) -> dict[str, Any]:
    """Counts over all files, and the median of the ratios of time."""
    misses = [row for row in table.values() if not row.outcomes["lightbox"].decoded]
    unsaid = sum(1 for row in misses if not row.outcomes["lightbox"].words)
    unexplained = [
        (name, reader)
        for name, row in table.items()
        for reader, words in row.words.items()
        if words == "unexplained"
    ]
    times = {
        f"time_{reader}": round(median(_ratios(table, reader)), 2)
        for reader in peers.PEERS
        if reader != "dcmtk"  # its time is that of starting a program
    }
    return {
        "files": len(table),
        "decoded": {
            reader: sum(row.outcomes[reader].decoded for row in table.values())
            for reader in READERS
        },
        "refused_without_a_reason": unsaid,
        "refused_though_sound": sum(bool(refused_by_us(r, sound=True)) for r in table.values()),
        "unexplained": len(unexplained),
        "crashes_lightbox": sum(row.outcomes["lightbox"].crashed for row in table.values()),
        "slowest_lightbox_s": round(
            max(row.outcomes["lightbox"].seconds for row in table.values()), 2
        ),
        **times,
    }


def _read_all(folder: Path, rounds: int) -> dict[Path, Row]:
    """All readers over all files, each in a process of its own."""
    rows = {}
    with tempfile.TemporaryDirectory() as scratch:
        names = (*READERS, "modality")
        processes = {name: ReaderProcess(name, Path(scratch)) for name in names}
        for path in sorted(folder.rglob("*.dcm")):
            row = Row(holds=_holds(path))
            for name in names:
                tries = [processes[name].read(path) for _ in range(rounds)]
                row.outcomes[name] = min(tries, key=lambda outcome: outcome.seconds)
            pixels = {
                name: processes[name].pixels() for name in names if row.outcomes[name].decoded
            }
            row.words = _compare(row, pixels)
            rows[path] = row
        for process in processes.values():
            process.close()
    return rows


def _holds(path: Path) -> float:
    """Bytes of pixels that a file holds; no end where they are compressed or not known."""
    try:
        ds = dcmread(path, force=True)
        plain = ds.file_meta.get("TransferSyntaxUID") in UncompressedTransferSyntaxes
    except Exception:  # whatever pydicom makes of a broken file
        return float("inf")
    return len(ds.PixelData) if plain and "PixelData" in ds else float("inf")


def refused_by_us(row: Row, *, sound: bool) -> list[str]:
    """The others that decoded what Lightbox refused, from what the file holds or from more."""
    if row.outcomes["lightbox"].decoded:
        return []
    decoded = [reader for reader in peers.PEERS if row.outcomes[reader].decoded]
    return [reader for reader in decoded if (row.outcomes[reader].nbytes <= row.holds) == sound]


def _compare(row: Row, pixels: dict[str, NDArray[Any]]) -> dict[str, str]:
    """Words about every reader that decoded what Lightbox did: "" when the pixels agree."""
    words_by_reader = {}
    for name in peers.PEERS:
        reference = "modality" if name == "simpleitk" else "lightbox"
        if name in pixels and reference in pixels:
            words_by_reader[name] = explain(name, pixels[reference], pixels[name])
    agreeing = [name for name, words in words_by_reader.items() if not words]
    for name, words in words_by_reader.items():
        if words == "unexplained" and len(agreeing) >= 2:
            words_by_reader[name] = (
                f"another reading; {' and '.join(agreeing)} read as Lightbox does"
            )
    return words_by_reader


def _ratios(table: dict[str, Row], name: str) -> list[float]:
    """Time of a reader over Lightbox's, where both decoded."""
    return [
        row.outcomes[name].seconds / row.outcomes["lightbox"].seconds
        for row in table.values()
        if row.outcomes[name].decoded and row.outcomes["lightbox"].decoded
    ]


def _cell(row: Row, name: str) -> str:
    """A cell of the table."""
    outcome = row.outcomes[name]
    if not outcome.decoded:
        return "crash" if outcome.crashed else "-"
    if name == "lightbox":
        return "yes"
    words = row.words.get(name)
    agrees = "alone" if words is None else "agrees" if not words else "differs"
    ours = row.outcomes["lightbox"]
    return f"{agrees} {outcome.seconds / ours.seconds:.1f}x" if ours.decoded else agrees


def _write_page(table: dict[str, Row], summary: dict[str, Any]) -> None:
    """Put the figures between the marks of the page."""
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    text = "\n".join(_lines(table, summary))
    _PAGE.write_text(f"{before}{_BEGIN}{text}\n{_END}{after}", encoding="utf-8")


def _lines(table: dict[str, Row], summary: dict[str, Any]) -> list[str]:
    """The page's tables."""
    lines = ["| | " + " | ".join(READERS) + " |", "|---" * (len(READERS) + 1) + "|"]
    decoded = (str(summary["decoded"][reader]) for reader in READERS)
    lines.append(f"| decoded, of {summary['files']} | " + " | ".join(decoded) + " |")
    crashes = (str(sum(r.outcomes[reader].crashed for r in table.values())) for reader in READERS)
    lines.append("| killed its process | " + " | ".join(crashes) + " |")
    times = (
        "1" if reader == "lightbox" else str(summary.get(f"time_{reader}", ""))
        for reader in READERS
    )
    lines.append("| time, Lightbox = 1 (median) | " + " | ".join(times) + " |")
    lines += ["", *_refusals(table, sound=True), "", *_refusals(table, sound=False)]
    lines += [
        "",
        "Decoded otherwise by another:",
        "",
        "| what the other does | files |",
        "|---|---|",
    ]
    count = Counter(
        f"{reader}: {words}"
        for row in table.values()
        for reader, words in row.words.items()
        if words
    )
    lines += [f"| {words} | {files} |" for words, files in sorted(count.items())]
    return lines


def _refusals(table: dict[str, Row], *, sound: bool) -> list[str]:
    """Lines on what Lightbox refused and another decoded."""
    refused = {
        name: readers for name, r in table.items() if (readers := refused_by_us(r, sound=sound))
    }
    title = "from pixels that the file holds" if sound else "with more pixels than the file holds"
    lines = [f"Decoded by another {title}, refused here: {len(refused)}."]
    if refused:
        lines += ["", "| file | by | why it is refused |", "|---|---|---|"]
    for name, readers in refused.items():
        sentence = table[name].outcomes["lightbox"].words
        lines.append(f"| {Path(name).stem} | {', '.join(readers)} | {sentence} |")
    return lines


if __name__ == "__main__":
    started = time.monotonic()
    typer.run(main)
