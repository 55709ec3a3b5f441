"""Coverage-guided fuzzing of the reader with atheris, the broken files as its corpus.

    LIGHTBOX_DATA=... python -m bench.fuzz --minutes 10    # `make fuzz`

Seeds are the collection's small files and our own synthetic ones. Whatever is no `InputError` ends
the run with the input that did it, to be made into a regression test by code of our own. Prints
how often the reader ran and how many places of its code were reached; the last line is JSON, which
a run of ten minutes or more stores as ``bench/results/fuzz.json`` and writes to ``docs/dicom.md``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Annotated

import typer

from bench import kept_figures
from imaging.errors import SettingsError
from imaging.settings import ROOT, Settings

_SMALL = 2**15  # bytes of a seed: the mutations of large ones are all alike
_LONGEST = 2**16
_WORTH_KEEPING = 10  # minutes
_SLOW = 20  # seconds of one input that end the run: ten times what a mutation may take


def main(
    minutes: Annotated[float, typer.Option(help="How long.")] = 10,
    child: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Fuzz in a process of its own, and tell what came of it."""
    if child:
        _fuzz(child.split("|"))
        return
    data = Settings.from_environment().data
    if data is None:
        raise SettingsError("LIGHTBOX_DATA is not set.")
    with tempfile.TemporaryDirectory() as folder:
        corpus, finds = Path(folder) / "corpus", Path(folder) / "finds"
        corpus.mkdir()
        finds.mkdir()
        for number, seed in enumerate(_seeds(data)):
            (corpus / f"{number}").write_bytes(seed.read_bytes())
        options = [
            f"-max_total_time={round(60 * minutes)}", f"-max_len={_LONGEST}", "-rss_limit_mb=4096",
            f"-timeout={_SLOW}", f"-artifact_prefix={finds}/", "-print_final_stats=1", str(corpus),
        ]  # fmt: skip
        process = subprocess.run(
            [sys.executable, "-m", "bench.fuzz", "--child", "|".join(options)],
            cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        counts = _parse_counts(process.stderr)
        for crash in sorted(finds.iterdir()):
            copy = Path(tempfile.gettempdir()) / f"lightbox-{crash.name}"
            copy.write_bytes(crash.read_bytes())
            print(f"kept as {copy}", file=sys.stderr)
        if process.returncode:
            print(process.stdout[-3000:] + process.stderr[-3000:], file=sys.stderr)
    figures = {"minutes": minutes, **counts, "crashes": int(process.returncode != 0)}
    print(json.dumps(figures))
    if minutes >= _WORTH_KEEPING:
        kept_figures.store("fuzz", figures)
    sys.exit(int(process.returncode != 0))


def _seeds(data: Path) -> list[Path]:
    """Small files of the collection and our own examples."""
    paths = [*(data / "dicom").rglob("*.dcm"), *(ROOT / "examples").glob("*.dcm")]
    return sorted(path for path in paths if path.stat().st_size <= _SMALL)


def _parse_counts(text: str) -> dict[str, int]:
    """Parse the counts that libFuzzer prints."""
    runs = re.findall(r"number_of_executed_units: (\d+)", text) or re.findall(r"#(\d+)\t", text)
    reached = re.findall(r"cov: (\d+)", text)
    features = re.findall(r"ft: (\d+)", text)
    return {
        "executions": int(runs[-1]) if runs else 0,
        "coverage_at_start": int(reached[0]) if reached else 0,
        "coverage": int(reached[-1]) if reached else 0,
        "features": int(features[-1]) if features else 0,
    }


def _fuzz(options: list[str]) -> None:
    """In the child: our reader's code and pydicom's report to atheris where they have been."""
    import atheris  # type: ignore[import-untyped]

    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=["imaging.dicom", "pydicom"]):
        from bench.mutations import read_all

    atheris.Setup([sys.argv[0], *options], lambda data: _read_once(read_all, data))
    atheris.Fuzz()


def _read_once(read: object, data: bytes) -> None:
    read(data)  # type: ignore[operator]


if __name__ == "__main__":
    typer.run(main)
