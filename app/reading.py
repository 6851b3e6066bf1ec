"""Text of documents and models made safe and readable. Nothing here knows Streamlit."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from workbench import (
    Citation,
    Claim,
    Hit,
    IngestReport,
    MaskedDocument,
    PageBox,
    Sentence,
    Summary,
)
from workbench.errors import WorkbenchError
from workbench.render import highlight_html, merge_spans
from workbench.results import ItemStatus

PART_CHARS = 30_000
"""A document without pages is read in parts of about this size; a browser chokes on a book."""

_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")
_PLACEHOLDER = re.compile(r"<([A-Z][A-Z_]*)_(\d+)>")
_ESCAPED_PLACEHOLDER = re.compile(r"&lt;([A-Z][A-Z_]*)_(\d+)&gt;")
_HEADING = re.compile(r"^#{1,6} +(?=\S)")
_BOLD = re.compile(r"\*\*(?=\S)([^*<>]+)(?<=\S)\*\*")
# A quote may end within a link, so its closing bracket may be missing at the very end.
_LINK = re.compile(r"(?<!!)\[([^\[\]<>]+)\]\([^()<>]*(?:\)|\Z)")
_CODE = re.compile(r"`([^`]+)`")

_KINDS = {
    "application/json": "JSON",
    "application/jsonl": "JSON",
    "application/pdf": "PDF",
    "application/vnd.apache.parquet": "Parquet table",
    "application/vnd.oasis.opendocument.spreadsheet": "OpenDocument table",
    "application/vnd.oasis.opendocument.text": "OpenDocument text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "message/rfc822": "Email",
    "text/csv": "CSV table",
    "text/html": "Web page",
    "text/markdown": "Markdown",
    "text/plain": "Text",
}
_MASKED = {
    "PERSON": "Names of people",
    "EMAIL_ADDRESS": "Email addresses",
    "PHONE_NUMBER": "Phone numbers",
    "STREET_ADDRESS": "Street addresses",
    "CREDIT_CARD": "Card numbers",
    "IBAN_CODE": "Bank accounts (IBAN)",
    "US_SSN": "Social security numbers",
    "US_DRIVER_LICENSE": "Driver licences",
    "US_PASSPORT": "Passport numbers",
    "US_BANK_NUMBER": "Bank accounts (US)",
    "US_ITIN": "Taxpayer numbers",
    "UK_NHS": "NHS numbers",
    "IP_ADDRESS": "IP addresses",
    "CRYPTO": "Crypto wallets",
    "MEDICAL_LICENSE": "Medical licences",
    "SECRET": "Passwords and keys",
}


@dataclass(frozen=True, slots=True)
class Cited:
    """A place to open in the reader: spans of a document, and the ``claim`` that they carry."""

    document_id: int
    spans: tuple[tuple[int, int], ...] = ()
    claim: str = ""
    said_by: str = "The answer says"


@dataclass(frozen=True, slots=True)
class Part:
    """A page or a stretch of a document's text, ``start`` to ``end``."""

    start: int
    end: int


def kind(media_type: str) -> str:
    """A media type in a word."""
    return _KINDS.get(media_type, media_type.rpartition("/")[2] or "Other")


def masked_words(entity_type: str) -> str:
    """A type of personal data in words."""
    return _MASKED.get(entity_type, _readable_type(entity_type))


def readable(text: str) -> str:
    """Plain text with placeholders like <PERSON_17> in words."""
    return _PLACEHOLDER.sub(lambda m: f"{_readable_type(m[1])} {m[2]}", text)


def label(text: str) -> str:
    """Plain text for places that read Markdown: every mark is escaped, lines are joined."""
    return _MARKDOWN.sub(r"\\\1", " ".join(readable(text).split()))


def clipped(text: str, max_chars: int) -> str:
    """The beginning of ``text``, lines joined, cut between words where there are any."""
    joined = " ".join(text.split())
    if len(joined) <= max_chars:
        return joined
    cut = joined[: max_chars - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" .,;:") + "…"


def prose(text: str) -> str:
    """Plain text without Markdown's marks: headings, bold, and links as their words."""
    lines = (_HEADING.sub("", line) for line in text.split("\n"))
    return _LINK.sub(r"\1", _BOLD.sub(r"\1", "\n".join(lines)))


