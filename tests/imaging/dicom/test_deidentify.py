"""De-identification: nothing of the patient stays, what belongs together stays together."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless, RLELossless

from imaging.dicom import Profile, read_image, release
from imaging.dicom.deidentify.pseudonyms import Project, shift_date
from imaging.errors import InputError, SettingsError
from tests.factories import (
    make_dataset,
    make_dicom_bytes,
    make_overlay,
    make_pixels,
    to_bytes,
)
from tests.imaging.peers import dciodvfy

KEY = Project(b"k" * 32)
BASIC = Profile()
WHO: dict[str, Any] = {
    "PatientName": "Doe^Jane^^Dr", "PatientID": "MRN-4711", "PatientBirthDate": "19800214",
    "AccessionNumber": "ACC-99812", "InstitutionName": "St. Example Hospital",
    "ReferringPhysicianName": "House^Greg", "OtherPatientIDs": "OLD-4711",
    "PatientAddress": "1 Main Street", "StationName": "ROOM-7", "DeviceSerialNumber": "SN-55501",
    "StudyDescription": "Chest of Jane Doe", "PatientComments": "tall", "StudyID": "77",
}  # fmt: skip


def film(**attributes: Any) -> Dataset:
    """A dataset that tells all about its patient."""
    ds = make_dataset(**{**WHO, **attributes})
    block = ds.private_block(0x0019, "MAKER", create=True)
    block.add_new(1, "LO", "Doe Jane")
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ds.SOPClassUID, "1.2.3.4.5"
    ds.ReferencedImageSequence = [item]
    person = Dataset()
    person.PersonName, person.InstitutionName = "House^Greg", "St. Example Hospital"
    ds.SourceImageSequence = [item]
    ds.RequestAttributesSequence = [person]
    return ds


def released(ds: Dataset, profile: Profile = BASIC) -> Dataset:
    """De-identified and read again."""
    made = release(to_bytes(ds), KEY, profile)
    assert made.left_over == ()
    return dcmread(BytesIO(made.content))


def test_nothing_of_the_patient_stays() -> None:
    content = to_bytes(film())
    made = release(content, KEY)
    for secret in ("Doe", "Jane", "4711", "19800214", "99812", "Example", "House", "Main Street",
                   "ROOM-7", "SN-55501"):  # fmt: skip
        assert secret.encode() in content and secret.encode() not in made.content
    ds = dcmread(BytesIO(made.content))
    assert ds.PatientIdentityRemoved == "YES" and not list(filter(lambda e: e.tag.is_private, ds))
    codes = [one.CodeValue for one in ds.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107"]
    np.testing.assert_array_equal(ds.pixel_array, make_pixels())
    changed = {change.keyword: change for change in made.changes}
    assert changed["PatientName"].before == "Doe^Jane^^Dr"
    assert changed["PatientName"].after == KEY.patient("MRN4711")


def test_the_original_is_never_touched() -> None:
    content = to_bytes(film())
    before = bytes(content)
    release(content, KEY)
    assert content == before


def test_what_belongs_together_stays_together_and_projects_stay_apart() -> None:
    first, again = released(film()), released(film(SOPInstanceUID="1.2.9"))
    assert first.StudyInstanceUID == again.StudyInstanceUID != film().StudyInstanceUID
    assert first.SOPInstanceUID != again.SOPInstanceUID
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert first.ReferencedImageSequence[0].ReferencedSOPInstanceUID == KEY.uid("1.2.3.4.5")
    assert first.SOPClassUID == film().SOPClassUID  # names a kind of thing, not a thing
    assert first.PatientID == again.PatientID == first.PatientName
    other = release(to_bytes(film()), Project(b"o" * 32))
    assert dcmread(BytesIO(other.content)).PatientID != first.PatientID


def test_a_patients_dates_move_by_the_same_days() -> None:
    early, late = released(film(StudyDate="20240130")), released(film(StudyDate="20240302"))
    moved = shift_date("20240130", KEY.shift("MRN4711"))
    assert early.StudyDate == moved != "20240130" and early.StudyTime == "120000"
    gap = np.datetime64(_day(late.StudyDate)) - np.datetime64(_day(early.StudyDate))
    assert gap == np.timedelta64(32, "D")
    assert not early.PatientBirthDate
    gone = released(film(StudyDate="20240130", ContentDate="20240130"), Profile(dates=False))
    assert "20240130" not in str(gone) and gone.LongitudinalTemporalInformationModified == "REMOVED"


def _day(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"


def test_a_device_may_keep_its_name() -> None:
    kept = released(film(), Profile(device=True))
    assert kept.StationName == "ROOM-7" and kept.DeviceSerialNumber == "SN-55501"
    assert "113109" in [one.CodeValue for one in kept.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("packed", [False, True])
def test_masks_are_black_in_the_pixels(photometric: str, packed: bool) -> None:
    pixels = make_pixels()
    ds = film(PhotometricInterpretation=photometric)
    if packed:
        ds.file_meta.TransferSyntaxUID = JPEGLSLossless
        ds.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(pixels))])
        ds["PixelData"].VR = "OB"
    made = release(to_bytes(ds), KEY, Profile(masks=((2, 3, 10, 20),)))
    shown = read_image(made.content).display_values()
    assert (shown[2:10, 3:20] == 0).all()
    stored = read_image(made.content).stored_values()
    outside = np.ones(stored.shape, bool)
    outside[2:10, 3:20] = False
    np.testing.assert_array_equal(stored[outside], pixels[outside])
    assert dcmread(BytesIO(made.content)).BurnedInAnnotation == "NO"


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_masks_leave_the_colours_outside_as_they_are(photometric: str) -> None:
    pixels = np.tile(np.array([200, 90, 40], np.uint8), (16, 16, 1))
    content = make_dicom_bytes(pixels, PhotometricInterpretation=photometric)
    shown = read_image(content).display_values()
    masked = read_image(release(content, KEY, Profile(masks=((2, 3, 10, 12),))).content)
    assert (masked.display_values()[2:10, 3:12] == 0).all()
    difference = masked.display_values()[10:].astype(int) - shown[10:]
    assert np.abs(difference).max() <= 1


def test_masks_are_the_darkest_colour_of_a_palette() -> None:
    luts = {f"{one}PaletteColorLookupTable": [250, 10, 120, 30] for one in ("Red", "Green", "Blue")}
    content = make_dicom_bytes(
        np.arange(4, dtype=np.uint8).repeat(48).reshape(12, 16),
        PhotometricInterpretation="PALETTE COLOR",
        **{f"{name}Descriptor": [4, 0, 8] for name in luts},
        **{f"{name}Data": bytes(values) for name, values in luts.items()},
    )
    made = read_image(release(content, KEY, Profile(masks=((0, 0, 4, 9),))).content)
    assert (made.display_values()[:4, :9] == 10).all() and made.display_values()[0, 12, 0] == 250


def test_a_name_in_a_text_the_table_leaves_is_found_again() -> None:
    content = to_bytes(film(ManufacturerModelName="Maker of Doe"))
    made = release(content, KEY, Profile(device=True))
    assert made.left_over == () and b"Doe" not in made.content
    assert [c.what for c in made.changes if c.keyword == "ManufacturerModelName"] == ["found again"]


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = Project.open(tmp_path / "key")
    assert Project.open(tmp_path / "key") == first and "key" not in repr(first).split("(")[1]
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    (tmp_path / "bad").write_text("no key")
    with pytest.raises(SettingsError):
        Project.open(tmp_path / "bad")


def test_what_leaves_is_sound_dicom(tmp_path: Path, data: Path) -> None:
    source = next((data / "dicom").rglob("fuji9000_cr_mono1_10bit.dcm")).read_bytes()
    example = next(iter(sorted(Path("examples").glob("*.dcm")))).read_bytes()
    (tmp_path / "a.dcm").write_bytes(release(example, KEY).content)
    newer = "(0x0008,0x001c)"  # SyntheticData, which dciodvfy does not know
    assert [one for one in dciodvfy(tmp_path / "a.dcm") if newer not in one] == []
    assert read_image(release(source, KEY).content).instance.patient.patient_id.startswith("P")


@pytest.mark.slow
def test_every_file_of_the_collection_is_clean_or_left_out(data: Path) -> None:
    done = kept = 0
    for path in sorted((data / "dicom").rglob("*.dcm")):
        try:
            made = release(path.read_bytes(), KEY)
        except InputError as exc:
            assert str(exc).endswith(".")
            continue
        done += 1
        kept += not made.left_over
        assert dcmread(BytesIO(made.content)).PatientIdentityRemoved == "YES"
    assert done > 200 and done - kept < 8


def test_no_file_is_a_sentence() -> None:
    for content in (b"", b"text", make_dicom_bytes()[:200]):
        with pytest.raises(InputError):
            release(content, KEY)


@pytest.mark.parametrize("packed", [False, True])
def test_bits_of_an_overlay_in_the_pixels_do_not_leave(packed: bool) -> None:
    name = np.zeros((24, 32), bool)
    name[5:9, 3:20] = True  # as good as a name
    levels = make_pixels(24, 32)
    ds = make_dataset(levels | (name.astype(np.uint16) << 15))
    for element in make_overlay(name, bit=15).values():
        ds.add(element)
    if packed:
        ds.compress(RLELossless)
    found = released(ds)
    assert np.array_equal(np.frombuffer(found.PixelData, "<u2").reshape(24, 32), levels)
