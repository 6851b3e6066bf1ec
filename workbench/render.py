"""How results look in a notebook and on a terminal. All text is escaped: sources are data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from workbench.values import Citation, Claim, Hit

_STYLE = (
    "font-family:system-ui,sans-serif;line-height:1.5;max-width:52rem;"
    "border-left:3px solid #4a6fa5;padding-left:.8rem"
)
_QUOTE = "margin:.2rem 0 .6rem 1.4rem;opacity:.9"
_UNSUPPORTED = "text-decoration:underline dotted #9a6700"
_BADGES = {
    "supported": ("#1d7a46", "Every statement is backed by a source"),
    "partial": ("#9a6700", "Some statements have no source"),
    "abstained": ("#6b7280", "Not in the sources"),
}
CONTEXT_CHARS = 160


def answer_html(status: str, text: str, claims: Sequence[Claim], model: str) -> str:
    """The answer with numbered citations, each a fold-out with the quoted words marked."""
    colour, meaning = _BADGES[status]
    citations = _numbered(claims)
    sentences = [_claim_html(claim, citations) for claim in claims] or [escape(text)]
    sources = "".join(
        f'<details style="{_QUOTE}"><summary>[{number}] {escape(where(citation))}</summary>'
        f"<mark>{_lines(citation.quote)}</mark></details>"
        for citation, number in citations.items()
    )
    return (
        f'<div style="{_STYLE}"><div><b style="color:{colour}">{escape(meaning)}</b>'
        f' <small style="opacity:.7">{escape(model)}</small></div>'
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
    """A list of hits with the query's words marked."""
    words = {word.casefold() for word in query.split() if len(word) > 2}
    items = "".join(
        f"<li><b>{escape(hit.document)}</b>{_page(hit.chunk.page)} "
        f'<small style="opacity:.7">{escape(hit.chunk.heading)}</small><br>'
        f"{_mark_words(hit.chunk.text, words)}</li>"
        for hit in hits
    )
    return f'<div style="{_STYLE}"><ol>{items or "<li>No hits</li>"}</ol></div>'


def hits_text(hits: Sequence[Hit]) -> str:
    """One hit in two lines: where, and the beginning of the words."""
    lines = []
    for rank, hit in enumerate(hits, start=1):
        page = f", page {hit.chunk.page}" if hit.chunk.page else ""
        lines.append(f"{rank}. {hit.document}{page}  {hit.chunk.heading}")
        lines.append(f"   {' '.join(hit.chunk.text.split())[:200]}")
    return "\n".join(lines) or "No hits."


def table_html(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str) -> str:
    """A plain table with escaped cells."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape('' if v is None else str(v))}</td>" for v in row) + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
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


def _mark_words(text: str, words: set[str]) -> str:
    shown = []
    for word in text.split():
        bare = word.strip(".,;:!?()[]\"'").casefold()
        shown.append(f"<mark>{escape(word)}</mark>" if bare in words else escape(word))
    return " ".join(shown)
