"""What leaves under a signature names the patient whom its reader saw."""

from __future__ import annotations

import json
from dataclasses import replace

from imaging.delivery.study import deliver
from imaging.review import drafting
from imaging.review.records import Stage
from imaging.store import Repository
from tests.imaging.store.test_typed_facts import DR_A, FACTS, keep, type_in


def subject(repository: Repository, uid: str) -> str:
    (file,) = (
        f for f in deliver(repository, uid, ("fhir",), account="a") if f.name.startswith("fhir")
    )
    name: str = json.loads(file.content)["subject"]["display"]
    return name


def test_an_amendment_under_way_changes_no_patient_of_the_signed_report(
    repository: Repository,
) -> None:
    (one,) = keep(repository, 0)
    type_in(repository, one)
    uid = one.identity.study_instance_uid
    signed = repository.reviews.add(drafting.sign(drafting.draft(uid, None, DR_A), Stage.FINAL))
    amended = repository.reviews.add(drafting.draft(uid, signed, DR_A))
    type_in(repository, one, replace(FACTS, name="Other^Name", version=1))
    assert subject(repository, uid) == "Diallo Amina"
    repository.reviews.add(drafting.sign(amended, Stage.FINAL))
    assert subject(repository, uid) == "Other Name"
