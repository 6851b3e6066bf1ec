"""Retrieval quality of keyword, vector and hybrid search on a labelled collection.

    python -m benchmarks.retrieval --data DIR --out FILE.json

DIR holds docs.jsonl (id, title, text), queries.jsonl (id, text) and qrels.tsv (query_id, doc_id,
grade). The collection goes through the real corpus and the real embedding model. Each document is
one chunk, its title the chunk's heading; a longer document would count by its best chunk.

With ``--among FILE.npy`` (rows of ``benchmarks.search_vectors``) these vectors lie in the corpus as
well, nothing is judged for them, and a search by vectors is compared with the exact order of all.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from workbench.config import ModelsConfig
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard, Run
from workbench.models.governed import Models
from workbench.models.server import connect
from workbench.store.corpus import Corpus
from workbench.store.records import EmbeddingInfo, Mode, SearchQuery, Vectors
from workbench.values import Actor, Chunk, MaskedDocument, Scope

DEPTH = 100
MEASURES = {"nDCG@10": nDCG @ 10, "recall@100": R @ 100, "MRR": RR}
SYSTEMS: Mapping[str, Mode] = {"bm25": "keyword", "vectors": "vector", "hybrid": "hybrid"}
LABEL = "benchmark"


@dataclass(frozen=True, slots=True)
class Collection:
    """A labelled collection. ``judged`` maps query id to document id to grade."""

    documents: tuple[tuple[str, str, str], ...]
    queries: tuple[tuple[str, str], ...]
    judged: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Row:
    """One system's scores, and the median seconds of a search without embedding the question."""

    system: str
    scores: Mapping[str, float]
    median_s: float


