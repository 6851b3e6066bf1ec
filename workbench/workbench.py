"""The front door: ``open_workbench(folder)`` -> Workbench -> ``session(actor)`` -> the verbs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from workbench.config import CONFIG_FILE, Config, load_config
from workbench.errors import AccessDenied, UsageError
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard, Run
from workbench.results import Answer, AuditCheck, Hits, IngestReport, Table
from workbench.values import DEFAULT_LABEL, Actor, DocumentInfo, Hit, MaskedDocument, Scope

if TYPE_CHECKING:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.llms import LLM
    from llama_index.core.retrievers import BaseRetriever

    from workbench.guard.cache import ReplyCache
    from workbench.masking.masker import Masker
    from workbench.models.governed import Models
    from workbench.sources.files import FileSource
    from workbench.store.corpus import Corpus
    from workbench.tasks.ask import AskRooms
    from workbench.tasks.ingest import IngestProgress

T = TypeVar("T")

KEY_FILE = "placeholder.key"
MAX_SQL_CHARS = 100_000


def open_workbench(
    folder: str | Path,
    *,
    config: Config | None = None,
    env: Mapping[str, str] | None = None,
) -> Workbench:
    """Open the workspace in ``folder``, made at the first write if it is not there.

    Settings come from ``config`` or, without it, from ``workbench.toml`` in the folder and the
    environment. Nothing is loaded or connected before a verb needs it.

    Raises:
        ConfigError: if the settings are not valid.
    """
    path = _expanded(folder).resolve()
    environment = dict(os.environ if env is None else env)
    return Workbench(path, config or load_config(path / CONFIG_FILE, environment), environment)


class _Room(cached_property[T]):
    """Made when it is first asked for, and only once: from Python 3.12 on, threads that ask at
    the same time would each get their own."""

    def __get__(  # type: ignore[override]
        self, instance: Workbench, owner: type[Workbench] | None = None
    ) -> T:
        with instance._opening:
            return super().__get__(instance, owner)


class Workbench:
    """One workspace and the rooms that work on it. Safe to share between threads.

    ``connect_models`` replaces the search for a model server, ``masker`` the masking models.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        env: Mapping[str, str],
        *,
        connect_models: Callable[[ReplyCache], Models] | None = None,
        masker: Masker | None = None,
    ) -> None:
        self.folder = folder
        self.config = config
        self._opening = threading.RLock()
        self._env = env
        self._connect_models = connect_models
        self._masker = masker

    def session(self, actor: str = "local") -> Session:
        """The verbs, in the name of ``actor``.

        Raises:
            AccessDenied: if actors are configured and this one is not among them.
        """
        return Session(self, self._actor(actor))

    def close(self) -> None:
        """Close connections and the parser's process; a later verb opens them again."""
        if "models" in vars(self):
            self.models.close()
        if "source" in vars(self):
            self.source.close()

    def _actor(self, name: str) -> Actor:
        if not self.config.actors:
            # Whoever runs this without actors owns the file and can read its audit anyway. A lower
            # role would protect nothing and keep the owner from verifying it.
            return Actor(name, "admin", Scope(unrestricted=True))
        known = self.config.actors.get(name)
        if known is None:
            raise AccessDenied(
                "this actor is not known",
                value=name,
                next_step=f"Ask an administrator to add [actors.{name}] to {CONFIG_FILE}.",
            )
        everything = "*" in known.labels
        return Actor(name, known.role, Scope(frozenset(known.labels), unrestricted=everything))

    @_Room
    def guard(self) -> Guard:
        """The one door that decides, meters and audits."""
        limits = self.config.budget
        return Guard(self.corpus.ledger, Budget(limits.max_tokens, limits.max_seconds))

    @_Room
    def corpus(self) -> Corpus:
        """The governed corpus; every call needs a Run."""
        from workbench.store.corpus import Corpus

        return Corpus(self.folder)

    @_Room
    def models(self) -> Models:
        """The governed models; every call needs a Run."""
        if self._connect_models is not None:
            return self._connect_models(self.corpus.reply_cache)
        from workbench.models.server import connect

        return connect(self.config.models, env=self._env, cache=self.corpus.reply_cache)

    @_Room
    def masker(self) -> Masker:
        """Masks documents and questions with this workspace's placeholders."""
        if self._masker is not None:
            return self._masker
        from workbench.masking.masker import Masker
        from workbench.masking.placeholders import load_key

        key = load_key(self.folder / KEY_FILE)
        return Masker(self.config.masking, self.corpus.placeholders, key=key)

    @_Room
    def source(self) -> FileSource:
        """Reads files in a limited process."""
        from workbench.sources.files import FileSource

        return FileSource(self.config.limits)


