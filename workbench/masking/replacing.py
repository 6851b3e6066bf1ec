"""Texts with spans -> texts with placeholders, and a document made of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.masking.fields import PLAIN_FIELD
from workbench.masking.names import Names
from workbench.masking.placeholders import escape, normalise
from workbench.masking.spans import Span
from workbench.values import Document, MaskedDocument, Page

NAME = 1
"""Where a document's name stands among its texts."""


@dataclass(slots=True)
class Replacement:
    """One text with its spans replaced; ``moves`` maps old offsets to new ones."""

    text: str
    counts: Counter[str] = field(default_factory=Counter)
    moves: list[tuple[int, int, int]] = field(default_factory=list)

    def moved(self, offset: int) -> int:
        shift = 0
        for start, end, new_end in self.moves:
            if offset <= start:
                break
            if offset < end:
                # A page that ends inside a value ends behind its placeholder.
                return new_end
            shift = new_end - end
        return offset + shift


@dataclass(frozen=True, slots=True)
class Read:
    """Texts that belong together, and what was found in each."""

    texts: Sequence[str]
    spans: Sequence[Sequence[Span]]
    names: Names | None
    label: str | None


def texts_of(document: Document) -> list[str]:
    """All texts of a document: its text, its name, its fields' values, and those of their keys
    that may hold more than a word."""
    fields = document.metadata
    unsure = [key for key in fields if not PLAIN_FIELD.fullmatch(key)]
    return [escape(text) for text in (document.text, document.name, *fields.values(), *unsure)]


def masked_document(document: Document, parts: Sequence[Replacement]) -> MaskedDocument:
    """A document with the replacements of its ``texts_of``."""
    keys = list(document.metadata)
    unsure = [key for key in keys if not PLAIN_FIELD.fullmatch(key)]
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
    body, name, *rest = parts
    shown = dict(zip(unsure, rest[len(keys) :], strict=True))
    return MaskedDocument(
        uri=document.uri,
        name=name.text,
        media_type=document.media_type,
        content_hash=document.content_hash,
        text=body.text,
        label=document.label,
        pages=tuple(
            Page(page.number, body.moved(page.start), body.moved(page.end))
            for page in document.pages
        ),
        metadata={
            shown[key].text if key in shown else key: part.text
            for key, part in zip(keys, rest, strict=False)
        },
        masked=dict(sorted(counts.items())),
    )


def values_of(
    read: Sequence[Read],
    keys: Sequence[Sequence[Sequence[tuple[str, str]]]],
    numbers: Mapping[tuple[str, str], int],
) -> dict[tuple[str, int], str]:
    """What each placeholder stands for: its fullest spelling, of these the most frequent.

    Who was forgotten has the number 0 and no value; what is hashed or dropped has no number.
    """
    spelled: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for own, own_keys in zip(read, keys, strict=True):
        for text, spans, of_text in zip(own.texts, own.spans, own_keys, strict=True):
            for span, key in zip(spans, of_text, strict=True):
                spelling = " ".join(text[span.start : span.end].split())
                spelled[key[0], numbers.get(key, 0)][spelling] += 1
    return {
        shown: max(counts, key=lambda value: (len(normalise(shown[0], value)), counts[value]))
        for shown, counts in spelled.items()
        if shown[1]
    }


def replaced(text: str, spans: Sequence[Span], shown: Sequence[str]) -> Replacement:
    """``text`` with what is shown in place of each of its disjoint spans, in order."""
    pieces: list[str] = []
    result = Replacement("")
    done = length = 0
    for span, instead in zip(spans, shown, strict=True):
        pieces += [text[done : span.start], instead]
        length += span.start - done + len(instead)
        result.moves.append((span.start, span.end, length))
        result.counts[span.type] += 1
        done = span.end
    result.text = "".join([*pieces, text[done:]])
    return result
