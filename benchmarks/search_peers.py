"""The stores that `benchmarks.search` compares, behind one small interface."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.filters import Op, Where
from workbench.store.records import EmbeddingInfo, SearchQuery
from workbench.values import Actor, Scope

Rows = NDArray[np.float32]
TEXT_WORDS = 60
LABEL = "benchmark"


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows (n, dim) with their positions from ``start`` on, a text each, and two fields to filter
    by: ``percent`` keeps one in a hundred, ``rare`` one in ten thousand."""

    start: int
    rows: Rows
    texts: Sequence[str]

    def metadata(self, at: int) -> dict[str, int]:
        number = self.start + at
        return {"percent": number % 100, "rare": number % 10_000}


class Peer(Protocol):
    """One store. Found are positions of rows."""

    def add(self, batch: Batch) -> None:
        """Store a batch."""
        ...

    def finish(self) -> None:
        """Build what is built at the end."""
        ...

    def search(self, query: Rows, k: int, where: tuple[str, int] | None) -> list[int]:
        """The nearest rows with what the store gives back of them."""
        ...

    def many(self, queries: Rows, k: int) -> list[list[int]]:
        """The nearest rows of each query."""
        ...


@dataclass
class Ours:
    """The corpus, each row a node; searched as a vector store does, nodes with all they hold."""

    folder: Path
    dim: int
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Slow to import, and not to be timed.
        import faiss  # noqa: F401
        import pandas  # noqa: F401

        from workbench.store import llama_nodes  # noqa: F401
        from workbench.store.corpus import Corpus

        self.corpus = Corpus(self.folder)
        self.model = EmbeddingInfo("benchmark", "sha256:benchmark", self.dim)

    def _run(self, action: Action) -> Run:
        scope = Scope(unrestricted=True)
        return Run(Actor("benchmark", "admin", scope), action, scope, Budget(1_000, 3_600))

    def add(self, batch: Batch) -> None:
        from workbench.store.nodes import MaskedNode

        nodes = [
            MaskedNode(str(batch.start + at), "", f"row {batch.start + at}", text,
                       batch.metadata(at), extras='{"class_name": "TextNode"}')
            for at, text in enumerate(batch.texts)
        ]  # fmt: skip
        run = self._run(Action.INGEST)
        self.corpus.nodes.put(run, nodes, label=LABEL, vectors=batch.rows, embedding=self.model)

    def finish(self) -> None:
        """Searches bring the indexes up to date, so one belongs to the insert."""
        self.search(np.ones((self.dim,), np.float32), 10, None)

    def _query(
        self, vector: Rows, k: int, where: tuple[str, int] | None, text: str = ""
    ) -> SearchQuery:
        condition = None if where is None else Where(where[0], Op.EQ, where[1])
        mode: Any = "hybrid" if text else "vector"
        digest = self.model.digest
        return SearchQuery(text, vector, k=k, mode=mode, embedding=digest, where=condition)

    def _nodes(self, run: Run, results: Sequence[Sequence[Any]]) -> list[list[int]]:
        from workbench.store.llama_nodes import as_node

        ids = dict.fromkeys(hit.chunk.document_id for hits in results for hit in hits)
        kept = self.corpus.nodes.extras(run, list(ids))
        return [
            [int(as_node(hit, kept.get(hit.chunk.document_id)).node_id) for hit in hits]
            for hits in results
        ]

    def search(
        self, query: Rows, k: int, where: tuple[str, int] | None, text: str = ""
    ) -> list[int]:
        run = self._run(Action.SEARCH)
        found = self.corpus.search(run, self._query(query, k, where, text))
        return self._nodes(run, [found])[0]

    def hybrid(self, query: Rows, k: int, text: str) -> list[int]:
        """As ``search``, with words."""
        return self.search(query, k, None, text)

    def many(self, queries: Rows, k: int) -> list[list[int]]:
        run = self._run(Action.SEARCH)
        found = self.corpus.search_many(run, [self._query(row, k, None) for row in queries])
        return self._nodes(run, found)


