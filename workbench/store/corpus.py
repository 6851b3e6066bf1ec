"""The governed corpus of one workspace: every read and write needs an open Run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from workbench.errors import AccessDenied, QueryError, UsageError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.results import AuditCheck
from workbench.store import audit_chain, documents, sql_rules, versions, views
from workbench.store.access import Grants
from workbench.store.answers import Answers, insert_answer
from workbench.store.database import Database
from workbench.store.elsewhere import RemoteVectors, connect_server
from workbench.store.extractions import Extractions
from workbench.store.health import Health, check
from workbench.store.history import History
from workbench.store.ledger import CorpusLedger, PlaceholderRegister, StoredReplies
from workbench.store.metrics import Counters
from workbench.store.moving import Moving
from workbench.store.nodes import Nodes
from workbench.store.origins import Origins
from workbench.store.passages import Passages
from workbench.store.past import PastSearches
from workbench.store.payloads import Payloads
from workbench.store.queries import Queries
from workbench.store.records import EmbeddingInfo, Incoming, SearchQuery, StoredSource, Vectors
from workbench.store.reembedding import Reembedding
from workbench.store.reviews import Reviews
from workbench.store.search import Search
from workbench.store.subjects import Subjects, require_none_retired, texts_of
from workbench.values import Chunk, DocumentInfo, Hit, MaskedDocument

if TYPE_CHECKING:
    from workbench.results import Answer

SQL_TIMEOUT_S = 20.0
"""Below the time that a writer waits for the file."""

SQL_MAX_ROWS = 1_000_000


class Corpus:
    """Documents, chunks, vectors, answers and runs in ``folder/workbench.duckdb``.

    The run's scope is part of every query, so what an actor may not see is never ranked, counted
    or returned; an empty scope sees nothing. Every method raises AccessDenied once the run has
    ended, and StoreError (WorkspaceBusy, WorkspaceDamaged, NewerWorkspace) if the workspace cannot
    be used.

    Attributes:
        grants: which single documents were granted to whom.
        subjects: where placeholders occur, and forgetting whom they stand for.
        counters: what was done, in numbers.
        history: its snapshots.
        ledger: where the guard writes its audit rows.
        reply_cache: where model replies are kept.
        placeholders: the register of placeholder numbers.
        answers: an actor's own answers, and what the actor thinks of them.
        queries: what actors ask of it again and again.
        reviews: what people decided about extracted fields.
        passages: whole documents, chunk by chunk.
        extractions: schemas, and records that were extracted from documents.
        origins: how far sources were read, and attached DuckDB files.
        nodes: what came as LlamaIndex nodes.
        reembedding: the change to another embedding model.
        moving: copying vectors to a server.
    """

    def __init__(self, folder: Path, *, vectors_at: str | None = None) -> None:
        self._database = Database(folder)
        self._server = connect_server(vectors_at) if vectors_at else None
        remote = RemoteVectors(self._database, self._server) if self._server else None
        payloads = Payloads(self._database)
        self._search = Search(self._database, payloads, remote)
        self._past = PastSearches(self._database)
        self._begun = False
        self.grants = Grants(self._database)
        self.subjects = Subjects(self._database, self._server)
        self.counters = Counters(self._database)
        self.history = History(self._database)
        self.ledger = CorpusLedger(self._database)
        self.reply_cache = StoredReplies(self._database)
        self.placeholders = PlaceholderRegister(self._database)
        self.passages = Passages(self._database)
        self.answers = Answers(self._database)
        self.queries = Queries(self._database)
        self.origins = Origins(self._database)
        self.extractions = Extractions(self._database)
        self.reviews = Reviews(self._database)
        self.nodes = Nodes(self._database, payloads, self.placeholders.reload)
        self.reembedding = Reembedding(self._database, self._server)
        self.moving = Moving(self._database)

    def together(self, run: Run) -> AbstractContextManager[None]:
        """Let the reads of a block share one opening of the file: no model, and no write, in it."""
        run.require_open()
        return self._database.together()

    def put(
        self,
        run: Run,
        document: MaskedDocument,
        chunks: Sequence[Chunk],
        *,
        vectors: Vectors,
        fingerprint: str,
        embedding: EmbeddingInfo,
    ) -> int:
        """Store a document in one transaction and return its new id.

        ``vectors`` has shape (len(chunks), embedding.dim). See ``put_many``.
        """
        incoming = Incoming(document, chunks, vectors, fingerprint)
        return self.put_many(run, [incoming], embedding=embedding)[0]

    def put_many(
        self, run: Run, incoming: Sequence[Incoming], *, embedding: EmbeddingInfo
    ) -> list[int]:
        """Store documents in one transaction and return their new ids.

        Visible documents of the same uris are replaced; their texts stay readable for citations.

        Raises:
            AccessDenied: if the run may not write the label of a document, or of one that would be
                replaced.
            UsageError: if chunks, text and vectors do not fit together, or two have one uri.
            StoreError: if somebody in a document was forgotten since it was masked.
        """
        run.require_open()
        for label in {each.document.label for each in incoming}:
            run.require_write(label)
        uris = {each.document.uri for each in incoming}
        if len(uris) < len(incoming):
            raise UsageError(
                "two documents that are stored together have the same uri",
                value=f"{len(incoming)} documents, {len(uris)} uris",
                next_step="Keep one of each uri.",
            )
        if not incoming:
            return []
        rows = [documents.checked_vectors(each, embedding.dim) for each in incoming]

        def store(connection: duckdb.DuckDBPyConnection) -> list[int]:
            require_none_retired(
                connection,
                (texts_of(each.document) for each in incoming),
                self.placeholders.reload,
            )
            replaced = documents.currents(connection, sorted(uris))
            for label in {label for _, label in replaced}:
                run.require_write(label)
            version = versions.advance(connection, run.id)
            documents.mark_removed(connection, [number for number, _ in replaced], version)
            model = documents.embedding_id(connection, embedding)
            ids = documents.insert_documents(connection, incoming, embedding=model, version=version)
            documents.insert_chunks(
                connection,
                [(i, c) for i, each in zip(ids, incoming, strict=True) for c in each.chunks],
                vectors=np.concatenate(rows),
                embedding=model,
            )
            return ids

        return self._database.write(store)

    def remove(self, run: Run, uri: str) -> None:
        """Hide the document at ``uri`` from now on.

        Raises:
            AccessDenied: if the run may not write its label.
            UsageError: if no visible document has this uri.
        """
        run.require_open()

        def hide(connection: duckdb.DuckDBPyConnection) -> None:
            found = documents.current(connection, uri)
            if found is None:
                raise UsageError(
                    "no document has this uri",
                    value=uri,
                    next_step="List the documents to see what can be removed.",
                )
            run.require_write(found[1])
            version = versions.advance(connection, run.id)
            documents.mark_removed(connection, [found[0]], version)

        self._database.write(hide)

    def fingerprints(self, run: Run) -> dict[str, str]:
        """Fingerprint by uri of the visible documents."""
        run.require_open()
        return self._database.read(lambda c: documents.fingerprints(c, run.scope))

    def stored(self, run: Run, embedding: str) -> tuple[dict[str, StoredSource], str | None]:
        """The visible documents as an ingest knows them again, by uri, and the digest that the
        embedding model of this name had last, None if it never embedded anything here."""
        run.require_open()
        return self._database.read(
            lambda c: (documents.stored(c, run.scope), documents.last_digest(c, embedding))
        )

    def documents(self, run: Run) -> list[DocumentInfo]:
        """The visible documents without their texts, by name."""
        run.require_open()
        return self._database.read(lambda c: documents.infos(c, run.scope, run.version))

    def document(self, run: Run, document_id: int) -> MaskedDocument:
        """One document with its text, also one that was replaced or removed since; at an old
        version, one of that version.

        Raises:
            AccessDenied: if it is outside the scope, or the scope cannot tell that it is missing.
            UsageError: if there is no such document.
        """
        run.require_open()
        found = self._database.read(
            lambda c: documents.text_of(c, document_id, run.scope, run.version)
        )
        if found is not None:
            return found
        if run.scope.unrestricted:
            raise UsageError(
                "there is no such document",
                value=document_id,
                next_step="List the documents to see their ids.",
            )
        raise AccessDenied(
            "no document of this id is in your scope",
            value=document_id,
            next_step="List the documents to see what is, or ask an administrator for the label.",
        )

    def version(self, run: Run) -> int:
        """The corpus version that the run looks at: 0 for an empty workspace, one more for every
        committed change."""
        run.require_open()
        if run.version is not None:
            return run.version
        return self._database.read(versions.current_version).number

    def is_empty(self, run: Run) -> bool:
        """Whether nothing was ever committed, as of the run's version. That something was is
        remembered, so that to ask again costs nothing."""
        if run.version is None and self._begun:
            run.require_open()
            return False
        version = self.version(run)
        self._begun = self._begun or version > 0
        return version == 0

    def search(self, run: Run, query: SearchQuery) -> tuple[Hit, ...]:
        """At most ``query.k`` hits, best first.

        Raises:
            UsageError: if the query cannot be used as it is.
            EmbeddingMismatch: if documents in scope were embedded by another model.
        """
        run.require_open()
        return self._searching(run).hits(query, run.scope)

    def search_many(self, run: Run, queries: Sequence[SearchQuery]) -> list[tuple[Hit, ...]]:
        """The hits of each query, all from one version of the corpus; they share mode, k,
        embedding and filter. Raises as ``search``."""
        run.require_open()
        return self._searching(run).many(queries, run.scope)

    def metadata_keys(self, run: Run) -> frozenset[str]:
        """The metadata keys that visible documents have."""
        run.require_open()
        return self._searching(run).metadata_keys(run.scope)

    def _searching(self, run: Run) -> Search:
        return self._search if run.version is None else self._past.at(run.version)

    def sql(
        self,
        run: Run,
        query: str,
        *,
        timeout_s: float = SQL_TIMEOUT_S,
        max_rows: int = SQL_MAX_ROWS,
    ) -> pa.Table:
        """Run one SELECT over the documented views (see ``views``) and return its rows.

        Raises:
            QueryError: if the query is not valid or not permitted, takes longer than ``timeout_s``
                or returns more than ``max_rows`` rows.
        """
        run.require_open()

        def answer(connection: duckdb.DuckDBPyConnection) -> pa.Table:
            sql_rules.require_permitted(connection, query)
            views.limit_to(connection, run)
            return _limited(connection, query, timeout_s=timeout_s, max_rows=max_rows)

        return self._database.read(answer)

    def verify_audit(self, run: Run) -> AuditCheck:
        """Whether the audit's rows are those that were written; see ``audit_chain``.

        Raises:
            AccessDenied: if the run is not one for auditing.
        """
        _require_audit(run)
        return self._database.read(audit_chain.verify)

    def export_audit(self, run: Run) -> pa.Table:
        """Every audit row in order with its hash; ``started_at`` is text, as it was hashed.

        Raises:
            AccessDenied: if the run is not one for auditing.
        """
        _require_audit(run)
        return self._database.read(audit_chain.export)

    def close(self) -> None:
        """Close the connection to a server of vectors; a later search opens it again."""
        if self._server is not None:
            self._server.close()

    def health(self) -> Health:
        """Counts and contradictions, without any content; for `workbench doctor`."""
        return self._database.read(check)

    def save_answer(self, run: Run, answer: Answer) -> int:
        """Keep an answer and its citations for the SQL views, under the run's actor; its id."""
        run.require_open()
        return self._database.write(lambda c: insert_answer(c, run.actor.name, answer))


