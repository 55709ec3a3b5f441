"""Archives are streams of members: bombs, lies and ways out lead nowhere."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from imaging.errors import InputError
from imaging.intake.archives import MAX_RATIO, is_archive, members
from imaging.intake.expand import expand, walk
from tests.factories import make_dicom_bytes


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, **options: int) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content, **options)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    """A tar archive; "w:gz" packs it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def contents(archive: bytes) -> dict[str, bytes]:
    """Names and bytes of all members."""
    assert is_archive(archive[:512])
    return {name: read() for name, read in members(archive, "x")}


FILES = {"a.dcm": b"one", "deep/er/b.dcm": b"two" * 5000}


@pytest.mark.parametrize(
    "pack",
    [zipped, tarred, lambda files: tarred(files, "w:gz"), lambda f: gzip.compress(tarred(f))],
    ids=["zip", "tar", "tgz", "tar.gz"],
)
def test_members_come_in_order_with_their_bytes(pack: object) -> None:
    found = contents(pack(FILES))  # type: ignore[operator]
    assert found == {f"x/{name}": content for name, content in FILES.items()}
    assert list(found) == ["x/a.dcm", "x/deep/er/b.dcm"]


def test_a_packed_volume_is_unpacked_and_any_other_packed_file_is_refused() -> None:
    volume = bytes(344) + b"n+1\0" + b"voxels"
    assert contents(gzip.compress(volume)) == {"x": volume}
    ((name, read),) = members(gzip.compress(make_dicom_bytes()), "x")
    assert name == "x" and "gzip-compressed" in _sentence(read)


def test_an_archive_inside_is_opened_and_one_inside_that_is_not() -> None:
    inner = zipped({"c.dcm": b"three"})
    assert contents(tarred({"i.zip": inner})) == {"x/i.zip/c.dcm": b"three"}
    deeper = zipped({"outer.tar": tarred({"i.zip": inner}), "b.dcm": b"two"})
    (first, second) = members(deeper, "x")
    with pytest.raises(InputError, match="too deep"):
        first[1]()
    assert second[1]() == b"two"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "C:\\x", "a/../../b", "\u202egnp.exe"]
)
def test_no_name_leads_anywhere(name: str, tmp_path: Path) -> None:
    for pack in (zipped, tarred):
        (tmp_path / "a.arc").write_bytes(pack({name: b"x"}))
        (found,) = walk([tmp_path / "a.arc"])
        assert found.read() == b"x"
        shown = found.path.removeprefix(f"{tmp_path}/a.arc/")
        assert ".." not in shown.split("/") and not shown.startswith("/")
        assert "\u202e" not in shown
    assert [p.name for p in tmp_path.iterdir()] == ["a.arc"]


def test_links_and_devices_are_no_files() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo("link")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert contents(buffer.getvalue()) == {}


@pytest.mark.parametrize(
    "pack",
    [lambda b: zipped({"b": b}), lambda b: gzip.compress(bytes(344) + b"n+1\0" + b)],
    ids=["zip", "gzip"],
)
def test_a_bomb_is_refused_before_it_is_unpacked(pack: object) -> None:
    archive = pack(bytes(200 * 2**20))  # type: ignore[operator]
    assert 200 * 2**20 / len(archive) > MAX_RATIO
    tracemalloc.start()
    ((_name, read),) = members(archive, "x")
    with pytest.raises(InputError, match="hundreds of times"):
        read()
    assert tracemalloc.get_traced_memory()[1] < 120 * 2**20
    tracemalloc.stop()


def test_damage_is_one_sentence_and_hides_nothing() -> None:
    archive = bytearray(zipped({"a": b"first" * 99, "b": b"second"}))
    archive[40] ^= 0xFF
    (first, second) = members(bytes(archive), "x")
    with pytest.raises(InputError, match="damaged"):
        first[1]()
    assert second[1]() == b"second"
    cut = tarred(FILES, "w:gz")[:-40]
    assert any(_sentence(read) for _name, read in members(cut, "x"))
    ((_name, read),) = members(zipped(FILES)[:60], "x")
    assert "damaged" in _sentence(read)


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
    ids=["deflate", "bzip2", "lzma"],
)
def test_damage_is_a_sentence_however_the_file_was_packed(method: int) -> None:
    content = bytes(range(256)) * 9
    good = zipped({"a": content, "b": b"second"}, method)
    start = len("PK") + 28 + len("a")  # of the packed bytes
    for at in range(start, start + 40):
        archive = bytearray(good)
        archive[at] ^= 0xFF
        first, second = members(bytes(archive), "x")
        assert _sentence(first[1]) or first[1]() == content  # some bits mean nothing
        assert second[1]() == b"second"
    found, refused = expand([("cd.zip", good[:start] + bytes(40) + good[start + 40 :])])
    assert [name for name, _ in found] == ["cd.zip/b"]
    assert [name for name, _ in refused] == ["cd.zip/a"]


def _sentence(read: object) -> str:
    try:
        read()  # type: ignore[operator]
    except InputError as exc:
        return str(exc)
    return ""


def test_what_comes_through_the_browser_is_expanded() -> None:
    film = make_dicom_bytes()
    broken = bytearray(zipped({"bad": b"x" * 500, "good": film}))
    broken[38] ^= 0xFF
    found, refused = expand([("one.dcm", film), ("cd.zip", bytes(broken))])
    assert found == [("one.dcm", film), ("cd.zip/good", film)]
    ((name, sentence),) = refused
    assert name == "cd.zip/bad" and sentence.endswith(".")


def test_a_disc_stands_for_the_files_it_names(tmp_path: Path) -> None:
    disc = FileSet()
    for number in range(3):
        content = make_dicom_bytes(SOPInstanceUID=f"1.2.3.{number}", InstanceNumber=number)
        ds = dcmread(io.BytesIO(content))
        ds.StudyID, ds.SeriesNumber = "1", 1
        disc.add(ds)
    disc.write(tmp_path / "disc")
    vars(disc)["_stage"]["t"].cleanup()  # pydicom leaves it to the garbage collector
    found = list(walk([tmp_path / "disc" / "DICOMDIR"]))
    assert len(found) == 3 and all(b"DICM" in one.read()[:200] for one in found)
    Path(found[0].path).unlink()
    again = list(walk([tmp_path / "disc" / "DICOMDIR"]))
    with pytest.raises(InputError, match="does not exist"):
        again[0].read()


def test_a_disc_names_nothing_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "disc"
    folder.mkdir()
    (folder / "LINK").symlink_to(tmp_path / "secret")
    (folder / "FILM").write_bytes(b"film")
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2")
    ds.DirectoryRecordSequence = []
    for name in (["..", "secret"], ["/etc/passwd"], ["LINK"], ["FILM"]):
        record = Dataset()
        record.ReferencedFileID = name
        ds.DirectoryRecordSequence.append(record)
    ds.save_as(folder / "DICOMDIR", enforce_file_format=True)
    assert [one.read() for one in walk([folder / "DICOMDIR"])] == [b"film"]
