"""Answers and their citations as rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import duckdb

from workbench.results import Answer
from workbench.store.documents import one


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
