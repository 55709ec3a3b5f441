"""Sections of docs/performance.md, written between markers by the bench that measured them."""

from __future__ import annotations

from imaging.settings import ROOT

PAGE = ROOT / "docs" / "performance.md"


def write_section(name: str, text: str) -> None:
    """Replace what stands between the markers of that name.

    Raises
    ------
    ValueError
        If the page has no such markers.
    """
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    if start not in page or end not in page:
        raise ValueError(f"docs/performance.md has no section {name}")
    before, _, rest = page.partition(start)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")
