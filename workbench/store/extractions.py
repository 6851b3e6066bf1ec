"""Extraction schemas, extractions, their records and fields as rows.

An extraction is known by its ``key``: actor, schema, model, prompt, options and examples. The same
call later goes on with the same extraction, so that finished documents cost nothing twice. A record
belongs to one version of a document and is seen by whoever may see that.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from workbench.errors import UsageError
from workbench.guard.run import Run
from workbench.store.database import Database
from workbench.store.documents import READABLE, append, next_ids, now, one, readable_values
from workbench.values import ExtractionInfo, Field, FieldStatus, Record, RecordStatus

_RECORDS = f"""
SELECT r.id, r.document_id, r.document, r.uri, r.ordinal, r.status, r.problem, r.read_share, d.label
FROM store.records r JOIN ({READABLE}) d ON d.id = r.document_id
WHERE r.extraction_id = ?
ORDER BY r.document_id, r.ordinal, r.id
"""
_FIELDS = """
SELECT f.record_id, f.name, f.kind, f.value, f.unit, f.raw, f.quote, f.page, f.start_char,
    f.end_char, f.box, f.status, f.confidence, f.problem, f.signals
FROM store.fields f JOIN store.records r ON r.id = f.record_id
WHERE r.extraction_id = ? ORDER BY f.record_id, f.position
"""
_INFOS = f"""
SELECT e.id, s.name, s.version, e.actor, e.model, e.prompt_version, count(DISTINCT d.id),
    strftime(max(r.created_at), '%Y-%m-%dT%H:%M:%SZ')
FROM store.extractions e
JOIN store.extraction_schemas s ON s.id = e.schema_id
JOIN store.records r ON r.extraction_id = e.id
JOIN ({READABLE}) d ON d.id = r.document_id
GROUP BY ALL ORDER BY max(r.created_at) DESC, e.id DESC
"""
_FIELD_TYPES = {
    "record_id": pa.int32(),
    "position": pa.int32(),
    "name": pa.string(),
    "kind": pa.string(),
    "value": pa.string(),
    "unit": pa.string(),
    "raw": pa.string(),
    "quote": pa.string(),
    "page": pa.int32(),
    "start_char": pa.int32(),
    "end_char": pa.int32(),
    "box": pa.list_(pa.float64()),
    "status": pa.string(),
    "confidence": pa.float64(),
    "problem": pa.string(),
    "signals": pa.string(),
}


@dataclass(frozen=True, slots=True)
class SavedSchema:
    """A schema as the workspace keeps it; ``version`` counts the changes under its name."""

    id: int
    name: str
    version: int
    fingerprint: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExtractionKey:
    """What makes two extractions the same. ``options`` is JSON, ``examples`` a digest."""

    schema_id: int
    model: str
    model_digest: str
    prompt_version: str
    options: str
    examples: str


class Extractions:
    """Schemas and extracted records; every call needs an open Run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_schema(
        self, run: Run, name: str, fingerprint: str, definition: Mapping[str, Any]
    ) -> SavedSchema:
        """Keep a schema; an unchanged one keeps its version."""
        run.require_open()

        def save(connection: duckdb.DuckDBPyConnection) -> SavedSchema:
            found = _latest(connection, name)
            if found is not None and found.fingerprint == fingerprint:
                return found
            version = found.version + 1 if found else 1
            number = int(one(connection.execute("SELECT nextval('store.schema_ids')")))
            text = json.dumps(definition, ensure_ascii=False)
            connection.execute(
                "INSERT INTO store.extraction_schemas VALUES (?, ?, ?, ?, ?, ?, ?)",
                [number, name, version, fingerprint, text, run.actor.name, now()],
            )
            return SavedSchema(number, name, version, fingerprint, definition)

        known = self._database.read(lambda c: _latest(c, name))
        if known is not None and known.fingerprint == fingerprint:
            return known
        return self._database.write(save)

    def schema(self, run: Run, name: str, version: int | None = None) -> SavedSchema:
        """A saved schema, the newest version unless one is named.

        Raises:
            UsageError: if there is none.
        """
        run.require_open()
        found = self._database.read(lambda c: _latest(c, name, version))
        if found is None:
            raise UsageError(
                "there is no such schema in the workspace",
                value=name if version is None else f"{name}, version {version}",
                next_step="Pass the schema itself, or the name of one that was used before.",
            )
        return found

    def schema_of(self, run: Run, extraction_id: int) -> SavedSchema:
        """The schema that an extraction was made with.

        Raises:
            UsageError: if there is no such extraction.
        """
        run.require_open()
        row = self._database.read(
            lambda c: c.execute(
                "SELECT s.name, s.version FROM store.extractions e "
                "JOIN store.extraction_schemas s ON s.id = e.schema_id WHERE e.id = ?",
                [extraction_id],
            ).fetchone()
        )
        if row is None:
            raise UsageError(
                "there is no such extraction",
                value=extraction_id,
                next_step="Query the view `extractions` for those that there are.",
            )
        return self.schema(run, row[0], row[1])

    def begin(self, run: Run, key: ExtractionKey, digest: str, corpus_version: int) -> int:
        """The id of this extraction: a new one, or the one that was begun under ``digest``."""
        run.require_open()

        def known(connection: duckdb.DuckDBPyConnection) -> int | None:
            row = connection.execute(
                "SELECT id FROM store.extractions WHERE key = ?", [digest]
            ).fetchone()
            return None if row is None else int(row[0])

        def add(connection: duckdb.DuckDBPyConnection) -> int:
            found = known(connection)
            if found is not None:
                return found
            number = int(one(connection.execute("SELECT nextval('store.extraction_ids')")))
            connection.execute(
                "INSERT INTO store.extractions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    number,
                    digest,
                    key.schema_id,
                    run.actor.name,
                    key.model,
                    key.prompt_version,
                    key.options,
                    corpus_version,
                    now(),
                ],
            )
            return number

        found = self._database.read(known)
        return found if found is not None else self._database.write(add)

    def infos(self, run: Run) -> list[ExtractionInfo]:
        """Every extraction with a visible record, whoever made it, the latest first."""
        run.require_open()
        rows = self._database.read(
            lambda c: c.execute(_INFOS, readable_values(run.scope)).fetchall()
        )
        return [ExtractionInfo(*row) for row in rows]

    def records(self, run: Run, extraction_id: int) -> list[Record]:
        """Every visible record of an extraction with its id, by document."""
        run.require_open()

        def read(connection: duckdb.DuckDBPyConnection) -> list[Record]:
            rows = connection.execute(
                _RECORDS, [*readable_values(run.scope), extraction_id]
            ).fetchall()
            fields: dict[int, list[Field]] = {}
            for row in connection.execute(_FIELDS, [extraction_id]).fetchall():
                fields.setdefault(row[0], []).append(_field(row))
            return [_record(row, fields.get(row[0], [])) for row in rows]

        return self._database.read(read)

    def texts(self, run: Run, extraction_id: int) -> dict[int, str]:
        """The masked texts of the documents that an extraction has visible records of, by id."""
        run.require_open()
        query = f"""SELECT d.id, d.text FROM ({READABLE}) d
            WHERE d.id IN (SELECT document_id FROM store.records WHERE extraction_id = ?)"""
        values = [*readable_values(run.scope), extraction_id]
        return dict(self._database.read(lambda c: c.execute(query, values).fetchall()))

    def add(
        self, run: Run, extraction_id: int, records: Sequence[Record], kinds: Mapping[str, str]
    ) -> list[int]:
        """Keep a document's records in one transaction; earlier ones of that document give way.

        ``kinds`` gives each field's type by its name: text, number, money, date, boolean, enum.
        """
        run.require_open()

        def insert(connection: duckdb.DuckDBPyConnection) -> list[int]:
            for number in {record.document_id for record in records}:
                gone = "SELECT id FROM store.records WHERE extraction_id = ? AND document_id = ?"
                where = [extraction_id, number]
                connection.execute(f"DELETE FROM store.fields WHERE record_id IN ({gone})", where)
                connection.execute(
                    "DELETE FROM store.records WHERE extraction_id = ? AND document_id = ?", where
                )
            fresh = next_ids(connection, "store.record_ids", len(records))
            ids = [int(number) for number in fresh.to_pylist()]
            for number, record in zip(ids, records, strict=True):
                connection.execute(
                    f"INSERT INTO store.records VALUES ({', '.join('?' * 11)})",
                    [
                        number,
                        extraction_id,
                        run.id,
                        record.document_id,
                        record.document,
                        record.uri,
                        record.ordinal,
                        record.status.value,
                        record.problem,
                        record.read_share,
                        now(),
                    ],
                )
            rows = [
                _row(number, position, found, kinds)
                for number, record in zip(ids, records, strict=True)
                for position, found in enumerate(record.fields)
            ]
            if rows:
                schema = pa.schema(list(_FIELD_TYPES.items()))
                append(connection, "store.fields", pa.Table.from_pylist(rows, schema=schema))
            return ids

        return self._database.write(insert)


