"""How a summary looks: Markdown for reports, HTML with fold-out sources for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from workbench import render

if TYPE_CHECKING:
    from workbench.results.summary import Sentence, Summary
    from workbench.values import Citation

NOTHING = "The sources hold nothing that could be summarised."
NOTHING_ABOUT = "The sources say nothing about this"
NOTHING_USED = "No reply of the model about them could be used."
NOTHING_HELD = "The sources carry no sentence that the model wrote about them."

LISTED = frozenset({"bullets", "timeline"})
"""Styles with a line for each sentence; in the others sentences make a text."""

_MARKDOWN = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>#|"})


def coverage(summary: Summary) -> str:
    """What was read, what was taken out, in one line."""
    parts = [_read(summary)]
    if summary.chunks_lost:
        parts.append(
            f"{_count(summary.chunks_lost, 'passage')} lost to a broken reply of the model"
        )
    verdicts = [sentence.verdict.value for sentence in summary.sentences]
    if repaired := verdicts.count("repaired"):
        parts.append(f"{_count(repaired, 'sentence')} written anew after checking")
    if replaced := verdicts.count("replaced"):
        parts.append(f"{_count(replaced, 'sentence')} given in the source's own words")
    if summary.removed:
        parts.append(f"{_count(len(summary.removed), 'sentence')} removed for lack of a source")
    return "; ".join(parts) + "."


def _read(summary: Summary) -> str:
    documents = len(summary.documents)
    of = f" of {documents:,} documents" if documents > 1 else ""
    if summary.coverage == 1:
        return f"The model read all {_count(summary.chunks, 'passage')}{of}"
    share = f"{summary.coverage:.0%}" if summary.coverage >= 0.1 else f"{summary.coverage:.1%}"
    read = f"The model read {summary.chunks_read:,} of {summary.chunks:,} passages{of} ({share})"
    return f"{read}, chosen from a ranking of all" if summary.chunks_read else read


def plain(text: str) -> str:
    """The text with Markdown's marks escaped."""
    return text.translate(_MARKDOWN)


def markdown(summary: Summary, *, citations: bool) -> str:
    """The sentences by section; with ``citations`` numbered, and below them the quoted words and
    what was read and taken out."""
    numbers = _numbers(summary) if citations else {}
    blocks = [plain(words) for words in nothing(summary)]
    for section, sentences in sections(summary):
        if section:
            blocks.append(f"## {plain(section)}")
        shown = [_marked(sentence, numbers) for sentence in sentences]
        listed = summary.style in LISTED
        blocks.append("\n".join(f"- {line}" for line in shown) if listed else " ".join(shown))
    if numbers:
        blocks.append("\n".join(_source(citation, number) for citation, number in numbers.items()))
    if citations:
        blocks.append(coverage(summary))
    return "\n\n".join(blocks)


def html(summary: Summary) -> str:
    """The sentences with numbered sources that fold out, and what was taken out."""
    numbers = _numbers(summary)
    parts = [f"<p><b>{escape(summary.title)}</b><br><small>{escape(coverage(summary))}</small></p>"]
    parts.extend(f"<p>{escape(words)}</p>" for words in nothing(summary))
    for section, sentences in sections(summary):
        if section:
            parts.append(f"<h4>{escape(section)}</h4>")
        items = [_sentence_html(sentence, numbers) for sentence in sentences]
        if summary.style in LISTED:
            parts.append("<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>")
        else:
            parts.append(f"<p>{' '.join(items)}</p>")
    parts.extend(_source_html(citation, number) for citation, number in numbers.items())
    if summary.removed:
        removed = "".join(f"<li>{escape(s.draft or s.text)}</li>" for s in summary.removed)
        parts.append(
            f"<details><summary>Removed: no source carries it ({len(summary.removed)})</summary>"
            f"<ul>{removed}</ul></details>"
        )
    return f'<div style="{render.BOX_STYLE}">{"".join(parts)}</div>'


def page(title: str, body: str) -> str:
    """A page of its own around ``body``, which is HTML already. It loads nothing."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title></head><body>{body}</body></html>"
    )


def nothing(summary: Summary) -> list[str]:
    """What is said in place of the sentences, if there are none; plain text."""
    if summary.sentences:
        return []
    if summary.removed:
        return [NOTHING_HELD]
    if summary.focus and summary.chunks and not summary.chunks_lost:
        return [f"{NOTHING_ABOUT}: {summary.focus}"]
    return [NOTHING_USED if summary.chunks_lost else NOTHING]


def sections(summary: Summary) -> list[tuple[str, list[Sentence]]]:
    """The sentences in order, by the section they are about, which may have no name."""
    groups: list[tuple[str, list[Sentence]]] = []
    for sentence in summary.sentences:
        if not groups or groups[-1][0] != sentence.section:
            groups.append((sentence.section, []))
        groups[-1][1].append(sentence)
    return groups


def _numbers(summary: Summary) -> dict[Citation, int]:
    return {citation: number for number, citation in enumerate(summary.citations, start=1)}


def _marked(sentence: Sentence, numbers: dict[Citation, int]) -> str:
    marks = "".join(f" [{numbers[c]}]" for c in sentence.citations) if numbers else ""
    return plain(sentence.text) + marks


def _source(citation: Citation, number: int) -> str:
    quote = plain(" ".join(citation.quote.split()))
    return f"[{number}] {plain(render.where(citation))}: \u201c{quote}\u201d\n"


def _sentence_html(sentence: Sentence, numbers: dict[Citation, int]) -> str:
    marks = "".join(f"<sup>[{numbers[citation]}]</sup>" for citation in sentence.citations)
    told = f"Carried by its source with probability {sentence.support:.0%}"
    if sentence.verdict.value == "repaired":
        told = f"Written anew after checking. {told}"
    if sentence.verdict.value == "replaced":
        told = "The source's own words, in place of a sentence that it did not carry"
    return f'<span title="{escape(told)}">{escape(sentence.text)}</span>{marks}'


def _source_html(citation: Citation, number: int) -> str:
    return (
        f"<details><summary>[{number}] {escape(render.where(citation))}</summary>"
        f"<mark>{escape(citation.quote)}</mark></details>"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
