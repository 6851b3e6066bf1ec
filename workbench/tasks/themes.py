"""What a collection is about: documents grouped by likeness, a cited summary of each group, a map.

Works on one vector and one passage per document, so that it costs what the number of documents
costs, however long they are; only the summaries read whole documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from workbench.errors import InvalidReply, UsageError
from workbench.guard.run import Run
from workbench.results.corpus_map import CorpusMap, MapPoint
from workbench.results.summary import SummaryProgress
from workbench.results.themes import Theme, Themes
from workbench.store.corpus import Corpus
from workbench.tasks.attribute import cite_sentences, content_words
from workbench.tasks.clustering import MAX_THEMES, cluster, project, telling_words
from workbench.tasks.summarise import Brief, SummariseRooms, finished, lost_summary, summarise
from workbench.values import Citation, Hit

_THEME_WORDS = 4
_MIN_WORDS = 5
_MAX_CHARS = 320


def map_corpus(
    run: Run, corpus: Corpus, document_ids: Sequence[int], *, count: int | None = None
) -> CorpusMap:
    """The documents as points, alike near alike, with their themes; ``count`` fixes how many.

    Raises:
        UsageError: if ``count`` is out of range.
        EmbeddingMismatch, StoreError.
    """
    if count is not None and not 1 <= count <= MAX_THEMES:
        raise UsageError(
            "the number of themes is out of range",
            value=count,
            next_step=f"Ask for 1 to {MAX_THEMES}, or leave it out.",
        )
    read = corpus.passages.central(run, document_ids)
    if not read.hits:
        return CorpusMap((), "line", (), run.id)
    groups = cluster(read.vectors, count)
    places, method = project(read.vectors)
    texts = [f"{hit.chunk.heading}\n{hit.chunk.text}" for hit in read.hits]
    words = telling_words(texts, groups, _THEME_WORDS)
    centres = np.stack([read.vectors[groups == each].mean(axis=0) for each in range(len(words))])
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    likeness = np.einsum("ij,ij->i", read.vectors, centres[groups])
    points = tuple(
        MapPoint(
            document_id=hit.chunk.document_id,
            document=hit.document,
            x=float(places[row][0]),
            y=float(places[row][1]),
            theme=int(groups[row]),
            likeness=float(likeness[row]),
            says=_says(hit),
        )
        for row, hit in enumerate(read.hits)
    )
    return CorpusMap(points, method, tuple(" · ".join(each) for each in words), run.id)


def find_themes(
    run: Run,
    rooms: SummariseRooms,
    corpus_map: CorpusMap,
    brief: Brief,
    *,
    progress: Callable[[SummaryProgress], None],
) -> Themes:
    """A cited summary for each theme of the map, as ``brief`` wants it.

    Raises:
        UsageError, ModelError, StoreError, BudgetExceeded.
    """
    themes = []
    for number, title in enumerate(corpus_map.themes):
        progress(SummaryProgress(number, len(corpus_map.themes)))
        points = [point for point in corpus_map.points if point.theme == number]
        ids = [point.document_id for point in sorted(points, key=lambda point: -point.likeness)]
        named = replace(brief, title=title or brief.title)
        before = run.meter.usage
        try:
            summary = finished(summarise(run, rooms, ids, named))
        except InvalidReply:  # of one theme; the others stand
            summary = lost_summary(run, rooms, ids, named)
        own = replace(summary, usage=run.meter.usage - before)
        themes.append(Theme(number, title, tuple(ids), own))
    progress(SummaryProgress(len(themes), len(themes)))
    return Themes(tuple(themes), corpus_map, run.id)


def _says(hit: Hit) -> Citation | None:
    """The first whole sentence of the passage that says something."""
    for citation in cite_sentences(hit):
        if len(citation.quote) <= _MAX_CHARS and len(content_words(citation.quote)) >= _MIN_WORDS:
            return citation
    return None