def _latest(
    connection: duckdb.DuckDBPyConnection, name: str, version: int | None = None
) -> SavedSchema | None:
    row = connection.execute(
        "SELECT id, name, version, fingerprint, definition FROM store.extraction_schemas "
        "WHERE name = ? AND (?::INTEGER IS NULL OR version = ?) ORDER BY version DESC LIMIT 1",
        [name, version, version],
    ).fetchone()
    if row is None:
        return None
    number, found, which, fingerprint, definition = row
    return SavedSchema(number, found, which, fingerprint, json.loads(definition))


def _row(number: int, position: int, found: Field, kinds: Mapping[str, str]) -> dict[str, Any]:
    return {
        "record_id": number,
        "position": position,
        "name": found.name,
        "kind": kinds[found.name],
        "value": None if found.value is None else str(found.value),
        "unit": found.unit,
        "raw": found.raw,
        "quote": found.quote,
        "page": found.page,
        "start_char": found.start,
        "end_char": found.end,
        "box": list(found.box) if found.box else None,
        "status": found.status.value,
        "confidence": found.confidence,
        "problem": found.problem,
        "signals": json.dumps(dict(found.signals)),
    }


def _value(text: str | None, kind: str) -> object:
    if text is None:
        return None
    if kind == "date":
        return datetime.date.fromisoformat(text)
    if kind in {"number", "money"}:
        return Decimal(text)
    return text == "True" if kind == "boolean" else text


def _field(row: Sequence[Any]) -> Field:
    _, name, kind, value, unit, raw, quote, page, start, end, box, status, sure, why, signals = row
    return Field(
        name,
        value=_value(value, kind),
        raw=raw,
        quote=quote,
        page=page,
        start=start,
        end=end,
        box=tuple(box) if box else None,
        status=FieldStatus(status),
        confidence=sure,
        unit=unit,
        problem=why,
        signals=json.loads(signals),
    )


def _record(row: Sequence[Any], fields: Sequence[Field]) -> Record:
    number, document_id, document, uri, ordinal, status, problem, share, label = row
    return Record(
        document_id=document_id,
        document=document,
        uri=uri,
        ordinal=ordinal,
        fields=tuple(fields),
        status=RecordStatus(status),
        problem=problem,
        read_share=share,
        label=label,
        id=number,
    )
