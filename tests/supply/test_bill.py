"""The bill of materials and the licences in NOTICE say what the compiled lists install."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from imaging.settings import ROOT
from supply import bill
from supply.licences import INSIDE, licence_of
from tests.test_requirements import pins

AGAIN = "make sbom"


def test_what_is_written_is_what_the_lists_say() -> None:
    for path, text in zip((bill.BILL, bill.NOTICE), bill.written(), strict=True):
        assert path.read_text() == text, f"{path.name}: {AGAIN}"


def test_it_is_valid_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.BILL.read_text()) is None


def test_each_release_and_each_hash_of_the_lists_is_in_it() -> None:
    """Read by the other reader of the lists, so that neither can overlook a line."""
    parts = {(c["name"], c["version"]): c for c in json.loads(bill.BILL.read_text())["components"]}
    wanted = {(p.name, p.release): p for extra in ("", *bill.OPTIONAL) for p in pins(extra)}
    assert parts.keys() == wanted.keys(), AGAIN
    always = {(p.name, p.release) for p in pins("")}
    for key, pin in wanted.items():
        assert [f"sha256:{h['content']}" for h in parts[key]["hashes"]] == list(pin.hashes)
        assert (parts[key]["scope"] == "required") == (key in always)


def test_whoever_needs_a_package_names_it() -> None:
    said = json.loads(bill.BILL.read_text())
    needs = {one["ref"]: one["dependsOn"] for one in said["dependencies"]}
    refs = {one["bom-ref"] for one in said["components"]}
    reached, todo = set[str](), [said["metadata"]["component"]["bom-ref"]]
    while todo:
        for ref in set(needs[todo.pop()]) - reached:
            reached.add(ref)
            todo.append(ref)
    assert reached == refs, "installed, and nobody needs it"


def test_every_package_has_a_licence() -> None:
    assert [p.name for p in bill.packages() if not licence_of(p.name)] == []


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("psycopg", "LGPL-3.0-only"),
        ("psycopg-binary", "LGPL-3.0-only"),
        ("inflate64", "LGPL-2.1-or-later"),
        ("certifi", "MPL-2.0"),
        ("nvidia-cublas", "LicenseRef-NVIDIA-Proprietary"),
    ],
)
def test_other_than_permissive_licences_are_noticed(name: str, licence: str) -> None:
    assert licence_of(name) == licence
    block = bill.notice().split(f"{licence}:\n")[1]
    assert f"    {name}\n" in block.split(":\n")[0]


def test_libraries_inside_wheels_belong_to_installed_packages() -> None:
    assert set(INSIDE) <= {p.name for p in bill.packages()}


def test_what_pyproject_calls_permissive_is() -> None:
    """The comment above a direct dependency names its licence where that is another kind."""
    text = (ROOT / "pyproject.toml").read_text()
    before = text.partition('"psycopg[binary]')[0].rpartition('",\n\n')[2]
    assert "LGPL-3.0" in before


def test_the_bill_names_no_folder_of_a_machine() -> None:
    said = bill.BILL.read_text()
    assert not re.search(r"file:|/(home|root)/", said) and ROOT.as_posix() not in said


def test_a_package_without_a_licence_stops_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bill, "licence_of", lambda name: "" if name == "numpy" else "MIT")
    monkeypatch.setattr(bill, "BILL", tmp_path / "sbom.json")
    assert bill.main() == 2 and "numpy" in capsys.readouterr().err
    assert not (tmp_path / "sbom.json").exists()