def safe(text: str) -> str:
    """Escaped HTML of ``text`` with its placeholders shown as small tags."""
    return _tagged(escape(text))


def counted(count: int, one: str) -> str:
    """A count with its noun: "1 page", "2,000 pages"."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Seconds in words; minutes from two on."""
    if seconds >= 120:
        return counted(round(seconds / 60), "minute")
    return "under a second" if seconds < 1 else counted(round(seconds), "second")


def written_in(seconds: float, first_words_s: float | None) -> str:
    """How long an answer took, and when its first words came where that was earlier."""
    took = duration(seconds)
    if first_words_s is None or duration(first_words_s) == took:
        return took
    return f"{took}, the first words after {duration(first_words_s)}"


def moment(utc: str) -> str:
    """A moment of UTC in the time of this machine, in words."""
    here = datetime.fromisoformat(utc).replace(tzinfo=UTC).astimezone()
    return f"{here:%d %b %Y, %H:%M}"


def parts(document: MaskedDocument) -> tuple[Part, ...]:
    """Its pages, or stretches that end at line ends; at least one."""
    if document.pages:
        return tuple(Part(page.start, page.end) for page in document.pages)
    text = document.text
    count = max(1, -(-len(text) // PART_CHARS))
    cuts = [0]
    for number in range(1, count):
        ideal = len(text) * number // count
        line_end = text.rfind("\n", cuts[-1], ideal) + 1
        cuts.append(line_end if line_end > cuts[-1] else ideal)
    return tuple(Part(start, end) for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True))


def part_of(found: Sequence[Part], offset: int) -> int:
    """The position of the part that holds ``offset``; the first if none does."""
    return next((i for i, part in enumerate(found) if part.start <= offset < part.end), 0)


def source_html(text: str, part: Part, spans: Sequence[tuple[int, int]]) -> str:
    """One part of a document, line by line, with the spans marked; offsets count in ``text``."""
    marked = merge_spans(spans)
    lines = []
    start = part.start
    for line in text[part.start : part.end].splitlines(keepends=True):
        shown = line.rstrip("\r\n")
        inside = [
            (max(0, first - start), min(len(shown), last - start))
            for first, last in marked
            if first < start + len(shown) and last > start
        ]
        lines.append(_line_html(shown, inside))
        start += len(line)
    return "".join(lines)


def page_html(png: bytes, boxes: Sequence[PageBox], title: str) -> str:
    """The picture of a page with its boxes marked; ``title`` says to a screen reader what it is."""
    # Known before the picture is there: marks are scrolled to at once.
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    marks = "".join(
        f'<mark style="left:{box.left:.2%};top:{box.top:.2%};'
        f'width:{box.right - box.left:.2%};height:{box.bottom - box.top:.2%}"></mark>'
        for box in boxes
    )
    return (
        f'<div class="wb-page"><img src="data:image/png;base64,{b64encode(png).decode()}" '
        f'width="{width}" height="{height}" alt="{escape(title)}">{marks}</div>'
    )


def answer_html(claims: Sequence[Claim], citations: Sequence[Citation]) -> str:
    """The sentences of an answer: numbers behind supported ones, a note behind the others."""
    numbers = {citation: number for number, citation in enumerate(citations, start=1)}
    sentences = []
    for claim in claims:
        if claim.supported:
            marks = "".join(f"<sup>[{numbers[citation]}]</sup>" for citation in claim.citations)
            sentences.append(safe(prose(claim.text)) + marks)
        else:
            sentences.append(
                f'<span class="wb-unsupported">{safe(prose(claim.text))}</span>'
                '<span class="wb-note">no source</span>'
            )
    return " ".join(sentences)


def summary_html(summary: Summary) -> str:
    """The sentences of a summary by section, each with its number behind it."""
    listed = summary.style in {"bullets", "timeline"}
    parts: list[str] = []
    section = ""
    for number, sentence in enumerate(summary.sentences, start=1):
        if sentence.section != section:
            section = sentence.section
            parts.append(f'<div class="wb-heading">{safe(section)}</div>')
        words = f"{safe(prose(sentence.text))}<sup>[{number}]</sup>"
        parts.append(f'<div class="wb-item">{words}</div>' if listed else f"{words} ")
    return "".join(parts)


def sentences_html(sentences: Sequence[Sentence]) -> str:
    """Checked sentences of a summary on its way, each with its document; others are not shown."""
    items = []
    for sentence in sentences:
        if sentence.holds:
            first = sentence.citations[0]
            place = safe(where(first.document, first.page))
            items.append(
                f'<div class="wb-item">{safe(prose(sentence.text))} '
                f'<span class="wb-muted wb-small">{place}</span></div>'
            )
    return "".join(items)


def where(document: str, page: int | None, heading: str = "") -> str:
    """A document's name with page and nearest heading, in words."""
    nearest = heading.rpartition(" > ")[2]
    return document + (f", page {page}" if page else "") + (f" · {nearest}" if nearest else "")


def hit_where(hit: Hit) -> str:
    """Where a passage stands."""
    return where(hit.document, hit.chunk.page, hit.chunk.heading)


def error_html(error: WorkbenchError) -> str:
    """An error: what happened, then what to do."""
    what = error.what[:1].upper() + error.what[1:]
    value = "" if error.value is None else f": {escape(clipped(str(error.value), 300))}"
    next_step = _CODE.sub(r"<code>\1</code>", escape(error.next_step))
    return (
        f'<div class="wb-error" role="alert"><p><strong>{escape(what)}{value}</strong></p>'
        f"<p>{next_step}</p></div>"
    )


def report_html(report: IngestReport) -> str:
    """What became of each file, those that failed first, with the reason."""
    words = {
        ItemStatus.ADDED: "added",
        ItemStatus.UPDATED: "updated",
        ItemStatus.UNCHANGED: "already there",
        ItemStatus.REMOVED: "removed",
        ItemStatus.FAILED: "not added",
    }
    rows = []
    for item in sorted(report.items, key=lambda item: item.status is not ItemStatus.FAILED):
        masked = f", {counted(item.masked, 'personal detail')} masked" if item.masked else ""
        told = escape(item.error) if item.error else f"{words[item.status]}{masked}"
        kind = " wb-failed" if item.error else ""
        rows.append(f'<li class="wb-file{kind}"><strong>{safe(item.name)}</strong> {told}</li>')
    return f'<ul class="wb-files">{"".join(rows)}</ul>'


def bars_html(counts: Mapping[str, int]) -> str:
    """Counts by name, largest first, each with a bar."""
    most = max(counts.values(), default=1)
    rows = "".join(
        f'<dt>{escape(name)}</dt><dd aria-hidden="true">'
        f'<div class="wb-bar" style="width:{max(2, 100 * count // most)}%"></div></dd>'
        f"<dd>{count:,}</dd>"
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return f'<dl class="wb-bars">{rows}</dl>'


def table_html(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain texts, which scrolls sideways where it is too wide."""
    head = "".join(f'<th scope="col">{safe(heading)}</th>' for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{safe(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        '<div class="wb-table" role="region" aria-label="Table" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _line_html(line: str, spans: Sequence[tuple[int, int]]) -> str:
    heading = _HEADING.match(line)
    if heading and not any(start < heading.end() for start, _ in spans):
        cut = heading.end()
        inner = highlight_html(line[cut:], [(start - cut, end - cut) for start, end in spans])
        return f'<div class="wb-heading">{_tagged(inner)}</div>'
    html = _BOLD.sub(r"<strong>\1</strong>", highlight_html(line, spans))
    html = _LINK.sub(r"<u>\1</u>", html)
    return f"<div>{_tagged(html)}</div>"


def _tagged(html: str) -> str:
    return _ESCAPED_PLACEHOLDER.sub(
        lambda m: (
            '<span class="wb-masked" title="A personal detail that was masked">'
            f"{_readable_type(m[1])} {m[2]}</span>"
        ),
        html,
    )


def _readable_type(entity_type: str) -> str:
    words = entity_type.split("_")
    short = {"US", "UK", "IP", "SSN", "IBAN", "ITIN", "NHS"}
    shown = [word if word in short else word.lower() for word in words]
    return shown[0][:1].upper() + " ".join(shown)[1:]
