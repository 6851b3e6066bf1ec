"""Every chunk of every version -> vectors of another model, and one switch at the end."""

from __future__ import annotations

import time
from collections.abc import Callable

from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.results.reembedded import Reembedded
from workbench.store.corpus import Corpus
from workbench.store.records import EmbeddingInfo
from workbench.store.reembedding import Waiting
from workbench.tasks.ingest import embedded_text
from workbench.values import Chunk

PAGE_CHUNKS = 256
"""So many are lost when it is killed, and so long searches may have to wait for a write."""


def reembed(
    run: Run, models: Models, corpus: Corpus, *, progress: Callable[[int], None]
) -> Reembedded:
    """Change the corpus to the embedding model of the settings.

    Searches with the former model go on until the switch, and fail with EmbeddingMismatch after
    it. Documents that are ingested meanwhile are taken along. ``progress`` is told how many chunks
    are done.

    Raises:
        AccessDenied: if the run may not write or does not see everything.
        ModelError, StoreError, BudgetExceeded: if it cannot go on; a later one continues.
    """
    name = models.config.embedding
    digest = models.digest(name)
    started_s = time.monotonic()
    done, embedding = 0, EmbeddingInfo(name, digest, 0)
    while True:
        waiting = corpus.reembedding.waiting(run, embedding, limit=PAGE_CHUNKS)
        if waiting:
            vectors = models.embed(run, [_embedded(chunk) for chunk in waiting])
            embedding = EmbeddingInfo(name, digest, int(vectors.shape[1]))
            corpus.reembedding.keep(run, embedding, waiting, vectors)
            done += len(waiting)
            progress(done)
            continue
        if embedding.dim == 0:
            # A change that was complete when it was killed: the model tells its dimension.
            embedding = EmbeddingInfo(name, digest, int(models.embed(run, ["length"]).shape[1]))
        changed = corpus.reembedding.switch(run, embedding)
        if changed is not None:
            return Reembedded(name, done, changed, time.monotonic() - started_s, run.id)


def _embedded(chunk: Waiting) -> str:
    """The words that stood for the chunk when it came in."""
    if chunk.node is None:
        return embedded_text(Chunk(0, 0, len(chunk.text), chunk.text, heading=chunk.heading))
    from workbench.store.llama_nodes import embedded_content

    return embedded_content(chunk.node)
