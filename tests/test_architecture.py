"""The house style's table of rooms, checked on the import statements themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from imaging.settings import ROOT

# Third-party package -> the only places that may import it.
HOMES = {
    "streamlit": ("app.py", "pages/", "bench/visitor.py"),
    # A bench may know what it compares with, and how to write what it measures.
    "pydicom": ("imaging/dicom/", "imaging/export/", "imaging/pacs/", "bench/"),
    "imagecodecs": ("imaging/dicom/", "bench/"),
    "highdicom": ("imaging/dicom/", "imaging/export/"),
    "sqlalchemy": ("imaging/store/",),
    "alembic": ("imaging/store/",),
    "argon2": ("imaging/store/",),
    "psycopg": ("imaging/store/",),
    "reportlab": ("imaging/export/",),
    "simpy": ("imaging/worklist/simulation.py",),
    "pyarrow": ("imaging/export/",),
    "xlsxwriter": ("imaging/export/",),
    "torch": ("models/", "bench/"),
    "captum": ("models/",),
    "PIL": (
        "imaging/rendering.py",
        "imaging/dicom/raster_film.py",
        "imaging/dicom/pixels/reduced.py",
        "pages/",
        "models/synthesis/synthesize.py",
        "models/inference/",
        "bench/burned_in.py",
    ),
    "cv2": ("models/inference/",),
    "ray": ("models/batch/ray_pool.py",),
    "fsspec": ("imaging/locations.py",),
    "onnxruntime": ("models/inference/", "bench/"),
    "onnx": ("models/graphs/export.py", "models/graphs/quantize.py", "bench/"),
    "openvino": ("models/inference/",),
    "rapidocr": ("imaging/dicom/deidentify/burned_in_text.py",),
}
# Room -> rooms it must not know.
FORBIDDEN = {
    "imaging/": ("models", "pages", "app", "cli"),
    "imaging/dicom/": ("imaging.store", "imaging.export", "imaging.pacs"),
    "imaging/export/": ("imaging.dicom", "imaging.store", "imaging.pacs"),
    "imaging/store/": ("imaging.dicom", "imaging.export", "imaging.pacs"),
    "models/": ("pages", "app", "cli"),
    "pages/": ("app", "cli"),
}
ROOMS = ("imaging", "models", "pages", "bench")
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.py"), *(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))]
    if "node_modules" not in path.parts
)


def imports(path: Path) -> Iterator[str]:
    """Dotted names a module imports, by a statement anywhere or by `import_optional`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_optional":
            yield ast.literal_eval(node.args[0])


@pytest.mark.parametrize("source", SOURCES)
def test_imports_go_one_way(source: str) -> None:
    for name in imports(ROOT / source):
        homes = HOMES.get(name.partition(".")[0])
        assert homes is None or source.startswith(homes), f"{source} imports {name}"
        for room, forbidden in FORBIDDEN.items():
            for other in forbidden if source.startswith(room) else ():
                assert name != other and not name.startswith(f"{other}."), f"{source}: {name}"


@pytest.mark.parametrize("source", SOURCES)
def test_every_module_says_what_it_is_for(source: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / source).read_text())), source