@dataclass
class Shipped:
    """LlamaIndex's DuckDBVectorStore, with the extensions that it would fetch."""

    folder: Path
    dim: int

    def __post_init__(self) -> None:
        import duckdb
        from llama_index.vector_stores.duckdb import DuckDBVectorStore

        self.folder.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(self.folder)
        connection = duckdb.connect()
        connection.execute("SET home_directory = ?", [str(self.folder)])
        for name in ("json", "fts"):
            spec = importlib.util.find_spec(f"duckdb_extension_{name}")
            if spec is None:
                raise SystemExit(f"install duckdb-extension-{name} to measure the shipped store")
            (path,) = Path(next(iter(spec.submodule_search_locations or []))).rglob(
                f"v{duckdb.__version__}/{name}.duckdb_extension"
            )
            connection.install_extension(str(path))
        connection.close()
        self.store = DuckDBVectorStore(
            database_name="peer.duckdb", persist_dir=str(self.folder), embed_dim=self.dim
        )

    def add(self, batch: Batch) -> None:
        from llama_index.core.schema import TextNode

        nodes = [
            TextNode(id_=str(batch.start + at), text=text, metadata=batch.metadata(at),
                     embedding=batch.rows[at].tolist())
            for at, text in enumerate(batch.texts)
        ]  # fmt: skip
        self.store.add(nodes)

    def finish(self) -> None:
        """Nothing to do."""

    def search(self, query: Rows, k: int, where: tuple[str, int] | None) -> list[int]:
        from llama_index.core.vector_stores import (
            FilterOperator,
            MetadataFilter,
            MetadataFilters,
            VectorStoreQuery,
        )

        filters = None
        if where is not None:
            chosen = MetadataFilter(key=where[0], value=where[1], operator=FilterOperator.EQ)
            filters = MetadataFilters(filters=[chosen])
        result = self.store.query(
            VectorStoreQuery(query_embedding=query.tolist(), similarity_top_k=k, filters=filters)
        )
        return [int(node.node_id) for node in result.nodes or []]

    def many(self, queries: Rows, k: int) -> list[list[int]]:
        return [self.search(row, k, None) for row in queries]


@dataclass
class DuckDBExact:
    """DuckDB's own exact scan over an uncompressed array column; text and fields come along."""

    folder: Path
    dim: int

    def __post_init__(self) -> None:
        import duckdb
        import pandas  # noqa: F401 - DuckDB imports it at the first parameter

        self.folder.mkdir(parents=True, exist_ok=True)
        self.connection = duckdb.connect(
            self.folder / "peer.duckdb", config={"memory_limit": "4GB"}
        )
        self.connection.execute("PRAGMA force_compression = 'uncompressed'")
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS rows (id INTEGER, percent INTEGER, rare INTEGER, "
            f"text VARCHAR, vector FLOAT[{self.dim:d}])"
        )

    def add(self, batch: Batch) -> None:
        import pyarrow as pa

        ids = np.arange(batch.start, batch.start + len(batch.rows), dtype=np.int32)
        flat = pa.array(batch.rows.ravel())
        rows = pa.table(
            {
                "id": ids,
                "percent": ids % 100,
                "rare": ids % 10_000,
                "text": pa.array(batch.texts),
                "vector": pa.FixedSizeListArray.from_arrays(flat, self.dim),
            }
        )
        self.connection.register("incoming", rows)
        self.connection.execute("INSERT INTO rows SELECT * FROM incoming")

    def finish(self) -> None:
        self.connection.execute("CHECKPOINT")

    def search(self, query: Rows, k: int, where: tuple[str, int] | None) -> list[int]:
        condition = "" if where is None else f"WHERE {where[0]} = {where[1]:d}"
        rows = self.connection.execute(
            "SELECT id, text, percent, rare, "  # noqa: S608 - our own field names and numbers
            f"array_cosine_similarity(vector, ?::FLOAT[{self.dim:d}]) AS score FROM rows "
            f"{condition} ORDER BY score DESC LIMIT {k:d}",
            [query],
        ).fetchall()
        return [row[0] for row in rows]

    def many(self, queries: Rows, k: int) -> list[list[int]]:
        return [self.search(row, k, None) for row in queries]


