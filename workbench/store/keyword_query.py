"""From a tree of what is looked for to tantivy's queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import tantivy

from workbench.store.matching import Clauses, Match, Pages, Phrase, Similar, Words
from workbench.store.matching import Documents as DocumentsPart
from workbench.store.visible import DocumentIds

Documents: TypeAlias = Mapping[str, "DocumentIds | None"]
"""The ids of documents by the repr of the filter that chose them; None for all."""

_MAX_TERMS = 256
_MAX_RUNS = 64
"""Up to so many runs of consecutive ids, ranges are faster than the set of all ids."""

_SIMILAR_TERMS = 25
_MUST, _SHOULD, _MUST_NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
_LARGEST = 2**31 - 1


def build(
    index: tantivy.Index,
    analyser: tantivy.TextAnalyzer,
    match: Match,
    documents: Documents,
) -> tantivy.Query | None:
    """The query for ``match``; None if it holds nothing to look for, such as stop words alone."""
    return _Builder(index, analyser, documents).of(match)


def inside(schema: tantivy.Schema, ids: DocumentIds) -> tantivy.Query:
    """The chunks of these documents (ascending ids), without any score."""
    starts = np.flatnonzero(np.diff(ids, prepend=np.int32(-2)) != 1)
    if len(starts) > _MAX_RUNS:
        query = tantivy.Query.term_set_query(schema, "document_id", ids.tolist())
    else:
        ends = np.append(starts[1:], len(ids)) - 1
        query = tantivy.Query.boolean_query(
            [
                (_SHOULD, _between(schema, "document_id", int(ids[first]), int(ids[last])))
                for first, last in zip(starts, ends, strict=True)
            ]
        )
    return tantivy.Query.const_score_query(query, 0.0)


def _between(schema: tantivy.Schema, field: str, low: int, high: int) -> tantivy.Query:
    return tantivy.Query.range_query(schema, field, tantivy.FieldType.Integer, low, high)


class _Builder:
    def __init__(
        self, index: tantivy.Index, analyser: tantivy.TextAnalyzer, documents: Documents
    ) -> None:
        self._index = index
        self._analyser = analyser
        self._documents = documents

    def of(self, match: Match) -> tantivy.Query | None:
        if isinstance(match, Words):
            return self._words(match)
        if isinstance(match, Phrase):
            return self._phrase(match)
        if isinstance(match, Similar):
            return self._similar(match)
        if isinstance(match, Pages):
            return self._pages(match)
        if isinstance(match, DocumentsPart):
            return self._of_documents(self._documents[repr(match.where)])
        return self._clauses(match)

    def _words(self, words: Words) -> tantivy.Query | None:
        terms = Counter(self._analyser.analyze(words.text)).most_common(_MAX_TERMS)
        occur = _MUST if words.every else _SHOULD
        queries = [(occur, self._term(words.part, term, count)) for term, count in terms]
        return tantivy.Query.boolean_query(queries) if queries else None

    def _term(self, part: str, term: str, count: int) -> tantivy.Query:
        query = tantivy.Query.term_query(self._index.schema, part, term)
        return tantivy.Query.boost_query(query, count)

    def _phrase(self, phrase: Phrase) -> tantivy.Query | None:
        if len(self._analyser.analyze(phrase.text)) < 2:
            return self._words(Words(phrase.text, phrase.part, every=True))
        # tantivy's parser keeps the places of stop words; quotes and escapes are taken out, so
        # that nothing of its language is left in the text.
        text = phrase.text.replace("\\", " ").replace('"', " ")
        slop = f"~{phrase.slop:d}" if phrase.slop else ""
        return self._index.parse_query(f'"{text}"{slop}', [phrase.part])

    def _similar(self, similar: Similar) -> tantivy.Query | None:
        if not self._analyser.analyze(similar.text):
            return None
        return tantivy.Query.more_like_this_document_fields_query(
            self._index.schema,
            {"body": [similar.text]},
            min_doc_frequency=1,
            min_term_frequency=1,
            max_query_terms=_SIMILAR_TERMS,
        )

    def _pages(self, pages: Pages) -> tantivy.Query:
        first, last = pages.first or 0, _LARGEST if pages.last is None else pages.last
        if first > last:
            return tantivy.Query.empty_query()
        query = _between(self._index.schema, "page", first, last)
        return tantivy.Query.const_score_query(query, 0.0)

    def _of_documents(self, ids: DocumentIds | None) -> tantivy.Query:
        if ids is None:
            return self._everything()
        return inside(self._index.schema, ids) if ids.size else tantivy.Query.empty_query()

    def _everything(self) -> tantivy.Query:
        return tantivy.Query.const_score_query(tantivy.Query.all_query(), 0.0)

    def _clauses(self, clauses: Clauses) -> tantivy.Query | None:
        built = [
            (occur, query)
            for occur, parts in (
                (_MUST, clauses.must),
                (_SHOULD, clauses.should),
                (_MUST_NOT, clauses.must_not),
            )
            for query in map(self.of, parts)
            if query is not None
        ]
        required = any(occur is _MUST for occur, _ in built)
        # Conditions on documents alone, and words that are stop words, leave nothing to score.
        if not required and (clauses.must or clauses.must_not or not clauses.should):
            built.append((_MUST, self._everything()))
        if not built:
            return None
        return tantivy.Query.boolean_query(built)
