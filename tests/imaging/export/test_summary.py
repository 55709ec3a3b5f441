"""The summary of a batch: figures that add up, pictures in order, hostile names as words."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pypdfium2
import pytest

from imaging.entities import RESEARCH_USE
from imaging.errors import ExportError, InputError
from imaging.export.batch.rows import ResultRow
from imaging.export.batch.summary import Case, PicturePair, Summary, Tally, about, top_cases
from imaging.export.batch.summary_blocks import AI_GENERATED, SHEET_TITLE
from imaging.export.batch.summary_html import write_html
from imaging.export.batch.summary_pdf import write_pdf
from imaging.person import format_name
from imaging.rendering import png_bytes
from tests.imaging.export_cases import MODEL
from tests.imaging.result_cases import HOSTILE, NOW, answered, unanswered

EVIL = "<img src=x onerror=alert(1)>"
NAMED = format_name(f"{EVIL}^Q")  # a name has its equals signs between its groups
BATCH = [
    answered(1, 0.10),
    answered(2, 0.95, path=HOSTILE, accession_number=EVIL, patient_name=f"{EVIL}^Q"),
    answered(3, 0.44, answer="unsure", urgency=2),
    answered(4, 0.42, answer="unsure", urgency=1),
    unanswered(5, "error", "The file is empty."),
    unanswered(6, "error", "The file is empty."),
    unanswered(7, "refused", f"Not a chest: {EVIL}."),
]
PAIR = PicturePair(
    original=png_bytes(np.full((30, 40), 90, np.uint8)),
    overlay=png_bytes(np.full((30, 40, 3), (200, 100, 0), np.uint8)),
    sop_instance_uid="1.2.5.2",
    method="Combined map",
    finding="Pneumonia",
    model=MODEL,
)


def tallied(rows: list[ResultRow], top: int = 12) -> Summary:
    tally = Tally(top)
    for row in rows:
        tally.add(row)
    return tally.summary()


def cases_of(summary: Summary) -> tuple[Case, ...]:
    return top_cases(summary, lambda uid: PAIR if uid == "1.2.3.2" else None)


def html_of(folder: Path, *, names: bool = False) -> str:
    summary, path = tallied(BATCH), folder / "summary.html"
    write_html(path, summary, cases_of(summary), NOW, names=names)
    return path.read_text(encoding="utf-8")


def pdf_pages(folder: Path, *, names: bool = False) -> list[str]:
    summary, path = tallied(BATCH), folder / "summary.pdf"
    write_pdf(path, summary, cases_of(summary), NOW, names=names)
    document = pypdfium2.PdfDocument(path)
    found = [plain(page.get_textpage().get_text_range()) for page in document]
    document.close()
    return found


def plain(text: str) -> str:
    return " ".join(text.replace("\ufffe", "").split())


class Parsed(HTMLParser):
    """What a browser would make of the file: its words, and its elements in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return plain(" ".join(self.words))


# Figures -------------------------------------------------------------------------------------


def test_counts_are_those_of_the_rows() -> None:
    found = tallied(BATCH)
    assert (found.files, found.studies) == (7, 4)
    assert dict(found.statuses) == {"ok": 4, "error": 2, "refused": 1}
    assert dict(found.answers) == {"absent": 1, "present": 1, "unsure": 2}
    assert dict(found.readings) == {"not read": 4}
    assert found.reasons[0] == ("error", "The file is empty.", 2)
    assert found.uids == ("1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4")


def test_a_distribution_counts_every_probability_once() -> None:
    rows = [answered(n, p) for n, p in enumerate((0.0, 0.049, 0.05, 0.5, 1.0))]
    (found,) = tallied(rows).distributions
    assert sum(found.counts) == 5 and found.operating_points == (0.43,)
    assert (found.counts[0], found.counts[1], found.counts[10], found.counts[19]) == (2, 1, 1, 1)


def test_two_networks_are_never_mixed() -> None:
    rows = [answered(1, 0.9), answered(2, 0.9, weights_sha256="f" * 64, operating_point=0.6)]
    found = tallied(rows)
    assert len(found.distributions) == len(found.networks) == 2
    facts = about(found)
    assert [v for k, v in facts if k == "Model paediatric-cxr 0.3.0"] == [
        f"weights SHA-256 {MODEL.weights_sha256}",
        f"weights SHA-256 {'f' * 64}",
    ]


def test_the_most_urgent_come_in_the_worklist_s_order() -> None:
    rows = [
        answered(1, 0.99, urgency=-1),  # signed: it waits for nobody
        answered(2, 0.30, urgency=0),
        answered(3, 0.60, urgency=2),
        answered(4, 0.95, urgency=2),
        answered(5, 0.41, urgency=1),
        answered(6, 0.60, urgency=2),
    ]
    found = [row.study_instance_uid[-1] for row in tallied(rows).top]
    assert found == ["4", "3", "6", "5", "2", "1"]  # of equals the longest waiting
    assert [r.study_instance_uid[-1] for r in tallied(rows, 2).top] == ["4", "3"]
    assert tallied(rows, 0).top == ()


def test_a_study_is_listed_once_by_its_most_urgent_image() -> None:
    rows = [answered(1, p, sop_instance_uid=str(p)) for p in (0.2, 0.9, 0.5)]
    assert [r.sop_instance_uid for r in tallied(rows).top] == ["0.9"]


def test_a_study_pushed_out_may_come_back() -> None:
    rows = [answered(1, 0.1), answered(2, 0.5), answered(3, 0.6), answered(1, 0.9)]
    assert [r.study_instance_uid for r in tallied(rows, 2).top] == ["1.2.3.1", "1.2.3.3"]


