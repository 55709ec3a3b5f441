"""The report on paper: who, what the reader found, what the network said, what was measured."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, Table

from imaging.entities import RESEARCH_USE
from imaging.export import report_words, wording
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.common import short
from imaging.export.pdf_sheet import WIDTH, Sheet, build_pdf
from imaging.export.report import report_of
from imaging.export.report_words import Section
from imaging.language import _, sentence
from imaging.rendering import composite_overlay, thumbnail

_LOST = (
    "An original of this study is missing from the data folder, or was altered there: no picture "
    "of it can be shown. What is stated above is as it was written."
)
_FINEST = 1400  # pixels of the longer side of a picture on paper


def pdf_report(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write the report as A4 pages; each says that it is for research, and the review's stage.

    Notes
    -----
    Characters no font of this computer has are printed as their code points, with a note.
    """
    sheet, report = Sheet(), report_of(case)
    story: list[Flowable] = [
        sheet.text(_(report_words.WORDS["title"]), size=16),
        sheet.text(report_words.status_line(report), size=11),
        sheet.text(_(RESEARCH_USE), size=11),
    ]
    for section in report_words.sections(report):
        story += _section(sheet, section)
    story += _pictures(sheet, case)
    story += [sheet.text(sentence(note)) for note in sheet.setter.notes]
    story.append(sheet.text(report_words.exported(now)))
    if case.anchor:
        story.append(sheet.text(wording.anchor_line(case.anchor)))
    foot = _footer(sheet, case)
    name = f"pdf-{short(f'{case.record.study_instance_uid}/{report.version}')}.pdf"
    content = build_pdf(story, _(report_words.WORDS["title"]), now, foot)
    return [ExportedFile(name, content)]


def _section(sheet: Sheet, section: Section) -> list[Flowable]:
    """A part of the report; its title stays on the page of what follows it."""
    head = sheet.text(section.title, size=12)
    parts: list[Flowable] = []
    if section.rows:
        parts.append(sheet.facts(section.rows))
    if section.table:
        parts.append(sheet.table(section.table, section.widths))
    parts += [sheet.text(line) for line in section.lines]
    if section.key == "signature":
        parts.append(sheet.line())
    return [KeepTogether([head, *parts[:1]]), *parts[1:]]


def _pictures(sheet: Sheet, case: ExportCase) -> list[Flowable]:
    """Each explained film beside its overlay; else the films that were gathered."""
    story: list[Flowable] = []
    for map_ in case.shown_maps:
        picture = case.picture(map_.sop_instance_uid, map_.frame)
        film = picture.shown
        overlay = composite_overlay(
            film, map_.values, limit=map_.limit, signed=True, seen=map_.seen
        )
        caption = _(
            "Original image, and AI-generated overlay: {method} for {finding} (orange for, blue "
            "against). {map} Model {model}."
        ).format(
            method=_(map_.method),
            finding=wording.finding_label(map_.target),
            map=wording.map_line(map_),
            model=wording.model_line(map_.model),
        )
        caption = " ".join([caption, f"{_(RESEARCH_USE)}.", *map(sentence, picture.notes)])
        pair = Table(
            [[_image(film), _image(np.asarray(overlay))]], hAlign="LEFT", style=[sheet.cell_font]
        )
        story.append(KeepTogether([pair, sheet.text(caption)]))
    if not case.shown_maps:
        for picture in case.pictures[:4]:
            notes = [sheet.text(sentence(note)) for note in picture.notes]
            story.append(KeepTogether([_image(picture.shown), *notes]))
    if any(film.identity.sop_instance_uid not in case.contents for film in case.record.instances):
        story.append(sheet.text(sentence(_LOST)))
    if story:  # the title of what nothing follows would stand alone
        story[0] = KeepTogether([sheet.text(_("Pictures"), size=12), story[0]])
    return story


def _image(values: Any) -> Image:
    """A picture half a page wide."""
    rows, columns = values.shape[:2]
    png = thumbnail(values, size=min(_FINEST, max(rows, columns)))
    scale = min(0.48 * WIDTH / columns, 110 * mm / rows)
    return Image(BytesIO(png), width=columns * scale, height=rows * scale)


def _footer(sheet: Sheet, case: ExportCase) -> Any:
    """The footer of every page."""
    stage = _(case.review.stage.value.upper() if case.review else "NOT READ")
    study = _("Study {number}").format(number=short(case.record.study_instance_uid))
    use, page, trail = _(RESEARCH_USE), _("Page {number}"), _("Audit trail {anchor}")

    def draw(canvas: Any, document: Any) -> None:
        sheet.draw(canvas, f"{use}. {stage}. {study}", 9 * mm)
        sheet.draw(canvas, page.format(number=document.page), 9 * mm, to_the_right=True)
        if case.anchor:
            sheet.draw(canvas, trail.format(anchor=case.anchor), 6 * mm, size=6)

    return draw
