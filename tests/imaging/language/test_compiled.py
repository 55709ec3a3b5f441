"""Each catalogue that ships is compiled as it stands, so that a fresh clone speaks it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from imaging.language.catalogue import PSEUDO
from imaging.settings import ROOT

CATALOGUES = [
    path
    for path in sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))
    if PSEUDO not in path.parts
]


@pytest.mark.parametrize("text", CATALOGUES, ids=lambda path: path.parts[-3])
def test_what_is_compiled_is_what_is_written(text: Path) -> None:
    with text.open("rb") as stream:
        messages = read_po(stream)
    compiled = BytesIO()
    write_mo(compiled, messages)
    assert text.with_suffix(".mo").read_bytes() == compiled.getvalue(), "run `make messages`"
    assert not [m.id for m in messages if m.id and m.fuzzy]
    assert messages.num_plurals == (1 if text.parts[-3].startswith("zh") else 2)
