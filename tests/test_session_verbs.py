from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, AuditError, ConfigError, UsageError, VaultError
from workbench.models.messages import ChatRequest
from workbench.results.extraction import Extraction
from workbench.results.review import ReviewItem
from workbench.session import Session
from workbench.values import Field

QUESTION = "When does the office process new badges?"


def replied(request: ChatRequest) -> str:
    quote = "The office processes new badges every Wednesday."
    if request.prompt_version.startswith("summary"):
        return quote
    return json.dumps({"quotes": [quote], "answer": "Every Wednesday."})


def granted(session: Session) -> object:
    # Without configured actors there is nobody to grant anything to; the try is audited anyway.
    with suppress(UsageError):
        return session.grant("bob", 1)
    return None


def revoked(session: Session) -> object:
    with suppress(UsageError):
        return session.revoke("bob", 1)
    return None


def without_vault(session: Session, *, rotate: bool = False) -> object:
    # None is kept by default, see tests/tasks/test_reveal.py; the try is audited anyway.
    with suppress(VaultError):
        return session.rotate_vault() if rotate else session.reveal("<PERSON_1>")
    return None


def pictured(session: Session) -> object:
    # The documents here have no pages, see tests/tasks/test_places.py; the try is audited anyway.
    with suppress(UsageError):
        return session.page_image(1, 1)
    return None


def sent_to_ray(session: Session) -> object:
    # Ray is not started here, see tests/tasks/test_ray_nodes.py; the try is audited anyway.
    with suppress(UsageError, ConfigError):
        return session.ingest_with_ray([], [])
    return None


def dropped(session: Session) -> object:
    with suppress(UsageError):
        return session.drop_query("none")
    return None


def extracted(session: Session) -> Extraction:
    """Of a few documents that are in scope: what is shown of them is what matters here."""
    ids = [info.id for info in session.documents()][:2]
    return session.extract(ids or "all", {"answer": "text"})


def first_item(session: Session) -> ReviewItem:
    """Something to judge; where nothing is in scope, what somebody else was shown."""
    queue = session.review_queue(extracted(session))
    return queue[0] if queue else ReviewItem(1, 1, "badges.md", 0, Field("answer"), 1.0)


def untuned(session: Session) -> object:
    # Nothing is reviewed here, see tests/tasks/test_tune.py; the try is audited anyway.
    number = extracted(session).id
    with suppress(UsageError):
        return session.tune(number)
    return None


