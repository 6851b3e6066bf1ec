"""Verbs that fill and read the corpus."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import UsageError
from workbench.guard.policy import Action, decide
from workbench.results import IngestReport, Table
from workbench.values import DEFAULT_LABEL, DocumentInfo, MaskedDocument
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.sources.items import Source
    from workbench.tasks.ingest import IngestProgress

MAX_SQL_CHARS = 100_000


class CorpusVerbs(Verbs):
    """Ingest, look up and query."""

    @property
    def may_ingest(self) -> bool:
        """Whether the actor's role and labels let documents be brought in at all."""
        labels = {DEFAULT_LABEL} | self.actor.scope.labels
        return any(decide(self.actor, Action.INGEST, label).allowed for label in labels)

    def ingest(
        self,
        *sources: str | Path | Source,
        label: str = DEFAULT_LABEL,
        sync: bool = False,
        snapshot: str | None = None,
        password: str | Mapping[str, str] | None = None,
        progress: Callable[[IngestProgress], None] | None = None,
    ) -> IngestReport:
        """Bring sources into the corpus under an access ``label``.

        A source is a path of a file or folder, or a Rows, SqlRows, LakeFiles or ReaderDocuments.
        What did not change is skipped; ``sync`` removes documents that are gone from the given
        folders, tables and collections. The end is a snapshot, which ``snapshot`` names; see
        ``versions``. ``password`` opens protected PDF and Office files: one for
        all, or by file name or pattern; it is not kept. A bad file or row is a failed item of the
        report, the rest goes on.

        Raises:
            SourceError: if a database or a lake cannot be read at all.
            AccessDenied, UsageError, ModelError, StoreError, BudgetExceeded.
        """
        from workbench.sources.files import FilePaths
        from workbench.tasks.forget import ForgetRooms, finish_forgetting
        from workbench.tasks.ingest import IngestOptions, IngestRooms, ingest

        workbench = self._workbench
        paths = [expanded(path) for path in sources if isinstance(path, str | Path)]
        given = [source for source in sources if not isinstance(source, str | Path)]
        if paths:
            given.insert(0, FilePaths(workbench.source, paths, password))
        with self._run(Action.INGEST, label) as run:
            finish_forgetting(run, ForgetRooms(workbench.masker, workbench.corpus, workbench.vault))
            rooms = IngestRooms(
                workbench.config,
                workbench.source,
                workbench.masker,
                workbench.models,
                workbench.corpus,
            )
            return ingest(
                run,
                rooms,
                given,
                IngestOptions(label, sync, snapshot),
                progress=progress or _ignore,
            )

    def sql(self, query: str) -> Table:
        """One read-only SELECT over the views documents, chunks, answers, citations, extractions,
        fields, feedback and runs.

        Raises:
            AccessDenied, QueryError, StoreError.
        """
        if len(query) > MAX_SQL_CHARS:
            raise UsageError(
                "the query is too long",
                value=f"{len(query):,} characters",
                next_step="Write a shorter query.",
            )
        with self._run(Action.SQL) as run:
            return Table(self._workbench.corpus.sql(run, query), run.id)

    def documents(self) -> list[DocumentInfo]:
        """The visible documents, without their texts."""
        with self._run(Action.READ, "documents") as run:
            return self._workbench.corpus.documents(run)

    def document(self, document_id: int) -> MaskedDocument:
        """One document with its masked text, by the id that citations and hits carry.

        Raises:
            UsageError, AccessDenied.
        """
        with self._run(Action.READ, f"document {document_id}") as run:
            return self._workbench.corpus.document(run, int(document_id))


def expanded(path: str | Path) -> Path:
    """The path with its ``~``. Unlike Path.expanduser, an unknown user's name stays as it is."""
    return Path(os.path.expanduser(path))


def _ignore(_: IngestProgress) -> None:
    """Show no progress."""
