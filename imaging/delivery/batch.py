"""Export of a batch: its tables, reports and summary, written to a folder and recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedRandom
from pathlib import Path
from tempfile import TemporaryFile

from imaging import typed_json
from imaging.delivery.batch_rows import Batch
from imaging.delivery.report_archive import zip_reports
from imaging.entities import Status
from imaging.errors import ExportError
from imaging.export.batch.rows import ResultRow
from imaging.export.batch.summary import Case, Pictures, Summary, Tally, about, top_cases
from imaging.export.batch.tables import TABLES, write_table
from imaging.host.block_file import BLOCK, BlockFile
from imaging.host.encrypted_file import new_key
from imaging.host.temporary import sweep_rows
from imaging.language import speaking, spoken
from imaging.language.catalogue import SOURCE
from imaging.review.records import AuditEvent
from imaging.store import Repository, seal_file

OnProgress = Callable[[float], None]

_SUMMARIES = ("pdf", "html")
FORMATS = (*TABLES, "sr", *_SUMMARIES)
TOP = 12  # studies on the contact sheet when nobody says how many
MOST_TOP = 60
TOO_LARGE = (
    "The results are too large for the browser. Choose fewer file types, or use the "
    "terminal: python cli.py results."
)
_FOLDER = "The folder for the results cannot be written; check that it exists and is not full."
_PREFIX = {"sr": "reports", "pdf": "summary", "html": "summary"}
_SUFFIX = {"sr": "zip"}


@dataclass(frozen=True, slots=True)
class ExportedBatch:
    """A batch that was written: the files, what was left out and why, and the batch in figures."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    summary: Summary


@dataclass(frozen=True, slots=True)
class Wish:
    """The forms and details somebody wants of a batch.

    Attributes
    ----------
    formats : tuple of str
        Some of `FORMATS`.
    names : bool
        Whether patients are named. File names are given either way.
    top : int
        How many of the most urgent studies the summary shows, 0 to `MOST_TOP`.
    """

    formats: tuple[str, ...]
    names: bool = False
    top: int = TOP

    @property
    def pictures(self) -> bool:
        """True when explanations are needed."""
        return self.top > 0 and not set(_SUMMARIES).isdisjoint(self.formats)


def export_batch(
    repository: Repository,
    batch: Batch,
    wish: Wish,
    folder: Path,
    *,
    account: str,
    pictures: Pictures,
    on_progress: OnProgress | None = None,
    now: datetime | None = None,
) -> ExportedBatch:
    """Write a batch's results, and a line about it in the audit trail.

    The rows are made once and wait on disk, in a file without a name; no more than a group of
    them lies in memory.

    Parameters
    ----------
    repository : Repository
    batch : Batch
        From `imaging.delivery.batch_rows`.
    wish : Wish
    folder : Path
        Made when missing; files of the same names are replaced.
    account : str
        Who exports them.
    pictures : callable
        Makes the contact sheet's pictures; asked for the most urgent studies only, and not at
        all unless `wish.pictures`.
    on_progress : callable, optional
        Gets the share done, in [0, 1]; what it raises stops the work.
    now : datetime, optional
        The moment of export, with a time zone; by default now.

    Raises
    ------
    ExportError
        If the folder cannot be written, or nothing of what was asked for can be made.
    ValueError
        If a format is unknown.
    """
    _check(wish)
    at, progress = now or datetime.now(UTC), on_progress or (lambda _share: None)
    language = spoken()
    # tables and rows say the same in English, whoever writes them; the summary is for a person
    with closing(_Spool(folder)) as spool, speaking(SOURCE):
        summary = _gather(batch, wish, spool, _scale(progress, 0, 0.3))
        cases = top_cases(summary, pictures, _scale(progress, 0.3, 0.5)) if wish.pictures else ()
        work = _Work(repository, wish, summary, cases, spool, account, at, language)
        exported = work.write(folder, batch.name, _scale(progress, 0.5, 1))
    written = ",".join(f for f in FORMATS if f in wish.formats and _was_written(exported, f))
    with_names = ", with names" if wish.names else ""
    counts = f"{summary.files} files, {summary.studies} studies"
    seals: dict[str, str | None] = {}
    for path in exported.files:
        seals |= seal_file(path.name, path)
    repository.audit.record(
        AuditEvent.EXPORT,
        account=account,
        detail=f"results of {counts}: {written}{with_names}",
        seals=seals,
    )
    progress(1.0)
    return exported


