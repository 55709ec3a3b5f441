"""A batch's summary as one HTML file that needs nothing else and asks nobody for anything.

Every word is escaped, pictures travel inside as data, and the file's own policy (CSP) forbids a
browser to load or run anything, whatever a header had to say.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from imaging.entities import RESEARCH_USE
from imaging.export.batch import summary_blocks as words
from imaging.export.batch.summary import Case, Distribution, Summary
from imaging.export.common import border
from imaging.language import _, sentence, spoken

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.use { font-weight: 600; border: 1px solid #8a4b00; background: #fff4e5; color: #5c3200;
  padding: .4rem .7rem; margin: .7rem 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top;
  padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #ccc; white-space: pre-line;
  overflow-wrap: anywhere; } th { border-bottom: 2px solid #333; }
figure { margin: 1.5rem 0; break-inside: avoid; }
.pair { display: flex; gap: .5rem; } .pair img { width: 49%; object-fit: contain;
  background: #000; }
figcaption, .note { font-size: .87rem; color: #444; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } footer { margin: 2rem 0; }
""".strip()
_WIDE, _TALL, _BASE = 800, 170, 20  # units of the drawing
_FAILED = "The summary cannot be written as HTML."


def write_html(
    path: Path, summary: Summary, cases: Sequence[Case], now: datetime, *, names: bool = False
) -> None:
    """Write the report as one file; parameters and errors are those of `summary_pdf.write_pdf`."""
    with border(_FAILED), path.open("w", encoding="utf-8", newline="\n") as stream:
        for part in _page(summary, cases, now, names=names):
            stream.write(part + "\n")


def _page(summary: Summary, cases: Sequence[Case], now: datetime, *, names: bool) -> Iterator[str]:
    """The file, part by part."""
    use = f'<p class="use">{escape(_(RESEARCH_USE))}. {escape(_(words.AI_GENERATED))}.</p>'
    tag = spoken().replace("_", "-")
    yield f'<!doctype html>\n<html lang="{tag}">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{escape(_(words.TITLE))}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>"
    yield f"<h1>{escape(_(words.TITLE))}</h1>\n{use}"
    yield "".join(f"<p>{escape(line)}</p>" for line in words.opening(summary, now))
    urgent = words.urgent(summary, names=names)
    if urgent.rows:
        yield _table(urgent)
    if cases:
        yield f"<h2>{escape(_(words.SHEET_TITLE))}</h2>"
        yield f'<p class="note">{escape(sentence(words.SHEET_NOTE))}</p>'
    for at, case in enumerate(cases, 1):
        yield _figure(at, case, names=names)
    for block in words.blocks(summary):
        yield _table(block)
        yield from map(_histogram, block.distributions)
    yield f"<footer>{use}</footer>\n</body>\n</html>"


def _table(block: words.Block) -> str:
    """A block with its title and note."""
    head = "".join(
        f'<th scope="col" style="width:{100 * width:.0f}%">{escape(cell)}</th>'
        for cell, width in zip(block.head, block.widths, strict=True)
    )
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
    )
    note = f'<p class="note">{escape(block.note)}</p>' if block.note else ""
    return (
        f"<h2>{escape(block.title)}</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>\n{note}"
    )


def _histogram(distribution: Distribution) -> str:
    """Bars over [0, 1] and a line at each operating point, as SVG with its words."""
    title = escape(words.distribution_title(distribution))
    parts = [f'<line x1="0" y1="{_TALL}" x2="{_WIDE}" y2="{_TALL}" stroke="#333"/>']
    for low, high, height, count in words.bars(distribution):
        tall = height * 0.85 * (_TALL - _BASE)
        left, wide = low * _WIDE + 1, (high - low) * _WIDE - 2
        parts.append(
            f'<rect x="{left:.1f}" y="{_TALL - tall:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}" fill="#6b7785"/>'
        )
        if count:
            parts.append(_label(left + wide / 2, _TALL - tall - 4, str(count)))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        anchor = "start" if tick == 0 else "end" if tick == 1 else "middle"
        parts.append(_label(tick * _WIDE, _TALL + 16, f"{tick:g}", anchor))
    for point in distribution.operating_points:
        at = f"{point * _WIDE:.1f}"
        parts.append(
            f'<line x1="{at}" y1="0" x2="{at}" y2="{_TALL}" stroke="#a04000" '
            'stroke-width="2" stroke-dasharray="6 4"/>'
        )
    drawing = "".join(parts)
    return (
        f"<figure><figcaption>{title}</figcaption>\n"
        f'<svg viewBox="0 0 {_WIDE} {_TALL + _BASE}" role="img" aria-label="{title}">{drawing}'
        "</svg></figure>"
    )


def _label(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" fill="#333">'
        f"{escape(text)}</text>"
    )


def _figure(at: int, case: Case, *, names: bool) -> str:
    """A case of the contact sheet: the original first, the overlay second."""
    title = escape(words.case_title(at, case, names=names))
    if case.pair is None:
        reason = escape(sentence(case.reason))
        return f"<figure><p>{title}</p><figcaption>{reason}</figcaption></figure>"
    original = _img(case.pair.original, _("Original image"))
    overlay = ""
    if case.pair.overlay is not None:
        overlay = _img(
            case.pair.overlay,
            _("AI-generated overlay: {method}").format(method=_(case.pair.method)),
        )
    return (
        f'<figure><p>{title}</p>\n<div class="pair">{original}\n{overlay}</div>\n'
        f"<figcaption>{escape(words.caption(case.pair))}</figcaption></figure>"
    )


def _img(png: bytes, alternative: str) -> str:
    data = b64encode(png).decode("ascii")
    return f'<img alt="{escape(alternative)}" src="data:image/png;base64,{data}">'
