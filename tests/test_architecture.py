"""The house style's rooms and floors, checked on the import statements themselves."""

from __future__ import annotations

import ast
import sys
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
    "cryptography": ("imaging/store/", "imaging/host/", "models/checkpoint/"),
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
        "bench/reading_ward.py",
    ),
    "cv2": ("models/inference/", "imaging/photograph/"),
    "ray": ("models/batch/ray_pool.py",),
    "inflate64": ("imaging/intake/zip_members.py",),
    "fsspec": ("imaging/locations.py",),
    "onnxruntime": ("models/inference/", "models/graphs/", "bench/"),
    "onnx": ("models/graphs/", "bench/"),
    "openvino": ("models/inference/",),
    "requests": ("imaging/openid/provider.py", "bench/"),
    "authlib": ("imaging/openid/",),
    "joserfc": ("imaging/openid/",),
    "pyotp": ("imaging/store/access/second_factor.py",),
    "segno": ("pages/ui/account/factor_forms.py",),
    "rapidocr": ("imaging/dicom/deidentify/burned_in_text.py",),
}
# Lowest first. A room imports from its own floor's rooms never, from lower floors only; a room is
# the longest prefix that fits. Rooms that share a line know nothing of each other.
FLOORS = (
    ("imaging/errors.py", "imaging/review/roles.py"),
    ("imaging/openid/settings.py",),  # one of the settings
    ("imaging",),
    ("imaging/language",),
    ("imaging/host", "imaging/review", "imaging/dicom/header", "imaging/photograph"),
    ("imaging/openid",),
    ("imaging/study.py", "imaging/dicom/pixels"),  # a study holds reviews and documents
    ("imaging/jobs.py", "imaging/priors.py"),
    ("imaging/worklist", "imaging/dicom", "imaging/store/schema", "imaging/store/encryption"),
    ("imaging/store/health",),
    ("imaging/dicom/documents", "imaging/dicom/fidelity", "imaging/dicom/deidentify"),
    ("imaging/dicom/__init__.py", "imaging/store", "imaging/export"),
    ("imaging/store/encryption/convert_objects.py",),
    ("imaging/store/backup", "imaging/store/opening"),
    ("imaging/export/study", "imaging/export/batch"),
    ("imaging/export/__init__.py", "imaging/intake"),
    ("imaging/decoding",),
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
    ("pages/ui/wall", "pages/ui/grid"),
    ("pages/ui",),
    (
        "pages/ui/viewer",
        "pages/ui/corners",
        "pages/ui/server",
        "pages/ui/audit",
        "pages/ui/language",
    ),
    ("pages/ui/explain", "pages/ui/model", "pages/ui/account", "pages/ui/intake"),
    ("pages/ui/regions",),
    ("pages/ui/review",),
    ("pages/ui/worklist",),
    ("pages",),
    ("cli.py", "app.py"),
)
ROOMS = {"imaging", "models", "pages", "bench", "supply"}
TELEMETRY = "imaging.telemetry"  # must come first
LARGEST = 24  # modules of a room
# What Streamlit lays on an address of its own, or takes in by one, for whoever has that address:
# pictures go into the page (`pages.ui.data_uri`), films by ticket, files by `pages.ui.intake`.
ADDRESSED = {
    "audio",
    "audio_input",
    "camera_input",
    "chat_input",
    "download_button",
    "file_uploader",
    "image",
    "logo",
    "pdf",
    "pyplot",
    "video",
}
# What reads the content of a file that came: none of it runs in the server's process, where one
# small file would be paid for by everybody (`imaging.decoding`).
CONTENT_READERS = {
    "Image",
    "PresentationState",
    "cut_before_pixels",
    "describe",
    "inspect_image",
    "parse",
    "read_image",
    "read_object",
    "read_presentation",
    "read_report",
    "referenced_files",
    "release",
    "screen_pixels",
    "search",
    "search_file",
    "write_derived",
    "write_region",
}
NOT_IN_THE_SERVER = {  # functions of modules that the server imports for other things
    ("imaging/decoding/limits.py", "Image"): "`luminance_values`, which the worker calls",
    ("imaging/intake/decode_process.py", "Image"): "the process itself",
    ("imaging/intake/decode_process.py", "describe"): "the process itself",
    ("imaging/intake/decode_process.py", "read_object"): "the process itself",
    ("imaging/intake/expand.py", "referenced_files"): "`walk`, which the terminal calls",
    ("models/inference/outcomes.py", "describe"): "`failed_file`, which the file worker calls",
    ("models/inference/scope_report.py", "inspect_image"): "`inspect_file`, the terminal's",
    ("models/inference/scope_report.py", "read_image"): "`inspect_file`, the terminal's",
}
# Benches measure every room and may import all of them; nothing may import a bench, or `supply`,
# which makes what goes with a release.
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        *ROOT.glob("*.py"),
        *(p for room in sorted(ROOMS) for p in (ROOT / room).rglob("*.py")),
    ]
    if "node_modules" not in path.parts
)
PRODUCT = [source for source in SOURCES if not source.startswith(("bench/", "supply/"))]
_IMPORT = (ast.Import, ast.ImportFrom)
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


