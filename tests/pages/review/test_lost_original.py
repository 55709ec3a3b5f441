"""An original that is gone or altered hides neither the signed report nor what needs no pixels."""

from __future__ import annotations

import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from imaging.delivery.study import deliver
from imaging.export import LEFT_OUT
from imaging.store import Repository
from pages.ui.review import study_export
from tests.encrypted import encrypt_originals
from tests.factories import make_dicom_bytes
from tests.pages.conftest import OpenPage, keep_film, words
from tests.pages.test_review import by_somebody_else
from tests.served import TakeIn

PAGE = "pages/review.py"


@pytest.fixture(autouse=True, params=[False, True], ids=["plain", "encrypted"])
def data_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test once more with a data folder that is encrypted."""
    if request.param:
        encrypt_originals(monkeypatch)


def harm(store: Repository, study: str, how: str, at: int = 0) -> None:
    """Take a film's bytes away, or others into their place."""
    path = store.originals.path_of(store.studies.get(study).instances[at].identity.sha256)
    match how:
        case "gone":
            path.unlink()
        case "altered":
            path.write_bytes(b"altered")
        case "one bit":
            content = path.read_bytes()
            path.write_bytes(content[:-99] + bytes([content[-99] ^ 1]) + content[-98:])
        case "cut short":
            path.write_bytes(path.read_bytes()[:-16])
        case "another image":
            other = store.originals.keep(make_dicom_bytes(PatientID="another"))
            path.write_bytes(store.originals.path_of(other).read_bytes())


def labels(page: AppTest) -> set[str]:
    return {button.label for button in page.button} | {one.label for one in page.expander}


@pytest.mark.parametrize("how", ["gone", "altered", "one bit", "cut short", "another image"])
def test_the_signed_report_its_history_and_exports_stay(
    open_page: OpenPage, store: Repository, study: str, how: str
) -> None:
    store.reviews.add(by_somebody_else(study))
    harm(store, study, how)
    page = open_page(PAGE, study=study)
    assert not page.exception
    said = words(page)
    assert "upload it again" in said and "Something went wrong" not in said
    assert "The report does not need the image" in said
    assert {"Amend", "1 version", "Create files"} <= labels(page)
    assert "Dr Else" in said
    page.button(key=f"prepare-{study}").click().run()
    assert not page.exception
    assert any("missing" in warning.value for warning in page.warning)
    store.originals.keep(make_dicom_bytes())
    assert "upload it again" not in words(open_page(PAGE, study=study))


def test_what_is_not_signed_waits_for_its_film_and_goes_on_when_it_is_back(
    open_page: OpenPage, store: Repository, study: str
) -> None:
    harm(store, study, "gone")
    page = open_page(PAGE, study=study)
    assert "once its image is back" in words(page)
    assert "Sign final" not in labels(page)
    store.originals.keep(make_dicom_bytes())
    page = open_page(PAGE, study=study)
    assert not page.error and "Sign final" in labels(page)


def test_another_film_beside_is_left_out_and_named(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    earlier = keep_film(store, take_in, StudyDate="20200101", StudyInstanceUID="1.2.3.1")
    study = keep_film(store, take_in, StudyDate="20240101", StudyInstanceUID="1.2.3.2")
    harm(store, earlier, "altered")
    page = open_page(PAGE, study=study)
    assert not page.error and not page.exception
    assert "An image that belongs beside it cannot be shown" in words(page)
    assert "Sign final" in labels(page)


def test_forms_that_need_no_pixels_are_exported(store: Repository, study: str) -> None:
    store.reviews.add(by_somebody_else(study))
    harm(store, study, "gone")
    files = deliver(store, study, ("sr", "sc", "gsps", "pdf", "fhir", "csv"), account="a")
    assert {"pdf", "fhir", "csv"} <= {file.name.partition("-")[0] for file in files}
    left_out = next(file.content.decode() for file in files if file.name == LEFT_OUT)
    assert all(f"{form}: " in left_out for form in ("sr", "gsps"))
    archive = zipfile.ZipFile(io.BytesIO(study_export.archive(files)))
    assert archive.testzip() is None
