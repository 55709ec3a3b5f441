"""Why there is no answer, on the Review page: the header's field, and nothing of the patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.store import Repository
from models.inference import scope
from pages.ui.explain import refusal
from tests.factories import make_dicom_bytes
from tests.pages.conftest import OpenPage, words
from tests.served import TakeIn

STUDY = "1.2.826.0.1.99"


@pytest.mark.slow
def test_the_field_that_rules_a_picture_out_is_shown(
    open_page: OpenPage, home: Path, take_in: TakeIn
) -> None:
    content = make_dicom_bytes(Modality="CT", StudyInstanceUID=STUDY)
    store = Repository.open(home)
    take_in(store, content)
    store.close()
    page = open_page("pages/review.py", study=STUDY)
    for _round in range(20):
        if page.table:
            break
        page.run()
    text = words(page)
    assert not page.exception and "Why there is no answer" in text
    (table,) = page.table
    assert "Modality (Modality)" in table.value.to_csv() and ",CT," in table.value.to_csv()


def test_every_field_that_may_refuse_has_its_word() -> None:
    assert set(scope._checks(None)) == set(refusal._fields())
