"""A package that is missing is one sentence: what needs it, and the line to type."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from imaging import locations, optional
from imaging.dicom.deidentify import burned_in_text
from imaging.errors import SettingsError
from imaging.optional import import_optional, install_line, requirements
from models.inference import precision_networks


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """As an installed wheel sees it: no source tree, but the distribution's own metadata."""
    lines = ["numpy==2.4.6", *(f'{one}; extra == "cluster"' for one in ("ray>=2,<3", "s3fs>=1"))]
    about = SimpleNamespace(get_all=lambda _name: ["cluster"])
    monkeypatch.setattr(optional, "ROOT", tmp_path)
    monkeypatch.setattr(metadata, "requires", lambda _name: lines)
    monkeypatch.setattr(metadata, "metadata", lambda _name: about)
    requirements.cache_clear()
    yield
    requirements.cache_clear()


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("ray", "", "cluster"),
        ("fsspec", "", "cluster"),
        ("openvino", "", "fast"),
        ("optuna", "", "dev"),
        ("pytorch_grad_cam", "grad-cam", "bench"),
        ("rapidocr", "", ""),
    ],
)
def test_the_sentence_names_what_needs_it_and_the_line_to_type(
    module: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError) as raised:
        import_optional(module, feature="tea", package=package)
    file = f"requirements-{extra}.txt" if extra else "requirements.txt"
    assert str(raised.value) == (
        f"The package {package or module}, needed for tea, is not installed; "
        f"try: pip install -r {file}."
    )
    assert (optional.ROOT / file).is_file()


def test_what_is_installed_is_imported() -> None:
    assert import_optional("optuna", feature="tuning") is sys.modules["optuna"]


def test_another_release_than_wanted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "_version", lambda _name: "1.0")
    with pytest.raises(SettingsError, match=r"optuna.*>=5.*, needed for tuning, .* 1\.0; try"):
        import_optional("optuna", feature="tuning")


def test_a_package_nobody_declared_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="does not list"):
        import_optional("flask_login", feature="tea")


@pytest.mark.usefixtures("installed")
def test_an_installed_wheel_reads_its_own_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.name for one in requirements()[""]] == ["numpy"]
    assert install_line("cluster") == 'pip install "ray<3,>=2" "s3fs>=1"'
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r'ray, needed for tea, .*try: pip install "ray<3,>=2"'):
        import_optional("ray", feature="tea")


def test_without_any_list_whatever_is_installed_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unknown(_name: str) -> list[str]:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(optional, "ROOT", tmp_path)
    monkeypatch.setattr(metadata, "requires", unknown)
    monkeypatch.setattr(optional, "requirements", requirements.__wrapped__)
    assert import_optional("optuna", feature="tuning") is sys.modules["optuna"]
    assert install_line("cluster") == "pip install -r requirements-cluster.txt"


@pytest.mark.parametrize("missing", ["fsspec", "s3fs"])
def test_an_address_without_its_package(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import _registry

    monkeypatch.delitem(_registry, "s3", raising=False)  # another test of this run may have used it
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError, match=r"pip install -r requirements-cluster\.txt"):
        locations.file_system("s3://nobody/films")


def test_text_is_not_looked_for_without_its_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    burned_in_text._engine.cache_clear()
    with pytest.raises(SettingsError, match=r"burned-in text, is not .* -r requirements\.txt"):
        burned_in_text._engine()


def test_bf16_without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert precision_networks.lacks_bf16() == (
        "The package openvino, needed for computing in bf16, is not installed; "
        "try: pip install -r requirements-fast.txt."
    )
