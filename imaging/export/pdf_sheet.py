"""Paragraphs and tables of a PDF page, shared by a study's report and a batch's summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table

from imaging.entities import RESEARCH_USE
from imaging.export.common import local
from imaging.export.fonts import Typesetter

MARGIN, WIDTH = 18 * mm, A4[0] - 36 * mm  # points


OnPage = Callable[[Any, Any], None]


def build_pdf(story: list[Flowable], title: str, now: datetime, foot: OnPage) -> bytes:
    """Lay parts out on A4 pages.

    Notes
    -----
    The same parts written at the same moment are the same bytes: dates are the export's own
    (ISO 32000-1, 14.3.3), which reportlab would take from the clock, or leave at the year 2000.
    """
    buffer = BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN)
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        title=title,
        author="Lightbox",
        subject=RESEARCH_USE,
        invariant=True,
        initialFontName=Typesetter().base,  # else Helvetica is named, and not embedded
        **margins,
    )

    def first_page(canvas: Any, page: Any) -> None:
        _date(canvas, now)
        foot(canvas, page)

    document.build(story, onFirstPage=first_page, onLaterPages=foot)
    return buffer.getvalue()


def _date(canvas: Any, now: datetime) -> None:
    """Give a document the moment of export as its CreationDate and ModDate."""
    at = local(now)
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    stamp = canvas._doc._timeStamp
    stamp.YMDhms = at.timetuple()[:6]
    stamp.dhh, stamp.dmm = int(minutes / 60), abs(minutes) % 60


class Sheet:
    """Paragraphs and tables in fonts that have their characters."""

    def __init__(self) -> None:
        self.setter = Typesetter()
        # of every table: reportlab names Helvetica in each cell otherwise, which is not embedded
        self.cell_font = ("FONTNAME", (0, 0), (-1, -1), self.setter.base)

    def text(self, text: str, *, size: float = 9) -> Paragraph:
        """A paragraph."""
        style = ParagraphStyle(
            f"size {size}",
            fontName=self.setter.base,
            fontSize=size,
            leading=size * 1.35,
            spaceAfter=2,
            spaceBefore=8 if size > 9 else 0,
        )
        return Paragraph(self.setter.markup(text), style)

    def draw(
        self, canvas: Any, text: str, y: float, *, size: float = 8, to_the_right: bool = False
    ) -> None:
        """Write a line between the margins, at a height of the page in points."""
        line = self.text(text, size=size)
        line.style.alignment = TA_RIGHT if to_the_right else TA_LEFT
        line.wrapOn(canvas, WIDTH, A4[1])
        line.drawOn(canvas, MARGIN, y)

    def facts(self, rows: Sequence[tuple[str, str]]) -> Table:
        """Terms and their values, without a head."""
        cells = [[self.text(term), self.text(value)] for term, value in rows]
        table = Table(cells, [0.25 * WIDTH, 0.75 * WIDTH], hAlign="LEFT")
        table.setStyle(
            [
                self.cell_font,
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.grey),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
        return table

    def line(self) -> Table:
        """An empty line to write a name on."""
        table = Table([[""]], [0.5 * WIDTH], [14 * mm], hAlign="LEFT")
        table.setStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.6, colors.black),
                self.cell_font,
            ]
        )
        return table

    def table(self, rows: Sequence[Sequence[str]], widths: Sequence[float]) -> Table:
        """A table whose first row is its head; widths are fractions of the page."""
        cells = [[self.text(cell) for cell in row] for row in rows]
        table = Table(cells, [width * WIDTH for width in widths], repeatRows=1, hAlign="LEFT")
        table.setStyle(
            [
                self.cell_font,
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
                ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.grey),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
        return table
