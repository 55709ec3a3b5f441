"""Paragraphs and tables of a PDF page, shared by a study's report and a batch's summary."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, Table

from imaging.export.fonts import Typesetter

MARGIN, WIDTH = 18 * mm, A4[0] - 36 * mm  # points


class Sheet:
    """Paragraphs and tables in fonts that have their characters."""

    def __init__(self) -> None:
        self.setter = Typesetter()

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

    def table(self, rows: Sequence[Sequence[str]], widths: Sequence[float]) -> Table:
        """A table whose first row is its head; widths are fractions of the page."""
        cells = [[self.text(cell) for cell in row] for row in rows]
        table = Table(cells, [width * WIDTH for width in widths], repeatRows=1, hAlign="LEFT")
        table.setStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
                ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.grey),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
        return table
