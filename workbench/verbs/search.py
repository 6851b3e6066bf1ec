"""Verbs that find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.results.hit_batch import HitBatch
from workbench.results.hits import Hits
from workbench.values import Hit
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store.filters import Filter, Value

    Condition: TypeAlias = Filter | Mapping[str, Value] | None


class SearchVerbs(Verbs):
    """Search for one query or many, and for what is alike."""

    def search(
        self, query: str, k: int = 10, *, mode: str = "hybrid", where: Condition = None
    ) -> Hits:
        """The ``k`` best hits for ``query``; mode "hybrid", "keyword" or "vector".

        A query may be a plain question, or say more::

            "sick leave" +policy -draft     a phrase, must, must not
            name:handbook label:hr          part of the document's name, its label
            type:pdf heading:leave          kind of file, words of the heading
            page:[2 TO 5] size:>=1000       page of the passage, characters of the document
            ingested:>=2026-01-01           day, month or year; also [2026-01 TO 2026-03]
            author:smith amount:<500        any metadata key
            (sick OR annual) AND leave      operators in capitals

        Whatever is required holds for all modes. In a text that ends with a question mark only
        fields count; what does not parse is plain words.

        ``where`` limits the search to documents: ``{"label": "hr", "year": ["2025", "2026"]}``, or
        a tree of Where, AllOf, AnyOf and Not. It costs what the documents that are left cost.

        Raises:
            AccessDenied, UsageError, QueryError, ModelError, StoreError.
        """
        from workbench.store.filters import as_filter
        from workbench.tasks.retrieve import Lookup, require_question, search

        workbench = self._workbench
        with self._run(Action.SEARCH) as run:
            question = require_question(query, workbench.config.limits.max_question_chars)
            masked = workbench.masker.mask_text(question)
            lookup = Lookup(k, mode, as_filter(where))
            hits = search(run, workbench.corpus, workbench.models, [masked], lookup)[0]
            return Hits(masked, hits, run.id)

    def search_many(
        self,
        queries: Sequence[str] | pd.Series | pd.DataFrame,
        k: int = 10,
        *,
        mode: str = "hybrid",
        where: Condition = None,
    ) -> HitBatch:
        """The hits of many queries in one run: embedded in one batch, scored in one product.

        ``queries`` are texts, or a DataFrame with the column "query"; each as ``search`` takes it.
        ``.df()`` of the result has one row per hit.

        Raises:
            AccessDenied, UsageError, QueryError, ModelError, StoreError.
        """
        from workbench.store.filters import as_filter
        from workbench.tasks.retrieve import Lookup, require_question, search

        workbench = self._workbench
        with self._run(Action.SEARCH, "many") as run:
            limit = workbench.config.limits.max_question_chars
            texts = [require_question(text, limit) for text in _texts(queries)]
            masked = [workbench.masker.mask_text(text) for text in texts]
            lookup = Lookup(k, mode, as_filter(where))
            found = search(run, workbench.corpus, workbench.models, masked, lookup)
            results = (Hits(m, hits, run.id) for m, hits in zip(masked, found, strict=True))
            return HitBatch(tuple(results), run.id)

    def more_like(
        self, like: int | Hit, k: int = 10, *, mode: str = "hybrid", where: Condition = None
    ) -> Hits:
        """The ``k`` passages of other documents that are most like a document or a hit.

        Raises:
            AccessDenied, UsageError, QueryError, ModelError, StoreError.
        """
        from workbench.store.filters import as_filter
        from workbench.tasks.retrieve import Lookup, more_like

        workbench = self._workbench
        number = like.chunk.document_id if isinstance(like, Hit) else int(like)
        with self._run(Action.SEARCH, f"like document {number}") as run:
            lookup = Lookup(k, mode, as_filter(where))
            target = like if isinstance(like, Hit) else number
            hits = more_like(run, workbench.corpus, workbench.models, target, lookup)
            return Hits(f"like document {number}", hits, run.id)


def _texts(queries: Sequence[str] | pd.Series | pd.DataFrame) -> list[str]:
    from workbench.tasks.retrieve import MAX_QUERIES

    given: Any = queries
    if hasattr(given, "columns"):
        if "query" not in given.columns:
            raise UsageError(
                "the DataFrame has no column 'query'",
                value=", ".join(map(str, given.columns)),
                next_step='Rename the column that holds the queries to "query".',
            )
        given = given["query"]
    texts = [given] if isinstance(given, str) else list(given)
    if len(texts) > MAX_QUERIES:
        raise UsageError(
            "there are too many queries",
            value=f"{len(texts):,}",
            next_step=f"Search for up to {MAX_QUERIES:,} at once.",
        )
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(
                "a query is not a text",
                value=type(text).__name__,
                next_step="Give texts; drop the rows without one.",
            )
    return texts
