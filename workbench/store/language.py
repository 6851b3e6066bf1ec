"""The language of written queries, read by luqum's parser for Lucene's.

    sick leave                      plain words, as in a question
    "sick leave"  +leave  -draft    a phrase; must; must not
    name:handbook  label:hr         part of the document's name or uri:; the exact label
    type:pdf  heading:"sick leave"  media type or ending; words of the heading
    page:[2 TO 5]  size:>=1000      page of the chunk; characters of the document; also pages:, id:
    ingested:2026-01  ingested:>=2026-01-05  ingested:[2026-01-01 TO 2026-02-01]
    author:smith  amount:<500       any metadata key, also metadata.author:smith; number, date, text
    (sick OR annual) AND leave      AND, OR, NOT and parentheses

Only what is certainly meant as language is read as such. A name before a colon counts if it is a
field or a metadata key in scope; in a text that ends with a question mark nothing but fields
counts; AND, OR and NOT are words where all is in capitals. What does not parse is plain words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from luqum import tree as lucene
from luqum.exceptions import ParseError
from luqum.thread import parse as parse_lucene

from workbench.errors import QueryError
from workbench.store.filters import COLUMNS, METADATA, NUMBERS, AllOf, Filter, Not, fields_of
from workbench.store.language_fields import FIELDS, Bounds, field_match
from workbench.store.matching import Clauses, Documents, Match, Phrase, Words

MAX_CHARS = 10_000
"""A longer text is plain words: the parser's time grows with the square of the length."""

_MAX_DEPTH = 50
_PHRASE = re.compile(r'"[^"]*\w[^"]*"')
_SIGN = re.compile(r'(?<!\S)[+-](?=[^\W\d]|["(])')
_WORD_OPERATOR = re.compile(r"(?<!\S)(?:AND|OR|NOT)(?!\S)")
_FIELD = re.compile(r"(?<![^\s(])[+-]?([\w.-]+):(?=[^\s:/])")
_PLACEHOLDER = re.compile(r"<([A-Z][A-Z_]*_\d+)>")
_HIDDEN = re.compile("\ue000(.*?)\ue001")
_SIGNS = lucene.Plus | lucene.Prohibit | lucene.Not


@dataclass(frozen=True, slots=True)
class Parsed:
    """A written query. ``words`` are those to look for, without the language around them;
    ``match`` is None if nothing but ``words`` is looked for."""

    words: str
    where: Filter | None = None
    match: Match | None = None


class _TooDeep(Exception):
    """More levels than anybody writes."""


def parse(text: str, keys: Callable[[], Collection[str]]) -> Parsed:
    """Read a written, masked query. ``keys`` gives the metadata keys that may be named.

    Raises:
        QueryError: if a field of ours has a value that it cannot have, such as ``page:first``.
    """
    if len(text) > MAX_CHARS:
        return Parsed(text)
    known = _known_fields(text, keys)
    question = text.rstrip().endswith("?")
    if not known and (question or not _has_syntax(text)):
        return Parsed(text)
    tree = _tree(text)
    if tree is None:
        return Parsed(text)
    reader = _Reader(known, question=question, operators=any(map(str.islower, text)))
    try:
        return reader.parsed(tree)
    except (_TooDeep, RecursionError):
        return Parsed(text)


def _known_fields(text: str, keys: Callable[[], Collection[str]]) -> frozenset[str]:
    named = set(_FIELD.findall(text))
    known = {name for name in named if name in FIELDS or name.startswith(METADATA)}
    if named - known:
        known |= named & set(keys())
    return frozenset(known)


def _has_syntax(text: str) -> bool:
    return bool(
        _PHRASE.search(text)
        or _SIGN.search(text)
        or (_WORD_OPERATOR.search(text) and any(map(str.islower, text)))
    )


def _tree(text: str) -> Any:
    # The angle brackets of a placeholder would be comparisons.
    hidden = _PLACEHOLDER.sub("\ue000\\1\ue001", text)
    try:
        return parse_lucene(hidden)
    except (ParseError, ValueError, TypeError, ArithmeticError, RecursionError):
        return None


def _shown(text: str) -> str:
    return _HIDDEN.sub("<\\1>", text)


