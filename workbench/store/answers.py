"""Answers and their citations as rows, and what people think of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import duckdb

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.results import Answer, PastAnswer
from workbench.store import views
from workbench.store.database import Database
from workbench.store.documents import now, one
from workbench.values import Support


class Answers:
    """An actor's own answers, and what the actor thinks of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def own(self, run: Run, limit: int) -> list[PastAnswer]:
        """At most ``limit`` of the run's actor, newest first, a question that was asked again once.

        Without those that were drawn from documents which the actor may not read any more.
        """
        run.require_open()

        def look(connection: duckdb.DuckDBPyConnection) -> list[PastAnswer]:
            views.limit_to(connection, run)
            rows = connection.execute(_OWN, [run.actor.name, limit]).fetchall()
            return [
                PastAnswer(number, question, text, Support(status), model, seconds, at, good, why)
                for number, question, text, status, model, seconds, at, good, why in rows
            ]

        return self._database.read(look)

    def rate(self, run: Run, answer_id: int, *, good: bool, reason: str) -> None:
        """Note what the run's actor thinks of one of its answers; a later word replaces it.

        Raises:
            UsageError: if the actor has no such answer.
        """
        run.require_open()

        def note(connection: duckdb.DuckDBPyConnection) -> None:
            mine = [answer_id, run.actor.name]
            known = connection.execute(
                "SELECT 1 FROM store.answers WHERE id = ? AND actor = ?", mine
            ).fetchone()
            if known is None:
                raise UsageError(
                    "you were given no such answer",
                    value=answer_id,
                    next_step="List your answers to see their ids.",
                )
            connection.execute("DELETE FROM store.feedback WHERE answer_id = ?", [answer_id])
            connection.execute(
                "INSERT INTO store.feedback VALUES (?, ?, ?, ?, ?, ?)",
                [*mine, good, reason, run.id, now()],
            )

        self._database.write(note)


_OWN = """
SELECT a.id, a.question, a.text, a.status, a.model, a.seconds,
    strftime(a.created_at, '%Y-%m-%dT%H:%M:%S'), f.good, coalesce(f.reason, '')
FROM answers a LEFT JOIN feedback f ON f.answer_id = a.id
WHERE a.actor = ? QUALIFY row_number() OVER (PARTITION BY a.question ORDER BY a.id DESC) = 1
ORDER BY a.id DESC LIMIT ?
"""


def insert_answer(connection: duckdb.DuckDBPyConnection, actor: str, answer: Answer) -> int:
    """Add an answer with its citations and return its id."""
    number = int(one(connection.execute("SELECT nextval('store.answer_ids')")))
    created_at = datetime.fromisoformat(answer.created_at).astimezone(UTC).replace(tzinfo=None)
    claims = [{"text": claim.text, "supported": claim.supported} for claim in answer.claims]
    values = [
        number,
        answer.run_id,
        actor,
        answer.question,
        answer.text,
        answer.status.value,
        json.dumps(claims, ensure_ascii=False),
        sorted({hit.label for hit in answer.hits}),
        [hit.chunk.id for hit in answer.hits],
        answer.model,
        answer.prompt_version,
        answer.corpus_version,
        answer.usage.prompt_tokens,
        answer.usage.output_tokens,
        answer.usage.seconds,
        created_at,
    ]
    connection.execute(f"INSERT INTO store.answers VALUES ({', '.join('?' * 16)})", values)
    for position, claim in enumerate(answer.claims, start=1):
        for c in claim.citations:
            row = [number, position, c.document_id, c.document, c.uri, c.page, c.start, c.end]
            connection.execute(
                "INSERT INTO store.citations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, c.quote]
            )
    return number
