"""Exports while AI is off: they say so, hold no answer and no map, and what people found stays."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imaging.delivery.batch_rows import stored_batch
from imaging.delivery.study import deliver
from imaging.export.batch.rows import AI_OFF
from imaging.export.batch.summary import Tally
from imaging.export.batch.summary_blocks import opening
from imaging.review.records import Call, ReadFinding, Stage
from imaging.store import Repository
from imaging.store.access.sessions import hearing_no_ai
from tests.imaging.delivery.test_study import store_study, text_of
from tests.imaging.export_cases import NOW, export_case_of

OFF = "AI was off"
ANSWER = re.compile(r"probability|operating point|Accepted as|Opposite of|accepted|overruled", re.I)


def exported(repository: Repository, study: str, folder: Path) -> dict[str, str]:
    """The words of every form that holds any."""
    maps = export_case_of("cr").maps
    files = deliver(
        repository, study, ("sr", "pdf", "html", "fhir", "csv"), maps=maps, account="a", now=NOW
    )
    texts = {}
    for file in files:
        kind = file.name.partition("-")[0]
        if kind == "csv":  # its first line names every column, filled or not
            texts[kind] = file.content.decode("utf-8-sig").partition("\n")[2]
        elif kind == "pdf":
            texts[kind] = text_of(file.content, folder)
        else:
            texts[kind] = file.content.decode("utf-8", "replace")
    return texts


@pytest.mark.parametrize("switch", ["study", "site", "account"])
def test_every_form_says_that_ai_was_off(
    repository: Repository, tmp_path: Path, switch: str
) -> None:
    study = store_study(repository, "cr")
    case = export_case_of("cr", Stage.FINAL)
    assert case.review is not None
    stated = ReadFinding("pneumonia", False, Call.OVERRULED, note="seen by me")
    repository.reviews.add(replace(case.review, version=0, findings=(stated,)))
    aided = exported(repository, study, tmp_path)
    assert all(ANSWER.search(text) and OFF not in text for text in aided.values())
    if switch == "study":
        repository.reading.switch_study(study, off=True, account="anna")
    elif switch == "site":
        repository.reading.switch_site(off=True, account="boss")
    with hearing_no_ai(switch == "account"):
        texts = exported(repository, study, tmp_path)
        (row,) = stored_batch(repository, lambda _i, _a: "because").rows(False)
    for form, text in texts.items():
        assert OFF in text and "seen by me" in text, form
        assert not ANSWER.search(text), (form, ANSWER.search(text))
    assert row.status == AI_OFF and OFF in row.selection and row.urgency in (None, -1)
    assert row.probability is None and row.answer == "" and not row.scores
    assert "no pneumonia" in row.reader_findings.casefold()
    tally = Tally(3)
    tally.add(row)
    assert any(OFF in line for line in opening(tally.summary(), datetime.now(UTC)))


def test_a_report_that_was_signed_without_ai_says_so_later(
    repository: Repository, tmp_path: Path
) -> None:
    study = store_study(repository, "cr")
    case = export_case_of("cr", Stage.FINAL)
    assert case.review is not None
    with hearing_no_ai(True):
        repository.reviews.add(replace(case.review, version=0))
    for form, text in exported(repository, study, tmp_path).items():
        assert form == "csv" or "AI was off when this was signed" in text