class Session:
    """The verbs of one actor. Each opens a run: decided, budgeted and audited."""

    def __init__(self, workbench: Workbench, actor: Actor) -> None:
        self._workbench = workbench
        self.actor = actor

    def ingest(
        self,
        *paths: str | Path,
        label: str = DEFAULT_LABEL,
        sync: bool = False,
        progress: Callable[[IngestProgress], None] | None = None,
    ) -> IngestReport:
        """Bring files and folders into the corpus under an access ``label``.

        Unchanged files are skipped; ``sync`` removes documents whose file is gone from the given
        folders. A bad file is a failed item of the report, the rest goes on.

        Raises:
            AccessDenied, UsageError, ModelError, StoreError, BudgetExceeded.
        """
        from workbench.tasks.ingest import IngestRooms, ingest

        workbench = self._workbench
        with self._run(Action.INGEST, label) as run:
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
                [_expanded(path) for path in paths],
                label=label,
                sync=sync,
                progress=progress or _ignore,
            )

    def search(self, query: str, k: int = 10, *, mode: str = "hybrid") -> Hits:
        """The ``k`` best hits for ``query``; mode "hybrid", "keyword" or "vector".

        Raises:
            AccessDenied, UsageError, ModelError, StoreError.
        """
        from workbench.tasks.retrieve import require_question, retrieve

        workbench = self._workbench
        with self._run(Action.SEARCH) as run:
            question = require_question(query, workbench.config.limits.max_question_chars)
            masked = workbench.masker.mask_text(question)
            hits = retrieve(run, workbench.corpus, workbench.models, masked, k=k, mode=mode)
            return Hits(masked, hits, run.id)

    def ask(self, question: str, *, model: str | None = None) -> Answer:
        """Answer from the sources with exact citations, or abstain honestly.

        Raises:
            AccessDenied, UsageError, ModelError, StoreError, BudgetExceeded.
        """
        *_, last = self.ask_stream(question, model=model)
        return cast("Answer", last)

    def ask_stream(
        self, question: str, *, model: str | None = None
    ) -> Generator[str | Answer, None, None]:
        """Pieces of the draft's text as the model writes it, then the checked Answer.

        The draft is not verified yet: show it as such and replace it by the Answer, which may
        abstain and is given once the run is audited. Closing the iterator stops the model.
        Errors as ``ask``, while iterating.
        """
        from workbench.tasks.ask import ask

        with self._run(Action.ASK) as run:
            answer = yield from ask(run, self._ask_rooms(), question, model=model)
        yield answer

    def sql(self, query: str) -> Table:
        """One read-only SELECT over the views documents, chunks, answers, citations and runs.

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

    def verify_audit(self) -> AuditCheck:
        """Whether any audit row was changed, moved, added or removed behind Workbench's back.

        Note the head somewhere else: that also shows a chain that was computed anew. This run's
        own row comes after what is checked.

        Raises:
            AccessDenied: if the actor's role is not admin.
            StoreError, AuditError: if the audit cannot be read or written any more.
        """
        with self._run(Action.AUDIT, "audit") as run:
            return self._workbench.corpus.verify_audit(run)

    def export_audit(self) -> Table:
        """Every audit row in order with its hash, to be checked or kept elsewhere.

        Raises:
            AccessDenied: if the actor's role is not admin.
            StoreError, AuditError: if the audit cannot be read or written any more.
        """
        with self._run(Action.AUDIT, "audit") as run:
            return Table(self._workbench.corpus.export_audit(run), run.id)

    def as_retriever(self, k: int = 10) -> BaseRetriever:
        """A LlamaIndex retriever over this session's corpus; each retrieval is a governed run."""
        from workbench.store.llama_index import as_retriever

        return as_retriever(self._hits, k=k)

    def as_index(self) -> VectorStoreIndex:
        """A read-only LlamaIndex index over this session's corpus, governed like the rest."""
        from workbench.models.llama_index import as_embedding
        from workbench.store.llama_index import as_index

        workbench = self._workbench
        embedding = as_embedding(
            workbench.models, self._llama_index_run, mask=workbench.masker.mask_text
        )
        return as_index(self._hits, embedding=embedding)

    def as_llm(self) -> LLM:
        """The chat model as a LlamaIndex LLM, for ``as_index().as_query_engine(llm=...)``.

        Prompts are masked like questions.
        """
        from workbench.models.llama_index import as_llm

        workbench = self._workbench
        return as_llm(workbench.models, self._llama_index_run, mask=workbench.masker.mask_text)

    def _hits(self, query: str, k: int) -> Sequence[Hit]:
        return self.search(query, k).hits

    def _llama_index_run(self) -> AbstractContextManager[Run]:
        return self._run(Action.ASK, "llama_index")

    def _run(self, action: Action, resource: str = "") -> AbstractContextManager[Run]:
        limits = self._workbench.config.budget
        seconds = limits.ingest_max_seconds if action is Action.INGEST else limits.max_seconds
        budget = Budget(limits.max_tokens, seconds)
        return self._workbench.guard.open(self.actor, action, resource=resource, budget=budget)

    def _ask_rooms(self) -> AskRooms:
        from workbench.tasks.ask import AskRooms

        workbench = self._workbench
        return AskRooms(workbench.config, workbench.masker, workbench.models, workbench.corpus)


def _expanded(path: str | Path) -> Path:
    # Unlike Path.expanduser, this leaves the name of an unknown user as it is.
    return Path(os.path.expanduser(path))


def _ignore(_: IngestProgress) -> None:
    """Show no progress."""


__all__: Sequence[str] = ["Session", "Workbench", "open_workbench"]
