"""Bug reports about whose a film is, tried on the files that were made after them.

The folders 09, 10 and 11 of `reports` in `LIGHTBOX_DATA`; what the numbers mean: docs/dicom.md.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from imaging.delivery.study import deliver
from imaging.dicom import read_image
from imaging.entities import Instance
from imaging.errors import HeldStudyError
from imaging.export.named_person import named_patient
from imaging.person import compare
from imaging.priors import Priors
from imaging.store import Repository
from imaging.study import FileOutcome
from tests.imaging.result_cases import said_about
from tests.stored import store

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR UI")


def take_in(repository: Repository, data: Path, folder: str) -> list[Instance]:
    """Store the films of a report as if the network had answered; returns them as stored."""
    (found,) = data.glob(f"reports/{folder}-*") if (data / "reports").is_dir() else (None,)
    if found is None:
        pytest.skip("LIGHTBOX_DATA/reports is not there")
    films = []
    for path in sorted(found.glob("*.dcm")):
        instance = read_image(path).instance
        said = said_about(instance.identity.sop_instance_uid)
        store(repository, FileOutcome(path.name, said, instance), contents=[path.read_bytes()])
        films.append(instance)
    return films


def test_09_two_patients_under_one_study_uid_are_held(repository: Repository, data: Path) -> None:
    alpha, beta = take_in(repository, data, "09")
    uid = alpha.identity.study_instance_uid
    record, (item,) = repository.studies.get(uid), repository.worklist.page().items
    assert record.held and item.held and record.patients == ((alpha.patient,), (beta.patient,))
    for forms in (["sr"], ["fhir"], ["pdf"], ["csv"]):
        with pytest.raises(HeldStudyError):
            deliver(repository, uid, forms, account="ada")
    (new,) = repository.studies.separate(uid, alpha.patient, account="ada")
    for study, film in ((uid, alpha), (new, beta)):
        (report,) = deliver(repository, study, ["sr"], account="ada")
        ds = dcmread(BytesIO(report.content))
        named = named_patient(ds)
        assert not compare(named, film.patient).contradicts
        (evidence,) = ds.CurrentRequestedProcedureEvidenceSequence
        films = [i for s in evidence.ReferencedSeriesSequence for i in s.ReferencedSOPSequence]
        uids = [item.ReferencedSOPInstanceUID for item in films]
        assert uids == [film.identity.sop_instance_uid]


def test_10_a_stranger_with_the_same_number_is_no_prior(repository: Repository, data: Path) -> None:
    before, now = take_in(repository, data, "10")
    assert before.patient.patient_id == now.patient.patient_id
    assert repository.studies.priors(now.identity.study_instance_uid) == Priors()


def test_11_the_films_of_a_malformed_study_uid_stay_one_study(
    repository: Repository, data: Path
) -> None:
    films = take_in(repository, data, "11")
    assert len({film.identity.study_instance_uid for film in films}) == 1
    (item,) = repository.worklist.page().items
    assert item.instances == 2 and not item.held
