"""No odd phrase is left in what somebody reads: pages, viewer, refusals, exports, terminal help.

The phrases are those that doctors stumbled over when they were walked through the product, and the
words of the trade of whoever builds it. The decision on "film" stands in docs/glossary.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD
from pages.ui.model import labels
from pages.ui.viewer import words as viewer
from tests.pages.test_labels import extracted, literal_text

# What was said -> what is said now. A phrase of the left side is a regular expression.
ODD = {
    r"take the results away|taken away": "Export results",
    r"\bForms\b|\bfewer forms\b": "File types",
    r"name the patients": "Include patient names",
    r"^Prepare$": "Create files",
    r"tick a row": "Click a study to open it",
    r"operating points?": "threshold",
    r"errors allowed|remains? possible|can be ruled out|not ruled out at": "AI: {finding} likely",
    r"error rate of": "at most {count} of 100 images",
    r"(networks|readings) differ by": "The model's parts agree to within {count} points",
    r"\bclassified\b": "Image accepted",
    r"pixels alone|header and pixels": "accepted from the image only, no patient details",
    r"\brestate|\bcall it\b": "Change wording, Report as",
    r"present \u00b7 accept|absent \u00b7 reject": "Agree: {finding}",
    r"yours to decide|not decided yet": "Your decision needed",
    r"nothing (is )?stated|saved by itself": "No findings yet. Changes save automatically.",
    r"decided without|without the network": "Decided by doctor (AI was unsure)",
    r"\boverruled\b": "You disagreed with the AI",
    r"\braised\b|\braises\b": "Priority",
    r"not in the file$": "Unnamed: {file}",
    r"pass(es)? the filter|leaves out:": "Showing {count} of {total}",
    r"page (before|after)|last first|rows of a page": "Previous page, Newest first",
    r"queue (a|the|that|their) folder|\bqueued\b|^go on$": "Add a folder, Resume",
    r"ask the installed": "Re-run AI on {count} studies",
    r"what does this order change": "Effect of AI ordering on waiting times",
    r"\bcap\b|longest wait": "Maximum wait (h)",
    r"^why: |^by \u2026|fused scales": "Explain: pneumonia, Method: Combined map",
    r"speaks? (for|against)|spoke for": "against | for",
    r"checked when it is there": "Map: waiting",
    r"network's reason|proof of the map": "Check the explanation, Map quality tests",
    r"\breceipts?\b|\bliars?\b": "Map quality tests",
    r"hold on the answer|hangs on|hung on|does not tell$|tiny changes": "Effect on score",
    r"marked places|taken away": "Marked area removed",
    r"put in its place|disturb the|^turn$|^sideways$|^up, down$": "Fill with, Distort, Rotate",
    r"whose nearest is nearer": "",
    r"lay on its side|lie on its side|unlike the": "The image appears rotated. Not recognised",
    r"who will read here|reads alone": "Set up your account",
    r"stands? under a (report|signature)|under (a|later) signatures?\b": "Name shown on reports",
    r"^colours on this computer$|^as the browser$": "Theme, System",
    r"keys of the viewer|^keys and mouse$": "Keyboard shortcuts",
    r"is heard|changes of mind|the reveal": "Your reads v AI, Changed decisions",
    r"kappa is given": "Shown after {count} cases",
    r"\bcommit\b|\bcommitted\b": "Save my read and show AI",
    r"more was left out": "{count} more could not be exported (see the list in the archive)",
    r"against the network": "Compared with AI",
    r"^turn (right|left)$|^move$|fit to the pane": "Rotate, Pan, Fit",
    r"document, kept": "Report attached",
    r"drawn by lot|next to nothing\b.*\bplaces": "random",
}
# The builder's words -> the reader's.
BUILDERS = {
    r"\bnetworks?(?!-)\b": "AI; a part of it: model",
    r"\breaders?\b": "doctor",
    r"\bmarks\b(?! (the|partly|other|\{))": "annotation",
    r"\bmark\b(?! (other|the joint|a (larger|smaller) box))": "annotation",
    r"\bplaces?\b(?!holder)": "area",
    r"\bfilms?\b": "image",
}
# "film" is said of the sheet itself, and after its view or part, as a radiologist says it.
SHEET = re.compile(r"photograph|corners|scanned film|^Find the film$|^on the film$|no film: put")
CALLED = re.compile(r"\b([Cc]hest|[Ll]ateral|[Ff]rontal) films?\b")
ASIDE = (
    r"\{\w+\}",
    r"`[^`]*`",
    r"python cli\.py [\w-]+|cli\.py [\w-]+",
    r"LIGHTBOX_\w+",
    r"\S+\.example",
)


def faults(said: str) -> list[str]:
    """The odd phrases in something said to a reader."""
    text = said
    for aside in ASIDE:
        text = re.sub(aside, "\u2026", text)
    text = CALLED.sub("", text)
    if SHEET.search(said):
        text = re.sub(r"\bfilms?\b", "", text)
    found = [odd for odd in ODD if re.search(odd, text, re.IGNORECASE)]
    return found + [word for word in BUILDERS if re.search(word, text, re.IGNORECASE)]


def literals(folder: str) -> Iterator[str]:
    """Words in a room whose words leave it unmarked: more than a name, and no docstring."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text())
        docs = {id(e.value) for e in ast.walk(tree) if isinstance(e, ast.Expr)}
        inner = {id(n) for j in ast.walk(tree) if isinstance(j, ast.JoinedStr) for n in j.values}
        for node in ast.walk(tree):
            text = "" if id(node) in docs | inner else literal_text(node)
            if " " in text.strip() and not text.startswith(("http", "SELECT")):
                yield text


def test_no_message_of_the_catalogue_is_odd() -> None:
    cards = {words for words in extracted() if words in _card_words()}
    said = extracted() - cards
    assert len(said) > 1200, "the walk no longer finds the messages"
    assert {text: found for text in sorted(said) if (found := faults(text))} == {}


def test_no_word_of_the_viewer_is_odd() -> None:
    said = viewer.words().values()
    assert {text: found for text in said if (found := faults(text))} == {}


@pytest.mark.parametrize(
    "folder", ["imaging/export", "imaging/delivery", "imaging/commands", "models/commands"]
)
def test_no_word_of_an_export_is_odd(folder: str) -> None:
    said = set(literals(folder))
    assert len(said) > 20, "the walk no longer finds the words"
    assert {text: found for text in sorted(said) if (found := faults(text))} == {}


def _card_words() -> set[str]:
    """What cards say in words of their own; sealed with them, and said otherwise on the page."""
    source = (ROOT / "models/configs").glob("*.toml")
    return {line.strip(' ",') for path in source for line in path.read_text().splitlines()}


def test_limits_of_the_shipped_card_are_said_in_plain_words() -> None:
    card = ModelCard.read(ROOT / "models/weights/paediatric-cxr" / CARD)
    said = [labels.limit(limit) for limit in card.limits]
    assert said and not [text for text in said if faults(text)]


@pytest.mark.parametrize(
    "said",
    [
        "With 5% errors allowed, only pneumonia remains possible.",
        "Ask the installed network about 58 listed studies",
        "The film looks as if it lay on its side.",
        "operating point 46%",
        "Marked places alone",
    ],
)
def test_an_odd_phrase_is_found_out(said: str) -> None:
    assert faults(said)
    assert not faults("This is a lateral film; only frontal films can be read.")
