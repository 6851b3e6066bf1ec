"""An extraction as HTML: a table of values; a click on a value marks its words in the source.

No script is needed: a value is a link to its mark, and the mark that is linked to stands out. All
text is escaped: sources are data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.values import Field, FieldStatus, Record

if TYPE_CHECKING:
    from workbench.results.extraction import Excerpt, Extraction

NOTEBOOK_RECORDS = 20
"""So many records are shown in a notebook; the page of ``to_html`` shows all."""

MAX_PAGE_CHARS = 20_000
"""Longer texts of one record are cut in the view; offsets and exports are not."""

_CSS = """
.wbx{font-family:system-ui,sans-serif;line-height:1.45}
.wbx .wide{overflow-x:auto}
.wbx table{border-collapse:collapse;margin:.4rem 0}
.wbx th,.wbx td{padding:.25rem .7rem;vertical-align:top;text-align:left;max-width:26rem;
 border-bottom:1px solid rgba(128,128,128,.3);overflow-wrap:anywhere;white-space:normal}
.wbx td.n{text-align:right;font-variant-numeric:tabular-nums}
.wbx a{color:inherit;text-decoration:underline;text-decoration-color:#4a7fc1}
.wbx .inferred{font-style:italic}
.wbx .missing{opacity:.6}
.wbx .invalid{border-left:3px solid #c0392b}
.wbx details{margin:.4rem 0;border-left:3px solid #4a7fc1;padding-left:.8rem}
.wbx pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:22rem;overflow-y:auto;
 margin:.3rem 0}
.wbx mark{background:rgba(255,200,0,.35);color:inherit;border-radius:2px}
.wbx mark:target{background:#ffb000;color:#000;outline:2px solid #b36b00}
.wbx small{opacity:.7}
"""


def html(extraction: Extraction) -> str:
    """The notebook's view: the first records with their sources."""
    shown = extraction.records[:NOTEBOOK_RECORDS]
    more = len(extraction) - len(shown)
    note = f"<p><small>{more:,} more records: see df() or to_html()</small></p>" if more else ""
    return f'<div class="wbx"><style>{_CSS}</style>{_body(extraction, shown)}{note}</div>'


def page(extraction: Extraction) -> str:
    """A whole page with all records."""
    title = escape(f"{extraction.schema.get('name', 'extraction')}: {len(extraction)} records")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>body{{margin:1.5rem}}{_CSS}</style></head>"
        f'<body><main class="wbx"><h1>{title}</h1>{_body(extraction, extraction.records)}'
        "</main></body></html>\n"
    )


def _body(extraction: Extraction, records: Sequence[Record]) -> str:
    key = f"wb{extraction.run_id[:8]}"
    columns = list(dict.fromkeys(f.name for record in records for f in record.fields))
    head = "".join(f"<th>{escape(name)}</th>" for name in ["document", *columns])
    rows = "".join(
        _row(record, columns, f"{key}-{number}", extraction.kinds)
        for number, record in enumerate(records)
    )
    sources = "".join(
        _source(record, extraction.excerpts.get(record.document_id, ()), f"{key}-{number}")
        for number, record in enumerate(records)
    )
    summary = f"{escape(str(extraction))} <small>{escape(extraction.model)}</small>"
    return (
        f'<p>{summary}</p><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{sources}"
    )


def _row(record: Record, columns: Sequence[str], key: str, kinds: Mapping[str, str]) -> str:
    by_name = {f.name: f for f in record.fields}
    number = f" <small>#{record.ordinal + 1}</small>" if record.ordinal else ""
    problem = f"<br><small>{escape(record.problem)}</small>" if record.problem else ""
    cells = [f"<td>{escape(record.document)}{number}{problem}</td>"]
    for name in columns:
        found = by_name.get(name)
        cells.append(_cell(found, f"{key}-{name}", kinds) if found else "<td></td>")
    return f"<tr>{''.join(cells)}</tr>"


def _cell(found: Field, key: str, kinds: Mapping[str, str]) -> str:
    hint = found.problem or found.status.value
    if found.confidence is not None:
        hint += f", confidence {found.confidence:.0%}"
    style = found.status.value
    if kinds.get(found.name) in {"number", "money"}:
        style += " n"
    shown = _shown(found)
    if found.start is not None:
        shown = f'<a href="#{escape(key)}">{shown}</a>'
    return f'<td class="{style}" title="{escape(hint)}">{shown}</td>'


def _shown(found: Field) -> str:
    if found.status is FieldStatus.INVALID:
        return f"<s>{escape(found.raw[:120])}</s>"
    if found.value is None:
        return "–"  # noqa: RUF001
    return escape(f"{found.unit} {found.value}" if found.unit else str(found.value))


def _source(record: Record, excerpts: Sequence[Excerpt], key: str) -> str:
    marks = [
        (f.start, f.end, f"{key}-{f.name}", f.name)
        for f in record.fields
        if f.start is not None and f.end is not None
    ]
    if not marks:
        return ""
    parts = [_marked(excerpt, marks) for excerpt in excerpts]
    pages = sorted({f.page for f in record.fields if f.page is not None})
    where = f", page {', '.join(map(str, pages))}" if pages else ""
    return (
        f"<details open><summary>{escape(record.document)}{where}</summary>"
        f"<pre>{'<br>[...]<br>'.join(parts)}</pre></details>"
    )


def _marked(excerpt: Excerpt, marks: Sequence[tuple[int, int, str, str]]) -> str:
    """The excerpt escaped, each span in a mark with its id; of overlapping spans, pieces."""
    text, base = excerpt.text[:MAX_PAGE_CHARS], excerpt.start
    end = base + len(text)
    inside = [m for m in marks if m[0] < end and base < m[1]]
    cuts = sorted({base, end, *(min(max(cut, base), end) for m in inside for cut in m[:2])})
    named: set[str] = set()
    parts: list[str] = []
    for start, stop in pairwise(cuts):
        piece = escape(text[start - base : stop - base])
        for mark in inside:
            if mark[0] <= start and stop <= mark[1]:
                # An id stands once in a page: at the first piece of its span.
                name = "" if mark[2] in named else f' id="{escape(mark[2])}"'
                named.add(mark[2])
                piece = f'<mark{name} title="{escape(mark[3])}">{piece}</mark>'
        parts.append(piece)
    return "".join(parts)