def _check(wish: Wish) -> None:
    unknown = set(wish.formats) - set(FORMATS)
    if unknown or not wish.formats:
        raise ValueError(f"formats must be some of {', '.join(FORMATS)}")
    if not 0 <= wish.top <= MOST_TOP:
        raise ValueError(f"top must lie in 0 to {MOST_TOP}")


class _Spool:
    """Rows on disk, in a file that is gone with the process, as is the key it is encrypted with."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sweep_rows(folder)
            stored = TemporaryFile(dir=folder)  # noqa: SIM115 # closed by `close`
            self._file = BufferedRandom(BlockFile(stored, new_key()), BLOCK)
        except OSError as exc:
            raise ExportError(_FOLDER) from exc

    def add(self, row: ResultRow) -> None:
        """Keep a row."""
        try:
            self._file.write(f"{typed_json.write(row)}\n".encode("ascii"))
        except OSError as exc:
            raise ExportError(_FOLDER) from exc

    def __iter__(self) -> Iterator[ResultRow]:
        """The rows from the first on."""
        self._file.seek(0)
        for line in self._file:
            yield typed_json.read(ResultRow, line)

    def close(self) -> None:
        """Forget the rows."""
        with suppress(OSError):  # a full disk takes the last of them no more than the others
            self._file.close()


def _gather(batch: Batch, wish: Wish, spool: _Spool, progress: OnProgress) -> Summary:
    """Put every row on disk but those of helper files, and sum all up."""
    tally = Tally(wish.top)
    for count, row in enumerate(batch.rows(wish.names)):
        if count % 20 == 0:
            progress(min(count / max(batch.total, 1), 1.0))
        tally.add(row)
        if row.status != Status.HELPER:
            spool.add(row)
    return tally.summary()


@dataclass(frozen=True, slots=True)
class _Work:
    """An export under way: everything the forms are written from."""

    repository: Repository
    wish: Wish
    summary: Summary
    cases: tuple[Case, ...]
    spool: _Spool
    account: str
    now: datetime
    language: str

    def write(self, folder: Path, name: str, progress: OnProgress) -> ExportedBatch:
        """Write every form asked for; one that cannot be made is named with its reason."""
        forms = [form for form in FORMATS if form in self.wish.formats]
        files: list[Path] = []
        left_out: list[str] = []
        for at, form in enumerate(forms):
            path = folder / (
                f"lightbox-{_PREFIX.get(form, 'results')}-{name}.{_SUFFIX.get(form, form)}"
            )
            try:
                left_out += self._write_form(
                    form, path, _scale(progress, at / len(forms), (at + 1) / len(forms))
                )
                files.append(path)
            except ExportError as exc:
                left_out.append(f"{form}: {exc}")
        if not files:
            raise ExportError("\n".join(left_out))
        return ExportedBatch(tuple(files), tuple(left_out), self.summary)

    def _write_form(self, form: str, path: Path, progress: OnProgress) -> tuple[str, ...]:
        """Write one form; returns what it leaves out."""
        progress(0.0)
        if form in TABLES:
            write_table(form, path, self.spool, self.summary.codes, about=about(self.summary))
        elif form == "sr":
            return zip_reports(
                self.repository,
                self.summary.uids,
                path,
                account=self.account,
                on_progress=progress,
                now=self.now,
            )
        elif form == "pdf":
            from imaging.export.batch.summary_pdf import write_pdf  # reportlab takes a second

            head = self.repository.audit.head()
            anchor = head.short if head else ""
            with speaking(self.language):
                write_pdf(
                    path, self.summary, self.cases, self.now, names=self.wish.names, anchor=anchor
                )
        else:
            from imaging.export.batch.summary_html import write_html

            with speaking(self.language):
                write_html(path, self.summary, self.cases, self.now, names=self.wish.names)
        return ()


def _scale(progress: OnProgress, low: float, high: float) -> OnProgress:
    """Progress of a part of the work as progress of the whole."""
    return lambda share: progress(low + share * (high - low))


def _was_written(exported: ExportedBatch, form: str) -> bool:
    return any(path.suffix == f".{_SUFFIX.get(form, form)}" for path in exported.files)
