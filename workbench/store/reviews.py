"""What people decided about extracted fields, kept beside what the machine found.

A review belongs to an extraction, a document, a record's place in it and a field, not to a row that
a later run may replace. The last one counts; earlier ones stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import duckdb

from workbench.errors import AccessDenied, UsageError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import READABLE, now, readable_values


class Judgement(StrEnum):
    """What a reviewer says: the value is right, is another one, or does not belong there."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Review:
    """A judgement about one field. ``value`` is the corrected one as text, else None."""

    extraction_id: int
    document_id: int
    ordinal: int
    field: str
    judgement: Judgement
    value: str | None = None
    actor: str = ""

    @property
    def place(self) -> tuple[int, int, str]:
        """Document, ordinal and field: what it is about, within its extraction."""
        return (self.document_id, self.ordinal, self.field)


class Reviews:
    """Judgements of one workspace; every call needs an open Run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run: Run, review: Review) -> None:
        """Keep a judgement under the run's actor.

        Raises:
            AccessDenied: if the run is not one for reviewing, or the record is not in its scope.
            UsageError: if the extraction has no such field.
        """
        _require_review(run)

        def insert(connection: duckdb.DuckDBPyConnection) -> None:
            _require_field(connection, run, review)
            connection.execute(
                "INSERT INTO store.reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    review.extraction_id,
                    review.document_id,
                    review.ordinal,
                    review.field,
                    review.judgement.value,
                    review.value,
                    run.actor.name,
                    run.id,
                    now(),
                ],
            )

        self._database.write(insert)

    def of(self, run: Run, extraction_ids: Sequence[int]) -> list[Review]:
        """The last judgement about each field of the extractions, of documents in scope.

        Raises:
            AccessDenied: once the run has ended.
        """
        run.require_open()
        query = f"""
            SELECT v.extraction_id, v.document_id, v.ordinal, v.field, v.judgement, v.value, v.actor
            FROM store.reviews v JOIN ({READABLE}) d ON d.id = v.document_id
            WHERE list_contains(?::INTEGER[], v.extraction_id)
            QUALIFY row_number() OVER (
                PARTITION BY v.extraction_id, v.document_id, v.ordinal, v.field
                ORDER BY v.created_at DESC, v.rowid DESC) = 1
            ORDER BY v.created_at, v.rowid"""
        values = [*readable_values(run.scope), list(extraction_ids)]
        rows = self._database.read(lambda c: c.execute(query, values).fetchall())
        return [
            Review(number, document_id, ordinal, field, Judgement(judgement), value, actor)
            for number, document_id, ordinal, field, judgement, value, actor in rows
        ]

    def extractions_of(self, run: Run, schema: str) -> list[int]:
        """The extractions with any version of a schema, oldest first.

        Raises:
            AccessDenied: once the run has ended.
        """
        run.require_open()
        rows = self._database.read(
            lambda c: c.execute(
                "SELECT e.id FROM store.extractions e JOIN store.extraction_schemas s "
                "ON s.id = e.schema_id WHERE s.name = ? ORDER BY e.id",
                [schema],
            ).fetchall()
        )
        return [int(row[0]) for row in rows]


def _require_field(connection: duckdb.DuckDBPyConnection, run: Run, review: Review) -> None:
    row = connection.execute(
        f"""SELECT count(f.name) FROM store.records r JOIN ({READABLE}) d ON d.id = r.document_id
            LEFT JOIN store.fields f ON f.record_id = r.id AND f.name = ?
            WHERE r.extraction_id = ? AND r.document_id = ? AND r.ordinal = ?
            GROUP BY r.id""",
        [
            *readable_values(run.scope),
            review.field,
            review.extraction_id,
            review.document_id,
            review.ordinal,
        ],
    ).fetchone()
    if row is None:
        raise AccessDenied(
            "no record of this place is in your scope",
            value=f"extraction {review.extraction_id}, document {review.document_id}",
            next_step="Take the items that review_queue returns.",
        )
    if not row[0]:
        raise UsageError(
            "the record has no such field",
            value=review.field,
            next_step="Take the items that review_queue returns.",
        )


def _require_review(run: Run) -> None:
    run.require_open()
    if run.action is not Action.REVIEW:
        raise AccessDenied(
            f"a run for {run.action.value!r} may not review",
            value=run.actor.name,
            next_step="Use the session's accept, correct and reject.",
        )
