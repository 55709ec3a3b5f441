"""Structured reports, one per study of a batch, in one archive, a study at a time."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path

from imaging.delivery.study import deliver
from imaging.errors import AssistantError, ExportError
from imaging.export import LEFT_OUT, ExportedFile
from imaging.store import Repository

CONTENTS = "contents.csv"


def zip_reports(
    repository: Repository,
    study_uids: Sequence[str],
    path: Path,
    *,
    account: str,
    on_progress: Callable[[float], None] | None = None,
    now: datetime | None = None,
) -> tuple[str, ...]:
    """Write the studies' reports (DICOM SR) into an archive.

    Each is what `imaging.delivery.study.deliver` exports alone: final and verified only where a
    reader signed it as final, else partial or preliminary and unverified. A film that came as PNG
    or JPEG travels along as DICOM, so that its report has something to refer to.

    Parameters
    ----------
    repository : Repository
    study_uids : sequence of str
        Study Instance UIDs.
    path : Path
        The archive; replaced when there, gone when it could not be written to its end.
    account : str
        Who exports; every study gets its line in the audit trail.
    on_progress : callable, optional
        Gets the share done, in [0, 1]; what it raises stops the work.
    now : datetime, optional
        As for `deliver`.

    Returns
    -------
    tuple[str, ...]
        A line for every study left out, with the reason; the archive holds them as `LEFT_OUT`.

    Raises
    ------
    ExportError
        If the archive cannot be written, or no study has a report.
    """
    left_out: list[str] = []
    contents = [("study_instance_uid", "file")]
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for at, uid in enumerate(study_uids):
                if on_progress is not None:
                    on_progress(at / len(study_uids))
                try:
                    files = deliver(repository, uid, ("sr",), account=account, now=now)
                except AssistantError as exc:
                    left_out.append(f"{uid}: {exc}")
                    continue
                contents += [(uid, _put(archive, file)) for file in files]
            if len(contents) == 1:
                raise ExportError(
                    "None of these studies has a report yet. Write and sign one first."
                )
            archive.writestr(CONTENTS, _table(contents))
            if left_out:
                archive.writestr(LEFT_OUT, "\n".join(left_out) + "\n")
    except BaseException as exc:
        path.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            raise ExportError(
                "The archive of reports cannot be written there. Choose "
                "another folder, or check that the disk is not full."
            ) from exc
        raise
    return tuple(left_out)


def _put(archive: zipfile.ZipFile, file: ExportedFile) -> str:
    archive.writestr(file.name, file.content)
    return file.name


def _table(rows: Sequence[Sequence[str]]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