def _require_audit(run: Run) -> None:
    run.require_open()
    if run.action is not Action.AUDIT:
        raise AccessDenied(
            f"a run for {run.action.value!r} may not audit",
            value=run.actor.name,
            next_step="Use the session's audit verbs, as an actor with the role admin.",
        )


def _limited(
    connection: duckdb.DuckDBPyConnection, query: str, *, timeout_s: float, max_rows: int
) -> pa.Table:
    timer = threading.Timer(timeout_s, connection.interrupt)
    timer.start()
    try:
        reader = connection.execute(query).fetch_record_batch(10_000)
        batches: list[pa.RecordBatch] = []
        count = 0
        for batch in reader:
            batches.append(batch)
            count += batch.num_rows
            if count > max_rows:
                raise QueryError(
                    f"the query returns more than {max_rows:,} rows",
                    next_step="Add a LIMIT, or aggregate.",
                )
        return _distinct_columns(pa.Table.from_batches(batches, schema=reader.schema))
    except duckdb.InterruptException as error:
        raise QueryError(
            f"the query took longer than {timeout_s:g} s",
            next_step="Narrow it down, or raise the time limit.",
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise QueryError(
            "the query needs more memory than it may use",
            value=str(error).partition("\n")[0],
            next_step="Select fewer columns or rows, or aggregate.",
        ) from error
    except duckdb.ProgrammingError as error:
        raise sql_rules.refused("the query is not valid", str(error).partition("\n")[0]) from error
    except (duckdb.DataError, duckdb.NotSupportedError) as error:
        raise sql_rules.refused("the query failed", str(error).partition("\n")[0]) from error
    finally:
        timer.cancel()
        timer.join()


def _distinct_columns(rows: pa.Table) -> pa.Table:
    """Columns of one name become ``id``, ``id_1``: as rows of a dict, one would hide the other."""
    names: list[str] = []
    for name in rows.column_names:
        fresh, count = name, 0
        while fresh in names:
            count += 1
            fresh = f"{name}_{count}"
        names.append(fresh)
    return rows.rename_columns(names)
