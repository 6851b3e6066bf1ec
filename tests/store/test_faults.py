from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from workbench.errors import NewerWorkspace, StoreError, WorkspaceDamaged
from workbench.store.faults import is_busy, translate

PATH = Path("workbench.duckdb")


@pytest.mark.parametrize(
    ("error", "busy"),
    [
        (duckdb.IOException('Could not set lock on file "x": Conflicting lock is held'), True),
        (
            duckdb.ConnectionException("a different configuration than existing connections"),
            True,
        ),
        (duckdb.BinderException("Unique file handle conflict: Cannot attach"), True),
        (duckdb.TransactionException("Conflict on update!"), True),
        (duckdb.ConstraintException('Duplicate key "a" violates primary key constraint'), True),
        (duckdb.TransactionException("Failed to commit: No space left on device"), False),
        (duckdb.IOException("No space left on device"), False),
        (duckdb.ConstraintException("NOT NULL constraint failed"), False),
    ],
)
def test_busy_is_what_trying_again_can_help(error: duckdb.Error, busy: bool) -> None:
    assert is_busy(error) is busy


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (duckdb.IOException("The file is not a valid DuckDB database file!"), WorkspaceDamaged, ""),
        (duckdb.IOException("Corrupt database file: computed checksum 1"), WorkspaceDamaged, ""),
        (duckdb.FatalException("database has been invalidated"), WorkspaceDamaged, ""),
        (duckdb.InternalException("INTERNAL Error"), WorkspaceDamaged, ""),
        (duckdb.SerializationException("failed to deserialize"), WorkspaceDamaged, ""),
        (
            duckdb.IOException("Trying to read a database file with version number 99"),
            NewerWorkspace,
            "Upgrade",
        ),
        (duckdb.IOException("No space left on device"), StoreError, "Free some space"),
        (duckdb.IOException("Permission denied"), StoreError, "may write"),
        (duckdb.IOException("Read-only file system"), StoreError, "may write"),
        (duckdb.OutOfMemoryException("failed to allocate"), StoreError, "fewer rows"),
        (duckdb.CatalogException("Table does not exist"), StoreError, "doctor"),
    ],
)
def test_every_error_becomes_ours(error: duckdb.Error, kind: type, words: str) -> None:
    translated = translate(error, PATH)
    assert type(translated) is kind
    assert words in translated.next_step


def test_every_kind_of_duckdb_error_is_translated() -> None:
    kinds = [
        kind
        for kind in vars(duckdb).values()
        if isinstance(kind, type) and issubclass(kind, duckdb.Error)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        assert isinstance(translate(kind("some words"), PATH), StoreError)
