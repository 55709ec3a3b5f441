"""The house style's rooms and floors, checked on the import statements themselves."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from imaging.settings import ROOT

# Third-party package -> the only places that may import it.
HOMES = {
    "streamlit": ("app.py", "pages/", "bench/visitor.py", "bench/upload_app.py"),
    # A bench may know what it compares with, and how to write what it measures.
    "pydicom": ("imaging/dicom/", "imaging/export/", "bench/"),
    "imagecodecs": ("imaging/dicom/pixels/", "bench/"),
    "highdicom": ("imaging/dicom/", "imaging/export/"),
    "sqlalchemy": ("imaging/store/",),
    "alembic": ("imaging/store/",),
    "argon2": ("imaging/store/",),
    "psycopg": ("imaging/store/",),
    "reportlab": ("imaging/export/",),
    "simpy": ("imaging/worklist/simulation.py",),
    "pyarrow": ("imaging/export/batch/",),
    "xlsxwriter": ("imaging/export/batch/",),
    "torch": ("models/", "bench/"),
    "captum": ("models/explain/",),
    "PIL": (
        "imaging/rendering.py",
        "imaging/dicom/raster_film.py",
        "imaging/dicom/derived_film.py",
        "imaging/dicom/pixels/reduced.py",
        "pages/",
        "models/synthesis/synthesize.py",
        "models/inference/",
        "bench/burned_in.py",
    ),
    "cv2": ("models/inference/", "imaging/photograph/"),
    "ray": ("models/batch/ray_pool.py",),
    "inflate64": ("imaging/intake/zip_members.py",),
    "fsspec": ("imaging/locations.py",),
    "onnxruntime": ("models/inference/", "models/graphs/", "bench/"),
    "onnx": ("models/graphs/", "bench/"),
    "openvino": ("models/inference/",),
    "rapidocr": ("imaging/dicom/deidentify/burned_in_text.py",),
}
# Lowest first. A room imports from its own floor's rooms never, from lower floors only; a room is
# the longest prefix that fits. Rooms that share a line know nothing of each other.
FLOORS = (
    ("imaging",),
    ("imaging/review", "imaging/dicom/header", "imaging/photograph"),
    ("imaging/study.py", "imaging/dicom/pixels"),  # a study holds reviews and documents
    ("imaging/jobs.py", "imaging/priors.py"),
    ("imaging/worklist", "imaging/dicom", "imaging/store/schema"),
    ("imaging/dicom/documents", "imaging/dicom/fidelity", "imaging/dicom/deidentify"),
    ("imaging/dicom/__init__.py", "imaging/store", "imaging/export"),
    ("imaging/export/study", "imaging/export/batch"),
    ("imaging/export/__init__.py", "imaging/intake"),
    ("imaging/delivery", "imaging/syslog"),
    ("imaging/commands",),
    ("models",),
    ("models/rules",),
    ("models/checkpoint",),
    ("models/network",),
    ("models/data",),
    ("models/inference", "models/training", "models/synthesis"),
    ("models/batch",),
    ("models/explain/base",),
    ("models/explain/methods",),
    ("models/explain/probes",),
    ("models/explain/checks",),
    ("models/explain/cases",),
    ("models/explain",),
    ("models/model_card",),
    ("models/evaluation",),
    ("models/graphs",),
    ("models/commands",),
    ("pages/ui",),
    ("pages/ui/viewer", "pages/ui/corners", "pages/ui/audit"),
    ("pages/ui/explain", "pages/ui/model", "pages/ui/account", "pages/ui/intake"),
    ("pages/ui/review",),
    ("pages/ui/worklist",),
    ("pages",),
    ("cli.py", "app.py"),
)
LARGEST = 24  # modules of a room
# Benches measure every room and may import all of them; nothing may import a bench.
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        *ROOT.glob("*.py"),
        *(
            p
            for room in ("imaging", "models", "pages", "bench")
            for p in (ROOT / room).rglob("*.py")
        ),
    ]
    if "node_modules" not in path.parts
)
PRODUCT = [source for source in SOURCES if not source.startswith("bench/")]
_FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
_MODULES = {
    source.removesuffix(".py").removesuffix("/__init__").replace("/", "."): source
    for source in PRODUCT
}


@cache
def _tree(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text())


def imports(source: str) -> Iterator[str]:
    """Dotted names a module imports, wherever the statement stands, `TYPE_CHECKING` too."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in _MODULES else node.module


def neighbours(source: str) -> set[str]:
    """The files of the product that a file imports."""
    return {_MODULES[name] for name in imports(source) if name in _MODULES} - {source}


def room_of(source: str) -> str:
    """The longest name in `FLOORS` that a file's path begins with."""
    return max(
        (room for room in _FLOOR_OF if source == room or source.startswith(f"{room}/")), key=len
    )


def circle(graph: Mapping[str, Set[str]]) -> list[str]:
    """Some circle of a graph of imports; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        return list(exc.args[1])
    return []


@pytest.mark.parametrize("source", SOURCES)
def test_a_third_party_package_stays_in_its_room(source: str) -> None:
    for name in imports(source):
        homes = HOMES.get(name.partition(".")[0])
        assert homes is None or source.startswith(homes), f"{source} imports {name}"


@pytest.mark.parametrize("source", PRODUCT)
def test_a_room_imports_from_lower_floors_only(source: str) -> None:
    mine = room_of(source)
    for other in neighbours(source):
        theirs = room_of(other)
        assert theirs == mine or _FLOOR_OF[theirs] < _FLOOR_OF[mine], f"{source} imports {other}"


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle({source: neighbours(source) for source in PRODUCT}) == []


def test_a_circle_would_be_found() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_no_room_is_a_crowd() -> None:
    rooms = Counter(str(Path(source).parent) for source in PRODUCT)
    assert {room: n for room, n in rooms.items() if n > LARGEST} == {}


@pytest.mark.parametrize("source", SOURCES)
def test_every_module_says_what_it_is_for(source: str) -> None:
    assert ast.get_docstring(_tree(source)), source


def test_every_room_says_its_rule() -> None:
    for room in _FLOOR_OF:
        folder = ROOT / room
        if folder.is_dir():
            assert (folder / "__init__.py").is_file(), f"{room} has no __init__.py"