@dataclass
class Chroma:
    """chromadb on disk with its defaults, cosine."""

    folder: Path
    dim: int

    def __post_init__(self) -> None:
        import chromadb
        from chromadb.config import Settings

        client = chromadb.PersistentClient(
            str(self.folder), settings=Settings(anonymized_telemetry=False)
        )
        self.rows = client.get_or_create_collection("rows", metadata={"hnsw:space": "cosine"})

    def add(self, batch: Batch) -> None:
        for at in range(0, len(batch.rows), 5_000):
            stop = min(at + 5_000, len(batch.rows))
            self.rows.add(
                ids=[str(batch.start + i) for i in range(at, stop)],
                embeddings=batch.rows[at:stop],
                documents=list(batch.texts[at:stop]),
                metadatas=[batch.metadata(i) for i in range(at, stop)],
            )

    def finish(self) -> None:
        """Nothing to do."""

    def search(self, query: Rows, k: int, where: tuple[str, int] | None) -> list[int]:
        condition: Any = None if where is None else {where[0]: where[1]}
        found = self.rows.query(query_embeddings=query[None, :], n_results=k, where=condition)
        return [int(i) for i in found["ids"][0]]

    def many(self, queries: Rows, k: int) -> list[list[int]]:
        found = self.rows.query(query_embeddings=queries, n_results=k)
        return [[int(i) for i in ids] for ids in found["ids"]]


@dataclass
class Lance:
    """lancedb without an index: exact, with filters applied first."""

    folder: Path
    dim: int
    table: Any = None

    def __post_init__(self) -> None:
        import lancedb

        self.store = lancedb.connect(str(self.folder))
        if "rows" in self.store.table_names():
            self.table = self.store.open_table("rows")

    def add(self, batch: Batch) -> None:
        import pyarrow as pa

        ids = np.arange(batch.start, batch.start + len(batch.rows), dtype=np.int32)
        rows = pa.table(
            {
                "id": ids,
                "percent": ids % 100,
                "rare": ids % 10_000,
                "text": pa.array(batch.texts),
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(batch.rows.ravel()), self.dim),
            }
        )
        if self.table is None:
            self.table = self.store.create_table("rows", rows)
        else:
            self.table.add(rows)

    def finish(self) -> None:
        """Nothing to do."""

    def search(self, query: Rows, k: int, where: tuple[str, int] | None) -> list[int]:
        wanted = self.table.search(query).metric("cosine").limit(k)
        if where is not None:
            wanted = wanted.where(f"{where[0]} = {where[1]:d}", prefilter=True)
        return [int(row["id"]) for row in wanted.to_list()]

    def many(self, queries: Rows, k: int) -> list[list[int]]:
        return [self.search(row, k, None) for row in queries]


@dataclass
class FaissFlat:
    """faiss's exact scan in memory: ids only, no text, nothing kept."""

    folder: Path
    dim: int

    def __post_init__(self) -> None:
        import faiss

        self.index = faiss.IndexFlatIP(self.dim)

    def add(self, batch: Batch) -> None:
        self.index.add(batch.rows)

    def finish(self) -> None:
        """Nothing to do."""

    def search(self, query: Rows, k: int, where: tuple[str, int] | None) -> list[int]:
        import faiss

        params = None
        if where is not None:
            step = {"percent": 100, "rare": 10_000}[where[0]]
            chosen = np.arange(where[1], self.index.ntotal, step)
            params = faiss.SearchParameters(sel=faiss.IDSelectorBatch(chosen))  # type: ignore[call-arg]
        found = self.index.search(query[None, :], k, params=params)[1][0]
        return [int(i) for i in found if i >= 0]

    def many(self, queries: Rows, k: int) -> list[list[int]]:
        return [list(map(int, row)) for row in self.index.search(queries, k)[1]]


PEERS: dict[str, Callable[[Path, int], Peer]] = {
    "workbench": Ours,
    "duckdb-store": Shipped,
    "duckdb": DuckDBExact,
    "chromadb": Chroma,
    "lancedb": Lance,
    "faiss": FaissFlat,
}
IN_MEMORY = ("faiss",)


def timed(work: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each call; the first, which warms up, is left out."""
    work()
    took = []
    for _ in range(times):
        started_s = time.perf_counter()
        work()
        took.append(time.perf_counter() - started_s)
    return took
