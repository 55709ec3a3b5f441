"""A report in Chinese: five parts, both doctors and both times; what machines read is English."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from imaging.export import ExportCase, export_case
from imaging.language import _, languages, speaking
from imaging.review.records import Stage
from tests.imaging.export.test_same_report import case_of
from tests.imaging.export_cases import NOW, SIGNED
from tests.imaging.peers import peer

# the norm's, in its order
PARTS = ("一般资料", "检查方法", "影像学表现", "影像学诊断", "医师签名")
BOTH = ("Written by", "住院医师", "Written at", "Reviewed by", "Dr. Jürgen Müller", "Reviewed at")

pytestmark = pytest.mark.skipif("zh_CN" not in languages(), reason="no Chinese catalogue")


def by_two_doctors() -> ExportCase:
    """A report that one doctor wrote and another signed off."""
    case = case_of()
    assert case.review is not None
    written = replace(
        case.review,
        version=case.review.version,
        stage=Stage.PRELIMINARY,
        account="resident",
        reader="住院医师",
        created_at=SIGNED - timedelta(hours=1),
    )
    final = replace(case.review, version=written.version + 1)
    return replace(case, record=replace(case.record, reviews=(written, final)), review=final)


def pdf_text(content: bytes, folder: Path) -> str:
    file = folder / "report.pdf"
    file.write_bytes(content)
    command = [peer("pdffonts", "poppler-utils"), str(file)]
    head, _, *fonts = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    at = head.index("emb")
    assert fonts and all(font[at : at + 3] == "yes" for font in fonts), fonts
    command = [peer("pdftotext", "poppler-utils"), "-layout", str(file), "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def spoken_by(content: bytes) -> list[str]:
    """The texts and code meanings of a DICOM object."""
    elements = dcmread(BytesIO(content)).iterall()
    return [str(e.value) for e in elements if e.keyword in ("TextValue", "CodeMeaning")]


def test_the_five_parts_and_both_doctors_are_there_in_order(tmp_path: Path) -> None:
    with speaking("zh-CN"):
        pdf, html = export_case(by_two_doctors(), ("pdf", "html"), NOW)
    page = html.content.decode()
    assert '<html lang="zh-CN">' in page
    for text in (pdf_text(pdf.content, tmp_path), page):
        places = [text.index(part) for part in PARTS]
        assert places == sorted(places)
        with speaking("zh-CN"):
            words = [_(word) for word in BOTH]
        places = [text.index(word, text.index("医师签名")) for word in words]
        assert places == sorted(places)
        assert "仅供科研" in text and "肺炎" in text and "住院医师" in text


def test_who_did_both_stands_there_once(tmp_path: Path) -> None:
    with speaking("zh-CN"):
        (pdf,) = export_case(case_of(), ("pdf",), NOW)
    assert "审核医师" not in pdf_text(pdf.content, tmp_path)


def test_what_machines_read_says_the_same_whoever_exports() -> None:
    forms = ("sr", "fhir", "csv")
    english = export_case(by_two_doctors(), forms, NOW)
    with speaking("zh-CN"):
        chinese = export_case(by_two_doctors(), forms, NOW)
    for one, other in zip(english, chinese, strict=True):
        if one.name.startswith("sr"):
            first, second = spoken_by(one.content), spoken_by(other.content)
            assert any(text.startswith("Pneumonia, right") for text in first) and first == second
        else:
            assert one.content == other.content, one.name
