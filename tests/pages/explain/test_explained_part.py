"""The map on the page is of the part of the film that its answer is about."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import PATIENCE


def part(uid: str) -> None:
    """What is looked at, for answers about different parts of one film."""
    from dataclasses import replace

    import streamlit as st

    from pages.ui import resources, session
    from pages.ui.explain import overlay, receipt_tasks
    from pages.ui.review import film_wall

    session.set_account(resources.repository().accounts.alone("Dr Test"))
    record = resources.repository().studies.get(uid)
    image, stored = film_wall.load(record.instances[0]), record.assessments[0]
    assert stored is not None
    keys = set()
    for view in (None, (0.0, 0.0, 0.5, 1.0), (0.25, 0.25, 0.75, 0.75)):
        answer = replace(stored, view=view)
        choice = overlay.Choice("", "grad_cam", "pneumonia", answer)
        found = overlay.explain(image, choice)
        explainer = resources.explainers().of("")
        subject = session.subject(image.instance.identity.sha256, explainer, image, answer)
        st.text(f"{found.view.edges} {subject.view.edges}" if found else "nothing")
        keys.add(receipt_tasks._key(image, choice))
    st.text(f"{len(keys)} receipts")


def test_maps_and_receipts_of_different_parts_are_kept_apart(study: str) -> None:
    page = AppTest.from_function(part, default_timeout=PATIENCE, args=(study,)).run()
    assert not page.exception
    assert [one.value for one in page.text] == [
        "(0.0, 0.0, 1.0, 1.0) (0.0, 0.0, 1.0, 1.0)",
        "(0.0, 0.0, 0.5, 1.0) (0.0, 0.0, 0.5, 1.0)",
        "(0.25, 0.25, 0.75, 0.75) (0.25, 0.25, 0.75, 0.75)",
        "3 receipts",
    ]