VERBS: dict[str, Callable[[Session, Path], object]] = {
    "ingest": lambda session, folder: session.ingest(folder),
    "search": lambda session, _: session.search("badges"),
    "search_many": lambda session, _: session.search_many(["badges", "label:internal"]),
    "more_like": lambda session, _: session.more_like(1),
    "ask": lambda session, _: session.ask(QUESTION),
    "ask_stream": lambda session, _: list(session.ask_stream(QUESTION)),
    "answers": lambda session, _: session.answers(),
    "feedback": lambda session, _: session.feedback(session.ask(QUESTION).id, True, "Helped."),
    "extract": lambda session, _: session.extract("all", {"answer": "text"}),
    "schema": lambda session, _: session.schema({"answer": "text"}),
    "extractions": lambda session, _: session.extractions(),
    "extraction": lambda session, _: session.extraction(extracted(session).id),
    "review_queue": lambda session, _: session.review_queue(extracted(session)),
    "accept": lambda session, _: session.accept(first_item(session)),
    "correct": lambda session, _: session.correct(first_item(session), "Every Wednesday"),
    "reject": lambda session, _: session.reject(first_item(session)),
    "calibration": lambda session, _: session.calibration(extracted(session)),
    "tune": lambda session, _: untuned(session),
    "reviewed_examples": lambda session, _: session.reviewed_examples(extracted(session)),
    "estimate_extraction": lambda session, _: session.estimate_extraction("all", {"a": "text"}),
    "summarise": lambda session, _: session.summarise(style="bullets"),
    "summarise_stream": lambda session, _: list(session.summarise_stream(style="bullets")),
    "corpus_map": lambda session, _: session.corpus_map(),
    "themes": lambda session, _: session.themes(length=1),
    "sql": lambda session, _: session.sql("SELECT count(*) FROM documents"),
    "queries": lambda session, _: session.queries(),
    "save_query": lambda session, _: session.save_query("labels", "SELECT label FROM documents"),
    "drop_query": lambda session, _: dropped(session),
    "documents": lambda session, _: session.documents(),
    "document": lambda session, _: session.document(1),
    "boxes": lambda session, _: session.boxes(1, 0, 5),
    "page_image": lambda session, _: pictured(session),
    "cells": lambda session, _: session.cells(1, 0, 5),
    "versions": lambda session, _: session.versions(),
    "snapshot": lambda session, _: session.snapshot("reviewed"),
    "at": lambda session, _: session.at(1),
    "diff": lambda session, _: session.diff(0, 1, text=True),
    "reembed": lambda session, _: session.reembed(),
    "rollback": lambda session, _: session.rollback(1),
    "grant": lambda session, _: granted(session),
    "revoke": lambda session, _: revoked(session),
    "grants": lambda session, _: session.grants(),
    "reveal": lambda session, _: without_vault(session),
    "forget": lambda session, _: session.forget("Tommy Smith"),
    "rotate_vault": lambda session, _: without_vault(session, rotate=True),
    "masking_report": lambda session, _: session.masking_report(),
    "preview_masking": lambda session, _: session.preview_masking("Ask ann@example.org"),
    "verify_audit": lambda session, _: session.verify_audit(),
    "export_audit": lambda session, _: session.export_audit(),
    "activity": lambda session, _: session.activity(),
    "metrics": lambda session, _: session.metrics(),
    "as_retriever": lambda session, _: session.as_retriever().retrieve("badges"),
    "as_index": lambda session, _: session.as_index().as_retriever().retrieve("badges"),
    "as_llm": lambda session, _: session.as_llm().complete("badges"),
    "migrate": lambda session, folder: session.migrate(f"qdrant://{folder}/../vectors"),
    "as_embedding": lambda session, _: session.as_embedding().get_text_embedding("badges"),
    "ingest_with_ray": lambda session, _: sent_to_ray(session),
    "as_vector_store": lambda session, _: session.as_vector_store().get_nodes(),
}


def test_every_public_verb_is_exercised_here() -> None:
    public = {name for name, _ in inspect.getmembers(Session, inspect.isfunction)}
    assert {name for name in public if not name.startswith("_")} == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_leaves_an_audit_row(
    make_workbench: MakeWorkbench, folder: Path, verb: str
) -> None:
    workbench = make_workbench(replied)
    session = workbench.session("ana")
    session.ingest(folder)

    def rows() -> int:
        return int(session.sql("SELECT count(*) AS n FROM runs").df()["n"][0])

    before = rows()
    VERBS[verb](session, folder)
    # The counting query is audited too, when it ends: one row for it, at least one for the verb.
    assert rows() - before >= 2


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_works_when_the_audit_cannot_be_written(
    make_workbench: MakeWorkbench, folder: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench = make_workbench(replied)
    session = workbench.session("ana")
    session.ingest(folder)

    def fail(entry: object) -> None:
        raise AuditError("the audit is full", next_step="Free some space.")

    monkeypatch.setattr(workbench.corpus.ledger, "record", fail)
    with pytest.raises(AuditError):
        VERBS[verb](session, folder)


@pytest.mark.parametrize("verb", VERBS)
def test_an_actor_without_labels_sees_nothing(
    make_workbench: MakeWorkbench, folder: Path, verb: str
) -> None:
    actors = {"ana": ActorConfig(role="analyst", labels=("*",)), "eve": ActorConfig(role="analyst")}
    workbench = make_workbench(replied, config=Config(actors=actors))
    workbench.session("ana").ingest(folder)
    try:
        seen = VERBS[verb](workbench.session("eve"), folder)
    except AccessDenied:
        return
    assert "Wednesday" not in str(seen) or verb == "as_llm"