def addressed(tree: ast.AST) -> set[str]:
    """The names of `ADDRESSED` that a module calls, on whatever, or imports from Streamlit."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            ours = isinstance(node.func.value, ast.Name) and node.func.value.id == "session"
            names |= set() if ours else {node.func.attr}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("streamlit"):
            names |= {alias.name for alias in node.names}
    return names & ADDRESSED


@pytest.mark.parametrize("source", [s for s in PRODUCT if s.startswith(("pages/", "app.py"))])
def test_a_page_lays_nothing_on_an_address_of_its_own(source: str) -> None:
    assert not addressed(_tree(source)), source


@pytest.mark.parametrize(
    "line", ["st.image(x)", "st.sidebar.image(x)", "left.video(x)", "from streamlit import image"]
)
def test_what_has_an_address_of_its_own_would_be_found(line: str) -> None:
    assert addressed(ast.parse(line))


def served() -> set[str]:
    """The modules that the server's process imports, those of the pages among them."""
    found: set[str] = set()
    ahead = ["app.py", *(source for source in PRODUCT if source.startswith("pages/"))]
    while ahead:
        source = ahead.pop()
        if source not in found:
            found.add(source)
            ahead += neighbours(source)
    return found


def content_readers(tree: ast.AST) -> set[str]:
    """The names of `CONTENT_READERS` that a module imports or reaches in `imaging.dicom`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imaging.dicom"):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("imaging.dicom."):
            names |= {node.attr}
    return names & CONTENT_READERS


def test_no_file_is_decoded_in_the_server() -> None:
    found = {
        (source, name)
        for source in served()
        if not source.startswith("imaging/dicom/")
        for name in content_readers(_tree(source))
    }
    assert found == set(NOT_IN_THE_SERVER)


@pytest.mark.parametrize(
    "line",
    [
        "from imaging.dicom import Profile, read_image",
        "from imaging.dicom.viewer_pixels import screen_pixels",
        "import imaging.dicom.reader\nimaging.dicom.reader.read_object(b'')",
    ],
)
def test_what_decodes_would_be_found(line: str) -> None:
    assert content_readers(ast.parse(line))


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


FIRST = ("app.py", "cli.py", *(f"{room}/__init__.py" for room in sorted(ROOMS)))


@pytest.mark.parametrize("source", FIRST)
def test_telemetry_is_off_before_anything_is_imported(source: str) -> None:
    """Whoever runs or imports a module of a room imports the room first (PEP 366, PEP 420)."""
    statements = [node for node in ast.walk(_tree(source)) if isinstance(node, _IMPORT)]
    first = next(n for n in statements if getattr(n, "module", "") != "__future__")
    assert isinstance(first, ast.Import) and [a.name for a in first.names] == [TELEMETRY], source
    assert first in _tree(source).body, "it stands under a condition"


def test_every_module_lies_in_a_room_that_turns_telemetry_off() -> None:
    assert {s for s in SOURCES if "/" not in s} <= set(FIRST)
    assert {s.partition("/")[0] for s in SOURCES if "/" in s} == ROOMS


def test_what_turns_telemetry_off_imports_the_standard_library_alone() -> None:
    source = _MODULES[TELEMETRY]
    assert {name.partition(".")[0] for name in imports(source)} <= sys.stdlib_module_names


@pytest.mark.parametrize("source", SOURCES)
def test_nothing_is_unpickled(source: str) -> None:
    """Who reads a pickle runs what its writer wants; records go as `imaging.typed_json`."""
    assert {"pickle", "marshal", "shelve", "dill", "cloudpickle"}.isdisjoint(
        name.partition(".")[0] for name in imports(source)
    )
    loose = [
        keyword
        for node in ast.walk(_tree(source))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if (keyword.arg, ast.unparse(keyword.value))
        in {("allow_pickle", "True"), ("weights_only", "False")}
    ]
    assert loose == []


@pytest.mark.parametrize("source", SOURCES)
def test_every_module_says_what_it_is_for(source: str) -> None:
    assert ast.get_docstring(_tree(source)), source


def test_every_room_says_its_rule() -> None:
    for room in _FLOOR_OF:
        folder = ROOT / room
        if folder.is_dir():
            assert (folder / "__init__.py").is_file(), f"{room} has no __init__.py"
