"""What `pip install .` installs works without the source tree: the wheel, unpacked elsewhere."""

from __future__ import annotations

import configparser
import csv
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from imaging.export.common import VERSION
from imaging.settings import ROOT

TOP = {
    "app.py", "cli.py", "imaging", "models", "pages", ".streamlit", "lightbox_files",
    f"lightbox-{VERSION}.dist-info",
}  # fmt: skip
FRONTEND = "pages/ui/viewer/frontend/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked, as pip does it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, home: Path, code: str, *arguments: str) -> str:
    """What Python prints in an empty folder, with the unpacked wheel and not the source tree."""
    home.mkdir(exist_ok=True)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LIGHTBOX_")}
    environ |= {"PYTHONPATH": str(site), "LIGHTBOX_HOME": str(home / "data")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=home, env=environ, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def terminal(site: Path, home: Path, *arguments: str) -> str:
    """The command `lightbox`, by the entry point that the wheel declares."""
    points = configparser.ConfigParser()
    points.read(site / f"lightbox-{VERSION}.dist-info" / "entry_points.txt")
    module, function = points["console_scripts"]["lightbox"].split(":")
    return run(site, home, f"from {module} import {function}; {function}()", *arguments)


@pytest.mark.slow
def test_the_wheel_holds_what_runs_and_what_it_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names} == TOP
    tracked = subprocess.run(
        ["git", "ls-files", "imaging", "models", "pages", "locale", "examples", ".streamlit"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    needed = {
        re.sub(r"^(locale|examples)/", r"lightbox_files/\1/", name)
        for name in tracked
        if not name.startswith(FRONTEND) or name.startswith(f"{FRONTEND}dist/")
    }
    assert needed <= names
    assert not [name for name in names if name.startswith(f"{FRONTEND}src/")]


@pytest.mark.slow
def test_the_terminal_reads_the_films_and_weights_that_were_installed(
    site: Path, tmp_path: Path
) -> None:
    assert "not for diagnosis" in terminal(site, tmp_path, "--help")
    assert "paediatric" in terminal(site, tmp_path, "model")
    terminal(site, tmp_path, "examples", "films")
    films = sorted((tmp_path / "films").glob("*.dcm"))
    assert len(films) == 10
    terminal(site, tmp_path, "classify", str(films[4]), "--csv", "out.csv")
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (row["status"], row["answer"]) == ("ok", "present"), row
    assert row["model"].startswith("paediatric-cxr "), row


@pytest.mark.slow
def test_the_pages_read_the_settings_and_words_that_were_installed(
    site: Path, tmp_path: Path
) -> None:
    code = """
from imaging.commands.prepare import served_address
from imaging.language.catalogue import FOLDER
from pages.ui import resources
print(served_address()[0], FOLDER, resources.EXAMPLES, sep="\\n")
"""
    address, words, films = run(site, tmp_path, code).splitlines()
    assert address == "127.0.0.1"
    assert (
        Path(words) == site / "lightbox_files/locale" and (Path(words) / "lightbox.pot").is_file()
    )
    assert Path(films) == site / "lightbox_files/examples"


def test_a_missing_package_is_named_from_the_wheels_own_metadata(
    site: Path, tmp_path: Path
) -> None:
    code = "from imaging.optional import install_line; print(install_line('cluster'))"
    assert '"ray<3,>=2.60.0"' in run(site, tmp_path, code)


def test_the_version_is_the_same_wherever_it_stands() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
    assert f"\nversion: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()
    released = re.findall(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == VERSION
