"""What the pages stand on: one Workbench per process, one Session per browser session."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from uploads import Upload, keep, safe_name
from working import Job

from workbench import (
    DEFAULT_LABEL,
    CorpusMap,
    Extraction,
    IngestReport,
    Session,
    Workbench,
    open_workbench,
)
from workbench.errors import AccessDenied

SUGGESTIONS = 4
# A page asks for the same facts at every click; documents that another process adds show up
# after this long.
_FRESH_S = 15
# A map takes seconds, and its documents never change: other ones have other ids.
_MAP_FRESH_S = 600

# Of every document the longest section first, and headings of several words before single ones.
_TOPICS = """
WITH topics AS (
    SELECT list_extract(string_split(heading, ' > '), -1) AS topic, document,
        sum(length(text)) AS chars, topic LIKE '% %' AS several
    FROM chunks WHERE heading <> '' GROUP BY ALL
)
SELECT topic FROM topics
ORDER BY several DESC,
    row_number() OVER (PARTITION BY several, document ORDER BY chars DESC, topic), chars DESC, topic
LIMIT 100
"""


def folder() -> str:
    """The workspace's folder, as ``workbench app`` names it."""
    return os.environ.get("WORKBENCH_WORKSPACE", "workspace")


def enter_as(actor: str) -> None:
    """Use the workspace in the name of ``actor`` from now on.

    Raises:
        ConfigError, AccessDenied.
    """
    if "session" not in st.session_state:
        st.session_state["session"] = _workbench(folder()).session(actor)


def enter_signed_in(claims: Mapping[str, object]) -> None:
    """Use the workspace in the name of whom the claims of a sign-in name, as long as it counts.

    Raises:
        ConfigError, AccessDenied, SignInEnded.
    """
    entered = _workbench(folder()).signed_in(claims)
    before = st.session_state.get("session")
    if before is None or before.actor != entered.actor:
        # Nothing of another person may stay on the page.
        st.session_state.clear()
        st.session_state["session"] = entered


def session() -> Session:
    """This browser session's verbs."""
    current: Session = st.session_state["session"]
    return current


def documents() -> Sequence[Any]:
    """The visible documents by name."""
    return _documents(_whose(), session())


def suggestions() -> Sequence[str]:
    """Questions that the documents' own headings suggest, else their names; at most four."""
    return _suggestions(_whose(), session())


def labels() -> list[str]:
    """Labels to choose from for new documents: those in use and this actor's own."""
    known = {info.label for info in documents()} | session().actor.scope.labels
    return [DEFAULT_LABEL, *sorted(known - {DEFAULT_LABEL})]


def may_add() -> bool:
    """Whether this actor's role lets documents be added under some label."""
    allowed: bool = session().may_ingest
    return allowed


def may_extract() -> bool:
    """Whether this actor's role lets documents be turned into tables."""
    allowed: bool = session().may_extract
    return allowed


def may_review() -> bool:
    """Whether this actor's role lets values be checked."""
    allowed: bool = session().may_review
    return allowed


def tables() -> Sequence[Any]:
    """The tables that were extracted from visible documents, the latest first."""
    return _tables(_whose(), session())


def table(extraction_id: int) -> Extraction:
    """One of them, as reviewers left it.

    Raises:
        AccessDenied, UsageError.
    """
    return _table(_whose(), extraction_id, session())


def add(uploads: Sequence[Upload], label: str) -> Job[IngestReport]:
    """Begin to bring the files in under ``label``; they themselves are kept until that is done.

    What stays is masked. The same file uploaded again is told as unchanged, or as a new version.
    """
    current = session()
    place = Path(folder()) / "uploads" / safe_name(label)
    paths = keep(uploads, place)

    def work(job: Job[IngestReport]) -> IngestReport:
        def tell(progress: Any) -> None:
            job.tell(progress.done / max(1, progress.total), progress.name)

        try:
            return current.ingest(*paths, label=label, progress=tell)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)

    return Job("Adding documents", work).start()


def corpus_map(document_ids: tuple[int, ...]) -> CorpusMap:
    """Where these documents stand to each other."""
    return _map(_whose(), document_ids, session())


def look_again() -> None:
    """Forget what was there: the next look sees documents that were added meanwhile."""
    _documents.clear()
    _map.clear()
    _suggestions.clear()
    look_at_tables_again()


def to_check(extraction_id: int) -> Any:
    """The values of a table that wait to be checked, as they were some seconds ago.

    Raises:
        AccessDenied, UsageError.
    """
    return _to_check(_whose(), extraction_id, session())


def look_at_tables_again() -> None:
    """Forget the tables: the next look sees what was extracted or checked meanwhile."""
    _tables.clear()
    _table.clear()


@st.cache_resource(show_spinner=False)
def _workbench(path: str) -> Workbench:
    return open_workbench(path)


@st.cache_resource(ttl=_FRESH_S, scope="session", show_spinner=False)
def _documents(whose: tuple[str, str], _session: Session) -> Sequence[Any]:
    return sorted(_session.documents(), key=lambda info: info.name.casefold())


@st.cache_resource(ttl=_FRESH_S, scope="session", show_spinner=False)
def _tables(whose: tuple[str, str], _session: Session) -> Sequence[Any]:
    found: Sequence[Any] = _session.extractions()
    return found


@st.cache_resource(ttl=_FRESH_S, scope="session", max_entries=4, show_spinner=False)
def _to_check(whose: tuple[str, str], extraction_id: int, _session: Session) -> Any:
    return _session.review_queue(extraction_id)


@st.cache_resource(ttl=_FRESH_S, scope="session", max_entries=4, show_spinner=False)
def _table(whose: tuple[str, str], extraction_id: int, _session: Session) -> Extraction:
    return _session.extraction(extraction_id)


@st.cache_resource(ttl=_MAP_FRESH_S, scope="session", max_entries=4, show_spinner="Comparing…")
def _map(whose: tuple[str, str], document_ids: tuple[int, ...], _session: Session) -> CorpusMap:
    return _session.corpus_map(document_ids)


@st.cache_resource(ttl=_FRESH_S, scope="session", show_spinner=False)
def _suggestions(whose: tuple[str, str], _session: Session) -> Sequence[str]:
    topics: dict[str, str] = {}
    for row in _rows(_session, _TOPICS):
        topic = " ".join(row["topic"].split())
        if "<" not in topic and 3 <= len(topic) <= 40:
            topics.setdefault(topic.casefold(), f"What is said about {topic}?")
    names = [
        f"What is in {info.name}?" for info in _documents(whose, _session) if "<" not in info.name
    ]
    return [*topics.values(), *names][:SUGGESTIONS]


def _whose() -> tuple[str, str]:
    return folder(), session().actor.name


def _rows(current: Session, query: str) -> Sequence[dict[str, Any]]:
    try:
        rows: Sequence[dict[str, Any]] = current.sql(query).to_dict()["rows"]
    except AccessDenied:
        return ()
    return rows