class _Reader:
    """Walks luqum's tree. ``words`` collects what to embed, in the order it was written."""

    def __init__(self, known: frozenset[str], *, question: bool, operators: bool) -> None:
        self._known = known
        self._question = question
        self._operators = operators
        self._words: list[str] = []
        self._depth = 0

    def parsed(self, tree: Any) -> Parsed:
        top = self._top(self._of(tree))
        documents = [part.where for part in top.must if isinstance(part, Documents)]
        documents += [Not(part.where) for part in top.must_not if isinstance(part, Documents)]
        where: Filter | None = AllOf(tuple(documents)) if documents else None
        rest = Clauses(_without(top.must), top.should, _without(top.must_not))
        words = " ".join(self._words)
        plain = not (rest.must or rest.must_not) and all(
            isinstance(part, Words) and part.part == "body" for part in rest.should
        )
        return Parsed(words, where, None if plain and words else rest)

    def _top(self, match: Match) -> Clauses:
        if isinstance(match, Clauses) and (match.must or match.must_not):
            return match
        optional = isinstance(match, Words) and not match.every
        return Clauses(should=(match,)) if optional else Clauses(must=(match,))

    def _of(self, node: Any) -> Match:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _TooDeep
        try:
            return self._read(node)
        finally:
            self._depth -= 1

    def _read(self, node: Any) -> Match:
        if isinstance(node, lucene.SearchField):
            return self._field(node)
        if isinstance(node, lucene.Group | lucene.Boost):
            return self._of(node.children[0])
        if isinstance(node, lucene.Phrase | lucene.Proximity):
            return self._phrase(node)
        if isinstance(node, lucene.OrOperation) and self._obeys(node):
            return Clauses(should=tuple(self._alternative(child) for child in node.children))
        if isinstance(node, lucene.BaseOperation | _SIGNS):
            return self._clauses(node)
        return self._plain(str(node))

    def _obeys(self, node: Any) -> bool:
        """Whether the operator is one, or only a word in capitals."""
        if self._question:
            return False
        written = isinstance(node, lucene.AndOperation | lucene.OrOperation | lucene.Not)
        return self._operators or not written

    def _clauses(self, node: Any) -> Match:
        children = [node] if isinstance(node, _SIGNS) else node.children
        every = isinstance(node, lucene.AndOperation) and self._obeys(node)
        must: list[Match] = []
        should: list[Match] = []
        must_not: list[Match] = []
        for child in children:
            if isinstance(child, lucene.Prohibit | lucene.Not) and self._excludes(child):
                must_not.append(self._excluded(child.children[0]))
                continue
            signed = isinstance(child, _SIGNS)
            match = self._of(child.children[0] if signed else child)
            required = every or (isinstance(child, lucene.Plus) and self._obeys(child))
            if required:
                must.append(_required(match))
            elif _optional(match):
                should.append(match)
            else:
                must.append(match)
        if not must and not must_not and all(isinstance(part, Words) for part in should):
            return Words(" ".join(part.text for part in should if isinstance(part, Words)))
        return Clauses(tuple(must), _merged(should), tuple(must_not))

    def _excludes(self, node: Any) -> bool:
        """A field is excluded even in a question."""
        inner = node.children[0]
        named = isinstance(inner, lucene.SearchField) and inner.name in self._known
        return self._obeys(node) or named

    def _alternative(self, node: Any) -> Match:
        match = self._of(node)
        return _required(match) if isinstance(match, Words) else match

    def _excluded(self, node: Any) -> Match:
        kept = list(self._words)
        match = _required(self._of(node))
        self._words = kept
        return match

    def _phrase(self, node: Any) -> Match:
        slop = 0
        if isinstance(node, lucene.Proximity):
            node, slop = node.term, int(node.degree)
        if not isinstance(node, lucene.Phrase):
            return self._of(node)
        text = _shown(node.value[1:-1])
        if self._question or not re.search(r"\w", text):
            return self._plain(text)
        self._words.append(text)
        return Phrase(text, slop=max(0, min(slop, 100)))

    def _plain(self, written: str) -> Words:
        text = _shown(written).strip()
        self._words.append(text)
        return Words(text)

    def _field(self, node: Any) -> Match:
        if node.name not in self._known or node.expr.head:
            return self._plain(str(node))
        return self._field_value(node.name, node.expr)

    def _field_value(self, name: str, node: Any) -> Match:
        if isinstance(node, lucene.BaseGroup | lucene.Boost | lucene.Plus):
            return self._nested(name, node.children[0])
        if isinstance(node, lucene.Prohibit | lucene.Not):
            return Clauses(must_not=(self._nested(name, node.children[0]),))
        if isinstance(node, lucene.BaseOperation):
            parts = tuple(self._nested(name, child) for child in node.children)
            every = isinstance(node, lucene.AndOperation)
            return Clauses(must=parts) if every else Clauses(should=parts)
        bounds = _bounds(node)
        if bounds is not None:
            return field_match(name, bounds)
        value = node.value[1:-1] if isinstance(node, lucene.Phrase) else str(node)
        text = _shown(value).strip()
        if name == "heading":
            self._words.append(text)
        return field_match(name, text, phrase=isinstance(node, lucene.Phrase))

    def _nested(self, name: str, node: Any) -> Match:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _TooDeep
        match = self._field_value(name, node)
        self._depth -= 1
        return match


def _bounds(node: Any) -> Bounds | None:
    if isinstance(node, lucene.Range):
        low, high = _end(node.low), _end(node.high)
        return Bounds(low, high, node.include_low, node.include_high)
    if isinstance(node, lucene.From):
        return Bounds(_end(node.a), None, node.include, True)
    if isinstance(node, lucene.To):
        return Bounds(None, _end(node.a), True, node.include)
    return None


def _end(node: Any) -> str | None:
    text = _shown(str(node)).strip().strip('"')
    return None if text in ("", "*") else text


def _required(match: Match) -> Match:
    return replace(match, every=True) if isinstance(match, Words) else match


def _optional(match: Match) -> bool:
    return isinstance(match, Words) and not match.every


def _merged(parts: list[Match]) -> tuple[Match, ...]:
    """Words one by one would count a repeated word less than a plain question does."""
    text = " ".join(part.text for part in parts if isinstance(part, Words))
    return (Words(text),) if text else ()


def _without(parts: tuple[Match, ...]) -> tuple[Match, ...]:
    return tuple(part for part in parts if not isinstance(part, Documents))


def require_known(where: Filter, keys: Collection[str]) -> None:
    """Raises QueryError if a condition names neither a column nor one of the metadata ``keys``."""
    known = {*COLUMNS, *NUMBERS}
    for name in sorted(fields_of(where)):
        key = name.removeprefix(METADATA)
        if name not in known and name not in keys and key not in keys:
            raise QueryError(
                "no document has this field",
                value=name,
                next_step=f"Use {', '.join(sorted(known))}, or a metadata key: "
                f"{', '.join(sorted(keys)[:20]) or 'there is none'}.",
            )
