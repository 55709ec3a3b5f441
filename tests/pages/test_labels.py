"""Words on screen: formatted for a reader, all of them translatable, all in the catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from imaging.entities import Answer, Assessment, Finding, Patient, Status
from imaging.language import speaking
from imaging.settings import ROOT
from models.checkpoint.card import Scope
from models.inference.age_scope import check_age
from pages.ui import i18n, labels, network_answer
from tests.catalogues import catalogues, write_catalogue
from tests.conftest import tiny_card

SOURCES = ["app.py", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "pages").rglob("*.py"))]
SOURCES = [source for source in SOURCES if "node_modules" not in source]
SPOKEN = {"label", "help", "placeholder", "body", "text", "title", "caption"}  # keywords of st.*
SILENT = {"html", "set_page_config", "switch_page", "fragment", "cache_resource", "form"}
SILENT |= {"get_option"}
TAG = re.compile(r"<[^>]*>|&\w+;")


def spoken_arguments(tree: ast.AST) -> Iterator[ast.expr]:
    """Arguments of st.* calls that are shown to the reader."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if getattr(node.func.value, "id", "") != "st" or node.func.attr in SILENT:
            continue
        yield from node.args[: 0 if node.func.attr == "Page" else 1]
        yield from (k.value for k in node.keywords if k.arg in SPOKEN)


def literal_text(node: ast.AST) -> str:
    """The fixed text of a string literal or f-string."""
    if isinstance(node, ast.JoinedStr):
        return "".join(literal_text(part) for part in node.values)
    constant = node.value if isinstance(node, ast.Constant) else ""
    return constant if isinstance(constant, str) else ""


@pytest.mark.parametrize("source", SOURCES)
def test_words_given_to_streamlit_are_translatable(source: str) -> None:
    tree = ast.parse((ROOT / source).read_text())
    bare = [literal_text(argument) for argument in spoken_arguments(tree)]
    assert not [text for text in bare if re.search(r"[A-Za-z]", text)]


@pytest.mark.parametrize("source", SOURCES)
def test_words_inside_markup_are_translatable(source: str) -> None:
    tree = ast.parse((ROOT / source).read_text())
    inner = {id(n) for j in ast.walk(tree) if isinstance(j, ast.JoinedStr) for n in j.values}
    docs = {id(e.value) for e in ast.walk(tree) if isinstance(e, ast.Expr)}
    for node in ast.walk(tree):
        text = literal_text(node) if id(node) not in inner | docs else ""
        if re.search(r"</?(div|span|b|i|p|img)\b", text):
            assert not re.search(r"[A-Za-z]", TAG.sub("", text)), text


def extracted() -> set[str]:
    """Every message `make messages` finds."""
    with (ROOT / "locale/babel.cfg").open() as stream:
        methods, options = parse_mapping_cfg(stream)
    found = extract_from_dir(str(ROOT), methods, options, directory_filter=_is_ours)
    return {m if isinstance(m, str) else m[0] for _file, _line, m, _comments, _context in found}


def _is_ours(folder: str) -> bool:
    name = Path(folder).name
    return not name.startswith(".") and name not in {"tests", "bench", "docs", "runs"}


def test_the_catalogue_is_up_to_date() -> None:
    with (ROOT / "locale/lightbox.pot").open("rb") as stream:
        listed = {m.id if isinstance(m.id, str) else m.id[0] for m in read_po(stream) if m.id}
    assert listed == extracted(), "run `make messages`"


def test_sentences_of_other_rooms_are_in_the_catalogue() -> None:
    assert {
        "The file is empty; ask for it to be sent again.",
        "The body part is {0}, not {1}.",
        "Research use - not for diagnosis",
        "Pneumonia",
        "Grad-CAM",
    } <= extracted()


@pytest.fixture
def chinese(tmp_path: Path) -> Iterator[None]:
    """A reader whose browser asks for zh-CN, and a catalogue of four messages."""
    catalogue = Catalog(locale="zh_CN")
    catalogue.add("Sign", "签名")
    catalogue.add("The file is empty.", "文件为空。")
    catalogue.add("The modality is not stated.", "未注明模态。")
    catalogue.add("The body part is {0}, not {1}.", "应为{1}而不是{0}。")
    tested = "This AI was tested on children of {0} to {1}; this patient is {2}"
    catalogue.add(f"{tested}.", "本网络仅在{0}至{1}岁儿童中测试;该患者{2}岁。")
    catalogue.add(f"{tested} months.", "本网络仅在{0}至{1}岁儿童中测试;该患者{2}个月。")
    write_catalogue(tmp_path, catalogue)
    with catalogues(tmp_path), speaking("zh-CN"):
        yield


def test_a_catalogue_is_all_a_language_needs(chinese: None) -> None:
    assert i18n._("Sign") == "签名"


def test_a_missing_translation_stays_english(chinese: None) -> None:
    assert i18n._("Save draft") == "Save draft"