def load(folder: Path) -> Collection:
    """Read a collection; one without text is found by its title, without either it is left out."""
    documents = []
    for row in _rows(folder / "docs.jsonl"):
        title = row.get("title") or ""
        # What has a title only is found by it.
        text = row.get("text") or ""
        if text.strip() or title.strip():
            documents.append((str(row["id"]), title, text if text.strip() else title))
    judged: dict[str, dict[str, int]] = {}
    with (folder / "qrels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            judged.setdefault(row["query_id"], {})[row["doc_id"]] = int(row["grade"])
    queries = [
        (str(row["id"]), row["text"])
        for row in _rows(folder / "queries.jsonl")
        if str(row["id"]) in judged
    ]
    return Collection(tuple(documents), tuple(queries), judged)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    # By line feeds only: a JSON string may hold what str.splitlines also takes for a line end.
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def fill(run: Run, corpus: Corpus, models: Models, collection: Collection) -> Vectors:
    """Store the collection as one document whose chunks are the collection's documents. Returns
    their vectors."""
    chunks, start = [], 0
    for ordinal, (_, title, text) in enumerate(collection.documents):
        chunks.append(Chunk(ordinal, start, start + len(text), text, heading=title))
        start += len(text) + 1
    texts = [f"{c.heading}\n{c.text}" if c.heading else c.text for c in chunks]
    vectors = models.embed(run, texts)
    name = models.config.embedding
    corpus.put(
        run,
        MaskedDocument(
            uri="benchmark:collection",
            name="collection",
            media_type="text/plain",
            content_hash="",
            text="\n".join(text for _, _, text in collection.documents),
            label=LABEL,
        ),
        chunks,
        vectors=vectors,
        fingerprint="",
        embedding=EmbeddingInfo(name, models.digest(name), vectors.shape[1]),
    )
    return vectors


def fill_among(run: Run, corpus: Corpus, models: Models, rows: Vectors) -> None:
    """Store vectors as chunks of a document without words."""
    name = models.config.embedding
    document = MaskedDocument(
        "benchmark:others", "others", "text/plain", "", "." * len(rows), LABEL
    )
    corpus.put(
        run,
        document,
        [Chunk(at, at, at + 1, ".") for at in range(len(rows))],
        vectors=rows,
        fingerprint="",
        embedding=EmbeddingInfo(name, models.digest(name), rows.shape[1]),
    )


def compare(
    run: Run,
    corpus: Corpus,
    models: Models,
    collection: Collection,
    stored: tuple[Vectors, Vectors],
) -> Iterator[Row]:
    """The order of a search by vectors, and the exact one, over the collection and others."""
    questions: Vectors = models.embed(run, [text for _, text in collection.queries])
    digest = models.digest(models.config.embedding)
    count = len(stored[0])
    scores = questions @ np.concatenate(stored).T
    exact = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    found = []
    seconds = []
    for vector in questions:
        started_s = time.perf_counter()
        query = SearchQuery("", vector, k=DEPTH, mode="vector", embedding=digest)
        hits = corpus.search(run, query)
        seconds.append(time.perf_counter() - started_s)
        found.append([h.chunk.ordinal + count * (h.document == "others") for h in hits])
    near = [
        len({*mine[:10]} & {*true[:10]}) / 10
        for mine, true in zip(found, exact.tolist(), strict=True)
    ]
    for system, order in (("vectors", found), ("exact", exact.tolist())):
        ranking = {
            query_id: {
                collection.documents[at][0]: -float(rank)
                for rank, at in enumerate(row)
                if at < count
            }
            for (query_id, _), row in zip(collection.queries, order, strict=True)
        }
        recall = float(np.mean(near)) if system == "vectors" else 1.0
        scored = {**_scores(collection, ranking), "of exact 10": round(recall, 4)}
        yield Row(system, scored, float(np.median(seconds)) if system == "vectors" else 0.0)


def _scores(collection: Collection, ranking: dict[str, dict[str, float]]) -> dict[str, float]:
    found = ir_measures.calc_aggregate(MEASURES.values(), collection.judged, ranking)
    return {name: round(float(found[m]), 4) for name, m in MEASURES.items()}


def measure(run: Run, corpus: Corpus, models: Models, collection: Collection) -> Iterator[Row]:
    """Search every judged query with every system and score the rankings."""
    vectors: Vectors = models.embed(run, [text for _, text in collection.queries])
    digest = models.digest(models.config.embedding)
    for system, mode in SYSTEMS.items():
        ranking: dict[str, dict[str, float]] = {}
        seconds = []
        for (query_id, text), vector in zip(collection.queries, vectors, strict=True):
            started_s = time.perf_counter()
            hits = corpus.search(
                run, SearchQuery(text, vector, k=DEPTH, mode=mode, embedding=digest)
            )
            seconds.append(time.perf_counter() - started_s)
            scores: dict[str, float] = {}
            for rank, hit in enumerate(hits):
                scores.setdefault(collection.documents[hit.chunk.ordinal][0], -float(rank))
            ranking[query_id] = scores
        yield Row(system, _scores(collection, ranking), sorted(seconds)[len(seconds) // 2])


def table(rows: list[Row]) -> str:
    """The figures for a terminal."""
    names = list(rows[0].scores)
    lines = ["".join(f"{head:>12}" for head in ("system", *names, "median ms"))]
    for row in rows:
        cells = [row.system, *(f"{row.scores[name]:.4f}" for name in names)]
        lines.append("".join(f"{cell:>12}" for cell in (*cells, f"{row.median_s * 1000:.1f}")))
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the collection")
    parser.add_argument("--among", type=Path, help="vectors (n, dim) that lie beside it, as .npy")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    collection = load(arguments.data)
    scope = Scope(unrestricted=True)
    actor = Actor("benchmark", "analyst", scope)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus(Path(folder))
        models = connect(ModelsConfig(), env=os.environ)
        guard = Guard(corpus.ledger, Budget(10**9, 86_400))
        with guard.open(actor, Action.INGEST, resource=LABEL) as run:
            started_s = time.perf_counter()
            own = fill(run, corpus, models, collection)
            fill_s = time.perf_counter() - started_s
            others = np.load(arguments.among) if arguments.among else None
            if others is not None:
                fill_among(run, corpus, models, others)
        with guard.open(actor, Action.SEARCH) as run:
            if others is not None:
                rows = list(compare(run, corpus, models, collection, (own, others)))
            else:
                rows = list(measure(run, corpus, models, collection))
        result: dict[str, Any] = {
            "data": arguments.data.name,
            "documents": len(collection.documents),
            "queries": len(collection.queries),
            "embedding": models.config.embedding,
            "fill_s": round(fill_s, 1),
            "systems": [asdict(row) for row in rows],
        }
        models.close()
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{arguments.data.name}: {len(collection.documents)} documents")
    print(table(rows))


if __name__ == "__main__":
    main()
