"""How results look in a notebook and on a terminal. All text is escaped: sources are data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from workbench.values import Citation, Claim, Hit

# Colours are translucent or of middle brightness, so that they suit light and dark pages alike.
BOX_STYLE = (
    "font-family:system-ui,sans-serif;line-height:1.5;max-width:52rem;"
    "border-left:3px solid #4a7fc1;padding-left:.8rem"
)
_QUOTE = "margin:.2rem 0 .6rem 1rem"
_FAINT = "opacity:.7"
_MARK = "background:rgba(255,200,0,.35);color:inherit;border-radius:2px"
_UNSUPPORTED = "text-decoration:underline dotted #c98500"
_BADGE = "color:#fff;border-radius:.6rem;padding:.1rem .6rem;font-size:85%"
_BADGES = {
    "supported": ("#1d7a46", "Every statement is backed by a source"),
    "partial": ("#9a6700", "Some statements have no source"),
    "abstained": ("#6b7280", "Not in the sources"),
}
_TABLE = "border-collapse:collapse;margin:.4rem 0"
_CAPTION = f"caption-side:top;text-align:left;padding:.2rem 0;{_FAINT}"
_CELL = (
    "padding:.25rem .7rem;vertical-align:top;border-bottom:1px solid rgba(128,128,128,.3);"
    "max-width:30rem;white-space:normal;overflow-wrap:anywhere"
)
SNIPPET_CHARS = 360
"""How much of a hit's text is shown in a list of hits."""

_LEAD_CHARS = 80
_MAX_STARTS = 200
_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    """
    about and any are can could did does for from get had has have her his how its may must not
    she should that the their them there they this was were what when where which who whom whose
    why will with would you your
    """.split()  # noqa: SIM905
)


def answer_html(status: str, text: str, claims: Sequence[Claim], model: str) -> str:
    """The answer with numbered citations, each a fold-out with the quoted words marked."""
    colour, meaning = _BADGES[status]
    citations = _numbered(claims)
    sentences = [_claim_html(claim, citations) for claim in claims] or [escape(text)]
    sources = "".join(
        f'<details open style="{_QUOTE}">'
        f'<summary style="{_FAINT}">[{number}] {escape(where(citation))}</summary>'
        f'<mark style="{_MARK}">{_lines(citation.quote)}</mark></details>'
        for citation, number in citations.items()
    )
    return (
        f'<div style="{BOX_STYLE}"><div>'
        f'<span style="{_BADGE};background:{colour}">{escape(meaning)}</span>'
        f' <small style="{_FAINT}">{escape(model)}</small></div>'
        f"<p>{' '.join(sentences)}</p>{sources}</div>"
    )


def answer_text(status: str, text: str, claims: Sequence[Claim]) -> str:
    """The answer for a terminal, citations below it."""
    citations = _numbered(claims)
    lines = [text, "", f"({_BADGES[status][1]})"]
    for citation, number in citations.items():
        lines.append(f"[{number}] {where(citation)}")
        lines.append(f"    “{' '.join(citation.quote.split())}”")
    return "\n".join(lines)


def hits_html(query: str, hits: Sequence[Hit]) -> str:
    """A list of hits, each as the part of its text that has most of the query's words, marked."""
    words = {word.casefold() for word in _WORD.findall(query) if len(word) > 2} - _COMMON
    items = "".join(
        f'<li style="margin-bottom:.5rem"><b>{escape(hit.document)}</b>{_page(hit.chunk.page)} '
        f'<small style="{_FAINT}">{escape(hit.chunk.heading)}{_found_by(hit)}</small><br>'
        f"{_snippet(hit.chunk.text, words)}</li>"
        for hit in hits
    )
    return f'<div style="{BOX_STYLE}"><ol>{items or "<li>No hits</li>"}</ol></div>'


def hits_text(hits: Sequence[Hit]) -> str:
    """One hit in two lines: where, and the beginning of the words."""
    lines = []
    for rank, hit in enumerate(hits, start=1):
        page = f", page {hit.chunk.page}" if hit.chunk.page else ""
        lines.append(f"{rank}. {hit.document}{page}  {hit.chunk.heading}")
        lines.append(f"   {' '.join(hit.chunk.text.split())[:200]}")
    return "\n".join(lines) or "No hits."


def table_html(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> str:
    """A plain table with escaped cells, numbers to the right."""
    head = "".join(f'<th style="{_CELL};text-align:left">{escape(name)}</th>' for name in columns)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return (
        f'<table style="{_TABLE}"><caption style="{_CAPTION}">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def highlight_html(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The whole ``text`` escaped, with the (start, end) spans marked; overlaps are merged."""
    parts, cursor = [], 0
    for start, end in merge_spans(spans):
        parts.append(escape(text[cursor:start]))
        parts.append(f"<mark>{escape(text[start:end])}</mark>")
        cursor = end
    parts.append(escape(text[cursor:]))
    return "".join(parts)


def merge_spans(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted spans without overlaps."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def where(citation: Citation) -> str:
    """Document and page in words."""
    page = f", page {citation.page}" if citation.page else ""
    return f"{citation.document}{page}, characters {citation.start:,} to {citation.end:,}"


def _numbered(claims: Sequence[Claim]) -> dict[Citation, int]:
    found = dict.fromkeys(citation for claim in claims for citation in claim.citations)
    return {citation: number for number, citation in enumerate(found, start=1)}


def _claim_html(claim: Claim, numbers: dict[Citation, int]) -> str:
    if not claim.supported:
        return f'<span style="{_UNSUPPORTED}" title="no source">{escape(claim.text)}</span>'
    marks = "".join(f"<sup>[{numbers[citation]}]</sup>" for citation in claim.citations)
    return f"{escape(claim.text)}{marks}"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _page(page: int | None) -> str:
    return f", page {page}" if page else ""


def _cell(value: object) -> str:
    side = "right" if isinstance(value, int | float) else "left"
    shown = f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
    return f'<td style="{_CELL};text-align:{side}">{escape(shown)}</td>'


def _found_by(hit: Hit) -> str:
    ranks = (("words", hit.keyword_rank), ("meaning", hit.vector_rank))
    found = " and ".join(f"{way} #{rank}" for way, rank in ranks if rank is not None)
    return f" · by {found}" if found else ""


def _snippet(text: str, words: set[str]) -> str:
    """At most SNIPPET_CHARS of the text on one line, where most different ``words`` stand."""
    line = " ".join(text.split())
    found = [m for m in _WORD.finditer(line) if m.group().casefold() in words]
    start = max(0, _richest(found) - _LEAD_CHARS)
    if len(line) - start < SNIPPET_CHARS:
        start = max(0, len(line) - SNIPPET_CHARS)
    if start:
        start = line.find(" ", start) + 1
    end = min(len(line), start + SNIPPET_CHARS)
    parts, cursor = ["… " if start else ""], start
    for match in found:
        if cursor <= match.start() and match.end() <= end:
            parts.append(escape(line[cursor : match.start()]))
            parts.append(f'<mark style="{_MARK}">{escape(match.group())}</mark>')
            cursor = match.end()
    parts.extend([escape(line[cursor:end]), " …" if end < len(line) else ""])
    return "".join(parts)


def _richest(found: Sequence[re.Match[str]]) -> int:
    """Where to begin, so that most different words follow within a snippet; 0 without words."""

    def words_after(first: re.Match[str]) -> int:
        last = first.start() + SNIPPET_CHARS - _LEAD_CHARS
        return len({m.group().casefold() for m in starts if first.start() <= m.start() < last})

    starts = found[:_MAX_STARTS]
    return max(starts, key=words_after).start() if starts else 0
