"""The export on Review: what is written otherwise than in the file is said before it is saved."""

from __future__ import annotations

import pytest

from imaging.store import Repository
from tests.pages.conftest import OpenPage, keep_film, words
from tests.served import TakeIn


@pytest.mark.slow
def test_what_was_changed_is_said_at_the_export(
    open_page: OpenPage, store: Repository, take_in: TakeIn
) -> None:
    odd = {"PatientSex": "f", "AccessionNumber": "ACC-0123456789-0123"}
    study = keep_film(store, take_in, **odd)
    page = open_page("pages/review.py", study=study)
    formats = next(one for one in page.button_group if one.key == f"formats-{study}")
    formats.set_value(["fhir"])
    page = next(one for one in page.button if one.label == "Create files").click().run()
    assert not page.exception
    said = words(page)
    assert "Written otherwise than in the file" in said
    assert "ACC-0123456789-0123" in said and "longer than the 16 characters" in said
