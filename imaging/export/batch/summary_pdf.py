"""A batch's summary as A4 pages: figures, reasons, the most urgent studies and their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib import colors
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import CondPageBreak, Flowable, Image, KeepTogether, Spacer, Table

from imaging.entities import RESEARCH_USE
from imaging.export.batch import summary_blocks as words
from imaging.export.batch.summary import Case, Distribution, Summary
from imaging.export.common import border
from imaging.export.pdf_sheet import WIDTH, Sheet, build_pdf
from imaging.export.wording import anchor_line
from imaging.language import _, sentence

_TALL = 34 * mm  # of a histogram
_HALF, _HIGH = 0.485 * WIDTH, 50 * mm  # of a picture: three pairs fit a page
_ROOM = 45 * mm  # below the title of a long table: its head and some rows
_FAILED = "The summary cannot be written as PDF."


def write_pdf(
    path: Path,
    summary: Summary,
    cases: Sequence[Case],
    now: datetime,
    *,
    names: bool = False,
    anchor: str = "",
) -> None:
    """Write the report; every page says that it is for research.

    Parameters
    ----------
    path : Path
        The file; replaced when there.
    summary : Summary
    cases : sequence of Case
        The contact sheet, in order.
    now : datetime
        With a time zone.
    names : bool
        Whether patients are named; the rows must hold the names then.
    anchor : str
        The head of the audit trail, to be printed; empty for none.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with border(_FAILED):
        sheet = Sheet()
        story: list[Flowable] = [
            sheet.text(_(words.TITLE), size=16),
            sheet.text(f"{_(RESEARCH_USE)}. {_(words.AI_GENERATED)}.", size=11),
            *(sheet.text(line) for line in words.opening(summary, now)),
            *_table(sheet, words.urgent(summary, names=names)),
            *_contact_sheet(sheet, cases, names=names),
            *(part for block in words.blocks(summary) for part in _table(sheet, block)),
        ]
        story += [sheet.text(sentence(note)) for note in sheet.setter.notes]
        if anchor:
            story.append(sheet.text(anchor_line(anchor)))
        path.write_bytes(build_pdf(story, _(words.TITLE), now, _footer(sheet)))


def _table(sheet: Sheet, block: words.Block) -> list[Flowable]:
    """A block with its distributions; its title never stands alone at the foot of a page."""
    if not block.rows:
        return []
    head = sheet.text(block.title, size=12)
    table = sheet.table([block.head, *block.rows], block.widths)
    story: list[Flowable] = [CondPageBreak(_ROOM), head, table]
    if len(block.rows) < 8:
        story = [KeepTogether([head, table])]
    if block.note:
        story.append(sheet.text(block.note))
    return story + [_histogram(sheet, distribution) for distribution in block.distributions]


def _histogram(sheet: Sheet, distribution: Distribution) -> Flowable:
    """Bars over [0, 1], a line at each operating point, and both in words."""
    drawing, base, font = Drawing(WIDTH, _TALL + 8 * mm), 6 * mm, sheet.setter.base
    for low, high, height, count in words.bars(distribution):
        left, wide, tall = low * WIDTH, (high - low) * WIDTH, height * _TALL * 0.85
        bar = Rect(left + 0.5, base, wide - 1, tall, strokeWidth=0, fillColor=colors.grey)
        if count:
            drawing.add(bar)
            drawing.add(_label(left + wide / 2, base + tall + 1.5, str(count), font))
    drawing.add(Line(0, base, WIDTH, base, strokeWidth=0.6))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        anchor = "start" if tick == 0 else "end" if tick == 1 else "middle"
        drawing.add(_label(tick * WIDTH, 1.5 * mm, f"{tick:g}", font, anchor))
    for point in distribution.operating_points:
        at = point * WIDTH
        drawing.add(Line(at, base, at, base + _TALL, strokeDashArray=(3, 2)))
    return KeepTogether([Spacer(1, 6), sheet.text(words.distribution_title(distribution)), drawing])


def _label(x: float, y: float, text: str, font: str, anchor: str = "middle") -> String:
    return String(x, y, text, fontName=font, fontSize=7, textAnchor=anchor)


def _contact_sheet(sheet: Sheet, cases: Sequence[Case], *, names: bool) -> list[Flowable]:
    """Each case: which it is, the original, the overlay beside it, and what made it."""
    story: list[Flowable] = []
    head: list[Flowable] = [
        sheet.text(_(words.SHEET_TITLE), size=12),
        sheet.text(sentence(words.SHEET_NOTE)),
    ]
    for at, case in enumerate(cases, 1):
        parts = [*head, Spacer(1, 6), sheet.text(words.case_title(at, case, names=names))]
        if case.pair is None:
            parts.append(sheet.text(sentence(case.reason)))
        else:
            drawn = [png for png in (case.pair.original, case.pair.overlay) if png is not None]
            pair = Table([[_image(png) for png in drawn]], hAlign="LEFT")
            pair.setStyle([sheet.cell_font, ("LEFTPADDING", (0, 0), (-1, -1), 0)])
            parts += [pair, sheet.text(words.caption(case.pair))]
        story.append(KeepTogether(parts))
        head = []  # it stays with the first
    return story


def _image(png: bytes) -> Image:
    """A picture at most half a page wide."""
    columns, rows = ImageReader(BytesIO(png)).getSize()
    scale = min(_HALF / columns, _HIGH / rows)
    return Image(BytesIO(png), width=columns * scale, height=rows * scale)


def _footer(sheet: Sheet) -> Any:
    """The footer of every page."""
    use, generated, page = _(RESEARCH_USE), _(words.AI_GENERATED), _("Page {number}")

    def draw(canvas: Any, document: Any) -> None:
        canvas.saveState()
        sheet.draw(canvas, f"{use}. {generated}", 9 * mm)
        sheet.draw(canvas, page.format(number=document.page), 9 * mm, to_the_right=True)
        canvas.restoreState()

    return draw
