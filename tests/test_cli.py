"""The terminal twin, run as a person runs it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from imaging.settings import ROOT
from imaging.store import Repository
from models.checkpoint.sealing import identity_of
from tests.factories import make_dicom_bytes
from tests.served import TakeIn

COLUMNS = [
    *("path", "sop_instance_uid", "status", "answer", "scope_reason", "finding"),
    *("p_pneumonia", "p_bacterial", "p_viral", "p_normal"),
    *("conformal_set", "error_rate", "disagreement"),
]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(make_dicom_bytes())
    (folder / "b.txt").write_text("hello")
    (folder / "c.dcm").write_bytes(b"")
    with zipfile.ZipFile(folder / "d.zip", "w") as archive:
        archive.writestr("older.dcm", make_dicom_bytes(PatientAge="006Y"))
    return folder


@pytest.mark.slow
def test_classify_writes_one_row_per_file(
    scans: Path, tmp_path: Path, checkpoint_folder: Path
) -> None:
    table, overlays = tmp_path / "out.csv", tmp_path / "overlays"
    result = run(
        *("classify", scans, "--csv", table, "--overlays", overlays, "--model", "tiny"),
        LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent),
    )
    assert result.returncode == 0, result.stderr
    assert "Research use - not for diagnosis" in result.stdout
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    more = ["model", "weights_sha256", "message", "selection", "engine", "model_sha256"]
    assert list(rows[0]) == [*COLUMNS, *more]
    assert [r["status"] for r in rows] == ["ok", "error", "error", "warned"]
    assert rows[0]["selection"].startswith("Image accepted: CR, CHEST, AP, single frame")
    assert rows[1]["selection"].startswith("No AI answer. The file is text")
    assert rows[0]["answer"] in ("present", "absent", "unsure") and rows[0]["error_rate"] == "0.05"
    assert 0 <= float(rows[0]["disagreement"]) <= 1 and rows[1]["answer"] == ""
    classes = [float(rows[0][f"p_{name}"]) for name in ("normal", "bacterial", "viral")]
    assert sum(classes) == pytest.approx(1, abs=1e-5)
    assert 0 < float(rows[0]["p_pneumonia"]) < 1 and rows[1]["p_pneumonia"] == ""
    assert len(list(overlays.glob("*.png"))) == 1  # both films bear the same SOP Instance UID
    assert rows[0]["sop_instance_uid"] and len(rows[0]["weights_sha256"]) == 64
    assert rows[0]["model_sha256"] == identity_of(checkpoint_folder)
    assert rows[0]["engine"] == rows[3]["engine"] == "onnxruntime fp32"


@pytest.mark.slow
def test_classify_asks_outside_the_population_when_told_to(
    tmp_path: Path, checkpoint_folder: Path
) -> None:
    """The wish reaches the processes that judge; nothing but the option brings it there."""
    knee, table = tmp_path / "knee.dcm", tmp_path / "out.csv"
    knee.write_bytes(make_dicom_bytes(BodyPartExamined="KNEE"))
    for options, status in ((), "refused"), (("--outside-population",), "warned"):
        result = run(
            *("classify", knee, "--csv", table, "--model", "tiny", *options),
            LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent),
        )
        assert result.returncode == 0, result.stderr
        with table.open() as stream:
            (row,) = csv.DictReader(stream)
        assert row["status"] == status and bool(row["p_pneumonia"]) == bool(options)
    assert "none of its figures holds" in row["message"] and not row["conformal_set"]
    assert "The body part is KNEE" in row["message"] and row["error_rate"] == ""


@pytest.mark.slow
def test_examples_are_copied(tmp_path: Path) -> None:
    result = run("examples", tmp_path / "films")
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "films").glob("*.dcm"))) == 10


@pytest.mark.slow
def test_a_corrupt_checkpoint_is_one_sentence(
    scans: Path, tmp_path: Path, checkpoint_folder: Path
) -> None:
    broken = tmp_path / "weights" / "broken"
    broken.mkdir(parents=True)
    for file in checkpoint_folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes().replace(b"\x3f", b"\x3e"))
    result = run(
        *("classify", scans, "--csv", tmp_path / "out.csv"), LIGHTBOX_WEIGHTS=str(broken.parent)
    )
    assert result.returncode == 2 and "damaged or were altered" in result.stderr
    assert "Traceback" not in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_unknown_model_lists_the_installed(scans: Path, tmp_path: Path) -> None:
    result = run("classify", scans, "--csv", tmp_path / "out.csv", "--model", "none")
    assert result.returncode == 2 and "paediatric-cxr" in result.stderr


@pytest.mark.slow
def test_a_table_that_cannot_be_written_is_one_sentence(
    scans: Path, tmp_path: Path, checkpoint_folder: Path
) -> None:
    result = run(
        *("classify", scans, "--csv", tmp_path / "gone" / "out.csv"),
        LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent),
    )
    assert result.returncode == 2 and "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_store_that_cannot_be_prepared_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = subprocess.run(
        [sys.executable, "-m", "imaging.commands.prepare"],
        cwd=ROOT,
        env={**os.environ, "LIGHTBOX_HOME": str(tmp_path / "file" / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1


def records(home: Path, *arguments: object, checkpoints: Path) -> subprocess.CompletedProcess[str]:
    """A command on the record store of that folder."""
    environment = {"LIGHTBOX_HOME": str(home), "LIGHTBOX_WEIGHTS": str(checkpoints)}
    return run(*arguments, **environment, LIGHTBOX_DATABASE="")


@pytest.mark.slow
def test_a_stored_study_is_exported_and_the_trail_knows(
    tmp_path: Path, take_in: TakeIn, checkpoint_folder: Path
) -> None:
    store = Repository.open(tmp_path / "home")
    outcome = take_in(store, make_dicom_bytes())
    assert outcome.instance is not None
    study, out = outcome.instance.identity.study_instance_uid, tmp_path / "out"
    weights = checkpoint_folder.parent
    done = records(
        *(tmp_path / "home", "export", study, "--as", "sr,csv", "--out", out), checkpoints=weights
    )
    assert done.returncode == 0, done.stderr
    assert {path.suffix for path in out.iterdir()} == {".dcm", ".csv"}
    assert [line.detail for line in store.audit.entries(study)][-1] == "sr,csv"
    verified = records(tmp_path / "home", "audit", "verify", checkpoints=weights)
    assert verified.returncode == 0 and "unbroken" in verified.stdout
    cut = records(tmp_path / "home", "audit", "verify", "--head", "f" * 64, checkpoints=weights)
    assert cut.returncode == 2 and "Traceback" not in cut.stderr
    (csv,) = out.glob("*.csv")
    asked = ("audit", "verify", "--anchor", "1:" + "f" * 16, "--export", csv)
    asked_for = records(tmp_path / "home", *asked, checkpoints=weights)
    assert asked_for.returncode == 2 and "written anew: its line 1" in asked_for.stderr
    assert f"{csv.name} is as it left here" in asked_for.stdout
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(csv, csv.name)
        archive.writestr("pdf-1.pdf", b"forged")
    asked_for = records(
        *(tmp_path / "home", "audit", "verify", "--export", packed), checkpoints=weights
    )
    assert asked_for.returncode == 2 and f"{csv.name} is as it left here" in asked_for.stdout
    assert "No line of the trail tells of a file like pdf-1.pdf" in asked_for.stderr
    store.close()


@pytest.mark.slow
def test_an_unknown_export_is_one_sentence(tmp_path: Path, checkpoint_folder: Path) -> None:
    done = records(
        *(tmp_path / "home", "export", "1.2.3", "--as", "docx", "--out", tmp_path),
        checkpoints=checkpoint_folder.parent,
    )
    assert done.returncode == 2 and "--as takes some of sr" in done.stderr


@pytest.mark.slow
def test_accounts_outcomes_and_deletion(
    tmp_path: Path, take_in: TakeIn, checkpoint_folder: Path
) -> None:
    home, weights = tmp_path / "home", checkpoint_folder.parent
    store = Repository.open(home)
    outcome = take_in(store, make_dicom_bytes())
    assert outcome.instance is not None
    study = outcome.instance.identity.study_instance_uid
    made = records(
        *(home, "account", "add", "ada", "--reader", "Dr Ada", "--password", "correct horse"),
        checkpoints=weights,
    )
    assert made.returncode == 0 and store.accounts.all()[0].reader == "Dr Ada", made.stderr
    assert (
        records(
            home, "account", "rename", "ada", "--reader", "Dr Ada L", checkpoints=weights
        ).returncode
        == 0
    )
    refused = records(home, "account", "disable", "ada", checkpoints=weights)
    assert refused.returncode and "Nobody else can sign in" in refused.stderr
    store.accounts.create("bea", "Dr Bea", "battery staple")
    changed = records(home, "account", "roles", "bea", "auditor", "reader", checkpoints=weights)
    assert changed.stdout == "bea: auditor, reader.\n", changed.stderr
    last = records(home, "account", "roles", "ada", "signer", checkpoints=weights)
    assert last.returncode and "manages the accounts" in last.stderr
    assert records(home, "account", "disable", "bea", checkpoints=weights).returncode == 0
    listed = records(home, "account", "list", checkpoints=weights).stdout
    everyday = "administrator, auditor, reader, signer"
    assert listed == f"ada\tDr Ada L\t{everyday}\nbea\tDr Bea\tauditor, reader\tdisabled\n"
    table = tmp_path / "truth.csv"
    table.write_text(
        f"study_instance_uid,code,present,source\n1.2.3,pneumonia,no,CT\n{study},pneumonia,yes,CT\n"
    )
    assert records(home, "truth", table, checkpoints=weights).returncode == 0
    assert store.reviews.truths()[study][0].present
    gone = records(home, "delete", study, "--reason", "sent twice", "--yes", checkpoints=weights)
    assert gone.returncode == 0 and not store.worklist.page().items, gone.stderr
    assert store.audit.verify().intact
    store.close()


@pytest.mark.slow
def test_helper_files_are_one_line_and_no_rows(tmp_path: Path, checkpoint_folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as archive:
        archive.writestr("a.dcm", make_dicom_bytes())
        archive.writestr("__MACOSX/._a.dcm", b"\0\5\x16\7\0")
        archive.writestr("AUTORUN.INF", "[autorun]")
        archive.writestr("README", make_dicom_bytes(SOPInstanceUID="1.2.3.9"))
    table = tmp_path / "out.csv"
    result = run(
        *("classify", tmp_path / "disc.zip", "--csv", table, "--model", "tiny"),
        LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent),
    )
    assert "2 files that are not images: ._a.dcm, AUTORUN.INF." in result.stdout
    assert "error" not in result.stdout
    with table.open() as stream:
        names = [Path(row["path"]).name for row in csv.DictReader(stream)]
    assert names == ["a.dcm", "README"]