def test_sentences_with_values_are_translated(chinese: None) -> None:
    said = i18n.sentence("The modality is not stated. The body part is HAND, not CHEST or LUNG.")
    assert said == "未注明模态。 应为CHEST or LUNG而不是HAND。"


@pytest.mark.parametrize(("years", "said"), [(77.0, "该患者77岁。"), (0.25, "该患者3个月。")])
def test_an_age_outside_is_translated_whole(years: float, said: str, chinese: None) -> None:
    scope = Scope("children", ("DX",), ("CHEST",), ("AP",), (1.0, 5.99))
    refusal, _ = check_age(Patient(age_years=years), scope)
    assert i18n.sentence(refusal).startswith(f"本网络仅在1至5岁儿童中测试;{said}")


@pytest.mark.parametrize(
    ("probability", "said"),
    [(0.0, "<1%"), (0.004, "<1%"), (0.934, "93%"), (0.985, "98%"), (0.996, ">99%")],
)
def test_percentages_are_never_falsely_certain(probability: float, said: str) -> None:
    assert labels.percent(probability) == said


@pytest.mark.parametrize(
    ("age", "said"), [(None, ""), (0.5, "6 months"), (1.5, "18 months"), (4.0, "4 years")]
)
def test_young_ages_are_in_months(age: float | None, said: str) -> None:
    assert labels.age(Patient(age_years=age)) == said


@pytest.mark.parametrize(
    ("minutes", "said"), [(5, "5 min"), (130, "2 h 10 min"), (60 * 24 * 3, "3 d")]
)
def test_waiting_is_told_in_the_largest_unit(minutes: int, said: str) -> None:
    now = datetime(2025, 1, 4, tzinfo=UTC)
    assert labels.waiting(now - timedelta(minutes=minutes), now) == said


def test_names_are_read_as_dicom_writes_them() -> None:
    assert labels.patient_name("DOE^JANE^Q=漢字") == "DOE, JANE Q (漢字)"
    assert labels.date("20250131") == "2025-01-31" and labels.clock("0905") == "09:05"


@pytest.mark.parametrize(
    ("given", "probability", "said"),
    [
        (Answer.PRESENT, 0.9, "▲ Pneumonia suspected"),
        (Answer.ABSENT, 0.1, "○ No pneumonia seen"),
        (Answer.UNSURE, 0.9, "? Unsure \u2013 please read"),
        (None, 0.9, "▲ Pneumonia suspected"),  # stored before there was "unsure"
        (None, 0.1, "○ No pneumonia seen"),
    ],
)
def test_the_answer_is_one_of_three(given: Answer | None, probability: float, said: str) -> None:
    assert labels.answer(Finding("pneumonia", "Pneumonia", probability, 0.5), given) == said


def test_an_acronym_keeps_its_capitals_inside_a_sentence() -> None:
    assert labels.within("COVID pneumonia") == "COVID pneumonia"
    assert labels.within("Pneumonia") == "pneumonia"


@pytest.mark.parametrize(
    ("probability", "held", "said"),
    [
        (0.9, ("present",), "AI: pneumonia likely. It is set so that at most 5 of 100 images "),
        (0.1, ("absent",), "AI: pneumonia unlikely, which does not rule it out. It is set so "),
        (0.55, ("absent",), "Borderline: above the threshold, but weak for pneumonia."),
        (0.45, ("present",), "Borderline: below the threshold, yet pneumonia is likely."),
        (0.55, ("present", "absent"), "AI: cannot tell whether there is pneumonia."),
        (0.55, (), "Unusual image: no confident answer."),
    ],
)
def test_no_disease_is_ruled_out_above_its_operating_point(
    probability: float, held: tuple[str, ...], said: str
) -> None:
    assessment = Assessment(
        sop_instance_uid="1",
        status=Status.OK,
        findings=(Finding("pneumonia", "Pneumonia", probability, 0.5),),
        conformal_set=held,
        error_rate=0.05,
    )
    (line,) = network_answer._describe_certainty(assessment)
    assert line.startswith(said)
    assert ("unlikely" in line) <= (probability < 0.5 and held == ("absent",))


@pytest.mark.parametrize(
    ("message", "limited"),
    [
        ("The patient's age is not stated.", True),
        ("No patient data in this file: modality, view and age are unknown.", True),
        ("No patient data in this file: modality and view are unknown.", False),
        ("The patient's age is near the studied ages, but outside.", False),
    ],
)
def test_what_is_ruled_out_among_children_is_not_ruled_out_for_somebody(
    message: str, limited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tiny_card()
    monkeypatch.setattr(network_answer.resources, "card", lambda _name: card)
    assessment = Assessment(
        sop_instance_uid="1",
        status=Status.WARNED,
        model=card.identity,
        messages=(message,),
        findings=(Finding("pneumonia", "Pneumonia", 0.1, 0.5),),
        conformal_set=("absent",),
        error_rate=0.05,
    )
    said = " ".join(network_answer._describe_certainty(assessment))
    assert ("age is unknown: this is true of" in said) is limited
