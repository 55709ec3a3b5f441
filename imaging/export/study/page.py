"""The report as an HTML page that needs nothing else, and as the part of a page that is printed.

Every word is escaped, and the file's own policy (CSP) forbids a browser to load or run anything.
"""

from __future__ import annotations

from datetime import datetime
from html import escape

from imaging.entities import RESEARCH_USE
from imaging.export import report_words, wording
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.common import short
from imaging.export.report import Report, report_of
from imaging.export.report_words import Say, Section
from imaging.language import _, spoken

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
.lb-report { font: 11pt/1.4 system-ui, sans-serif; color: #111; background: #fff; }
.lb-report h1 { font-size: 1.45rem; margin: 0; } .lb-report h2 { font-size: 1.05rem;
  margin: 1rem 0 .25rem; break-after: avoid; color: #111; }
.lb-report p { margin: .15rem 0; white-space: pre-line; overflow-wrap: anywhere; }
.lb-report .use { font-weight: 600; border: 1px solid #8a4b00; background: #fff4e5;
  color: #5c3200; padding: .25rem .6rem; }
.lb-report table { border-collapse: collapse; width: 100%; }
.lb-report th, .lb-report td { text-align: left; vertical-align: top; color: #111;
  padding: .15rem .6rem .15rem 0; border: 0; border-bottom: 1px solid #ccc;
  white-space: pre-line; overflow-wrap: anywhere; }
.lb-report tr { break-inside: avoid; } .lb-report thead th { border-bottom: 2px solid #333; }
.lb-report tbody th { font-weight: 400; width: 25%; color: #444; }
.lb-report .sign { border-bottom: 1px solid #111; height: 14mm; width: 50%; }
""".strip()


def html_report(case: ExportCase, now: datetime) -> list[ExportedFile]:
    """Write the report as one HTML file, in UTF-8."""
    report = report_of(case)
    title = escape(_(report_words.WORDS["title"]))
    foot = [report_words.exported(now)]
    if case.anchor:
        foot.append(wording.anchor_line(case.anchor))
    text = (
        f'<!doctype html>\n<html lang="{spoken().replace("_", "-")}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>\nbody {{ max-width: 62rem; margin: 2rem auto; "
        f"padding: 0 1rem; background: #fff; }}\n{STYLE}\n</style>\n</head>\n<body>\n"
        f"{fragment(report)}\n<footer>{_paragraphs(foot)}</footer>\n</body>\n</html>\n"
    )
    name = f"html-{short(f'{case.record.study_instance_uid}/{report.version}')}.html"
    return [ExportedFile(name, text.encode())]


def fragment(report: Report, say: Say = _) -> str:
    """The report as part of a page: what the file, the preview and the printed page all show."""
    head = (
        f"<h1>{escape(say(report_words.WORDS['title']))}</h1>"
        f"{_paragraphs([report_words.status_line(report, say)])}"
        f'<p class="use">{escape(say(RESEARCH_USE))}</p>'
    )
    body = "\n".join(map(_section, report_words.sections(report, say)))
    return f'<article class="lb-report">{head}\n{body}</article>'


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    if section.rows:
        rows = (
            f'<tr><th scope="row">{escape(term)}</th><td>{escape(value)}</td></tr>'
            for term, value in section.rows
        )
        parts.append(f"<table><tbody>{''.join(rows)}</tbody></table>")
    if section.table:
        head, *rest = section.table
        titles = "".join(
            f'<th scope="col" style="width:{100 * width:.0f}%">{escape(cell)}</th>'
            for cell, width in zip(head, section.widths, strict=True)
        )
        cells = (
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rest
        )
        parts.append(
            f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(cells)}</tbody></table>"
        )
    parts.append(_paragraphs(section.lines))
    if section.key == "signature":
        parts.append('<div class="sign"></div>')
    return f"<section>{''.join(parts)}</section>"


def _paragraphs(lines: list[str] | tuple[str, ...]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)