def test_more_reasons_than_are_told_are_counted() -> None:
    rows = [unanswered(n, "error", f"Reason {n}.") for n in range(40)]
    found = tallied(rows)
    assert len(found.reasons) + found.other_reasons == 40 and found.other_reasons == 15


def test_a_film_that_is_gone_is_a_case_with_its_reason() -> None:
    def lost(_uid: str) -> PicturePair:
        raise InputError("The film is damaged.")

    assert {c.reason for c in top_cases(tallied(BATCH), lost)} == {"The film is damaged."}


# HTML ----------------------------------------------------------------------------------------


def test_nothing_in_the_page_acts_or_calls_out(tmp_path: Path) -> None:
    text = html_of(tmp_path, names=True)
    page = Parsed(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "link", "object", "embed", "form", "a", "base"}
    addresses = [v for _, attrs in page.elements for k, v in attrs.items() if k in ("src", "href")]
    assert addresses and all(str(v).startswith("data:image/png;base64,") for v in addresses)
    assert not [k for _, attrs in page.elements for k in attrs if k.startswith("on")]
    assert "url(" not in text and "@import" not in text
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'")


def test_hostile_names_are_words(tmp_path: Path) -> None:
    text = Parsed(html_of(tmp_path, names=True)).text
    assert f"Accession {EVIL}" in text and HOSTILE in text and f"Not a chest: {EVIL}." in text
    assert f"Patient {NAMED}" in text


def test_the_original_comes_first_and_the_caption_says_what_the_second_is(tmp_path: Path) -> None:
    page = Parsed(html_of(tmp_path))
    pictures = [attrs["alt"] for tag, attrs in page.elements if tag == "img"]
    assert pictures == ["Original image", "AI-generated overlay: Combined map"]
    for words in ("Combined map for Pneumonia", MODEL.short_hash, AI_GENERATED):
        assert words in page.text
    assert "No picture: the AI gave no answer" in page.text


def test_the_page_holds_model_counts_distribution_and_reasons(tmp_path: Path) -> None:
    page = Parsed(html_of(tmp_path))
    assert RESEARCH_USE in page.text and MODEL.weights_sha256 in page.text
    assert "pneumonia: 0.430" in page.text and "7 files, 4 studies." in page.text
    assert "could not be read The file is empty. 2" in page.text
    assert "0.950 (threshold 0.430)" in page.text
    bars = [float(str(a["height"])) for tag, a in page.elements if tag == "rect"]
    assert len(bars) == 20 and sum(height > 0 for height in bars) == 3
    assert "they are the AI's draft" in page.text


def test_the_urgent_come_first_and_the_refused_last(tmp_path: Path) -> None:
    titles = (
        "most urgent studies",
        SHEET_TITLE,
        "What became of",
        "Model and thresholds",
        "Reasons",
    )
    for text in (Parsed(html_of(tmp_path)).text, " ".join(pdf_pages(tmp_path))):
        places = [text.index(title) for title in titles]
        assert places == sorted(places)


def test_patients_are_not_named_unasked(tmp_path: Path) -> None:
    assert "Patient" not in Parsed(html_of(tmp_path)).text
    assert "Patient" not in " ".join(pdf_pages(tmp_path))


def test_signed_results_are_told_apart(tmp_path: Path) -> None:
    rows = [answered(1, 0.9, reading="final", urgency=-1), answered(2, 0.8)]
    path = tmp_path / "summary.html"
    write_html(path, tallied(rows), (), NOW)
    text = Parsed(path.read_text()).text
    assert "1 files belong to studies that a doctor signed as final." in text
    assert "AI's draft" not in text


# PDF -----------------------------------------------------------------------------------------


def test_every_page_says_what_it_is_for(tmp_path: Path) -> None:
    found = pdf_pages(tmp_path)
    assert len(found) > 1 and all(RESEARCH_USE in page and AI_GENERATED in page for page in found)
    assert [f"Page {n}" in page for n, page in enumerate(found, 1)] == [True] * len(found)


def test_the_pdf_holds_what_the_page_holds(tmp_path: Path) -> None:
    text = " ".join(pdf_pages(tmp_path, names=True))
    for words in (
        "7 files, 4 studies.",
        "pneumonia: 0.430",
        "The file is empty.",
        "0.950 (threshold 0.430)",
        "Probability of Pneumonia, 4 images",
        "Combined map for Pneumonia",
        MODEL.short_hash,
        f"Accession {EVIL}",
        f"Patient {NAMED}",
        "they are the AI's draft",
    ):
        assert words in text, words
    assert MODEL.weights_sha256 in re.sub(r"\s", "", text)


def test_the_pdf_shows_the_original_left_of_the_overlay(tmp_path: Path) -> None:
    pdf_pages(tmp_path)
    document = pypdfium2.PdfDocument(tmp_path / "summary.pdf")
    found = [
        (obj.get_bounds()[0], obj.get_bitmap().to_numpy().reshape(-1).max())
        for page in document
        for obj in page.get_objects()
        if obj.type == pypdfium2.raw.FPDF_PAGEOBJ_IMAGE
    ]
    document.close()
    assert [brightest for _, brightest in sorted(found)] == [90, 200]


def test_a_report_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    for write in (write_pdf, write_html):
        with pytest.raises(ExportError, match="cannot be written"):
            write(tmp_path / "gone" / "x", tallied(BATCH), (), NOW)


def test_an_empty_batch_is_a_report_too(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", tallied([]), (), NOW)
    write_html(tmp_path / "a.html", tallied([]), (), NOW)
    assert "0 files, 0 studies." in (tmp_path / "a.html").read_text()
