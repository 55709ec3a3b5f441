"""A walk through all that touches films, as a program of its own: `tests/test_nothing_plain.py`.

``python -m tests.plain_walk OUT [upload]`` with the settings of an installation; what somebody asks
for in the clear goes to OUT.
"""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from cli import app
from imaging.delivery.batch import FORMATS, Wish, export_batch
from imaging.delivery.batch_rows import job_batch
from imaging.delivery.study import deliver
from imaging.host.temporary import results_folder
from imaging.intake import header_scan
from imaging.intake.arrivals import Arrivals, Piece
from imaging.intake.header_scan import HeaderScanner
from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.backup.backups import make_backup
from imaging.store.backup.sealing import BackupKey
from imaging.store.opening.opening import open_store
from models.batch.worker import drain
from models.explain.contact_sheet import picture_pairs
from models.explain.methods.explainer import Explainers
from models.inference.classifier_registry import ClassifierRegistry
from models.inference.image_selection import because
from tests.factories import make_dicom_bytes

NAME, NUMBER = "SMITHSON^JOHANNA", "MRN0012345"
PIECE = 30_000  # bytes of a film that come at a time


def pixels() -> list[np.ndarray]:
    """Noise, (rows, columns) uint16 of 12 bits: no run of it is in anything else."""
    chance = np.random.default_rng(22)
    return [chance.integers(0, 4096, (160, 192), np.uint16) for _ in range(4)]


def films() -> list[tuple[str, bytes]]:
    """Files (name, bytes): three films, and an archive with the fourth."""
    made = [
        make_dicom_bytes(
            array,
            PatientName=NAME,
            PatientID=NUMBER,
            StudyInstanceUID=f"1.2.3.{at}",
            SeriesInstanceUID=f"1.2.3.{at}.1",
            SOPInstanceUID=f"1.2.3.{at}.1.1",
        )
        for at, array in enumerate(pixels())
    ]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("smithson.dcm", made[3])
    named = [(f"smithson-{at}.dcm", film) for at, film in enumerate(made[:3])]
    return [*named, ("smithson.zip", archive.getvalue())]


def upload(store: Repository) -> str:
    """The first film at once, the others in pieces, of which one is cut in the middle."""
    arrivals = Arrivals(store, most_bytes=2**24, announce=lambda: None)
    files = films()
    job, _ = arrivals.open([(name, len(film)) for name, film in files], {}, account="a")
    arrivals.receive(job, [Piece(0, 0, files[0][1])])
    for number, (_, film) in enumerate(files[1:], 1):
        for start in range(0, len(film), PIECE):
            arrivals.receive(job, [Piece(number, start, film[start : start + PIECE])])
    cut, _ = arrivals.open([("smithson-cut.dcm", 2 * PIECE)], {}, account="a")
    arrivals.receive(cut, [Piece(0, 0, files[1][1][:PIECE])])
    return job


def walk(out: Path) -> None:
    """Headers, answers, a signed report, exports of every form, a backup; then the terminal."""
    settings = Settings.from_environment()
    store = open_store(settings)
    job = upload(store)
    header_scan.PATIENCE = timedelta()
    scanner = HeaderScanner(store)
    assert scanner.look() == 4
    scanner.stop()
    assert drain(store, settings) == 4
    uids = [item.study_instance_uid for item in store.worklist.page().items]
    assert len(uids) == 4
    stated = ReadFinding("pneumonia", True, Call.ACCEPTED)
    now = datetime.now(UTC)
    store.reviews.add(
        Review(uids[0], 0, Stage.FINAL, "a", "Dr A", now, findings=(stated,), note="as read")
    )
    assert len(deliver(store, uids[0], ("sr", "gsps", "pdf", "fhir", "csv"), account="a")) >= 5
    pictures = picture_pairs(store, Explainers(ClassifierRegistry.load(settings)))
    with results_folder(settings.home, room=0, private=store.originals.encrypted) as folder:
        batch = job_batch(store, store.jobs.get(job), because)
        wish = Wish(FORMATS, names=True, top=2)
        exported = export_batch(store, batch, wish, folder, account="a", pictures=pictures)
        assert len(exported.files) == len(FORMATS) and not exported.left_out
    key = BackupKey(b"k" * 64, from_file=True)
    make_backup(store, settings.home, settings.home.parent / "backups", key, account="a")
    for study in uids[1:]:
        store.studies.delete(study, account="a", reason="asked for")
    store.close()
    archive = out / "smithson.zip"
    archive.write_bytes(films()[3][1])
    for words in (
        ["classify", archive, "--csv", out / "table.csv", "--overlays", out / "overlays"],
        ["explain", archive, "--out", out / "maps"],
        ["results", job, "--out", out / "results", "--names"],
    ):
        result = CliRunner().invoke(app, [str(word) for word in words])
        print(result.output)
        assert result.exit_code == 0, (words, result.exception)


if __name__ == "__main__":
    if sys.argv[2:] == ["upload"]:
        opened = open_store(Settings.from_environment())
        upload(opened)
        opened.close()
    else:
        walk(Path(sys.argv[1]))
