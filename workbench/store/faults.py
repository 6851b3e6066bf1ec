"""The one border where DuckDB's exceptions become Workbench's."""

from __future__ import annotations

from pathlib import Path

import duckdb

from workbench.errors import NewerWorkspace, StoreError, WorkspaceDamaged

_BUSY = (
    "could not set lock",
    "different configuration",
    "unique file handle conflict",
    "conflict on",
    "transaction conflict",
    "duplicate key",
)
_NEWER = ("version number", "newer version of duckdb")
_DAMAGED = (
    "not a valid duckdb database",
    "corrupt",
    "checksum",
    "invalidated",
    "failure while replaying wal",
    "failed to deserialize",
)
_FULL = ("no space left", "disk quota", "could not write all bytes", "file too large")
_REFUSED = ("permission denied", "read-only", "cannot open file", "operation not permitted")


def is_busy(error: duckdb.Error) -> bool:
    """Whether another process or thread was in the way, so that trying again can help."""
    message = str(error).casefold()
    if any(sign in message for sign in _FULL):
        return False
    return isinstance(error, duckdb.TransactionException) or any(sign in message for sign in _BUSY)


def translate(error: duckdb.Error, path: Path) -> StoreError:
    """The Workbench error that says what ``error`` means for the workspace file ``path``."""
    message = str(error).casefold()
    first_line = str(error).partition("\n")[0]
    if any(sign in message for sign in _NEWER):
        return NewerWorkspace(
            "the workspace was written by a newer version",
            value=path,
            next_step="Upgrade Workbench, or choose another workspace.",
        )
    if any(sign in message for sign in _FULL):
        return StoreError(
            "the disk is full, nothing was changed",
            value=path,
            next_step="Free some space, then repeat the last step.",
        )
    if any(sign in message for sign in _REFUSED):
        return StoreError(
            "the workspace cannot be opened for this operation",
            value=first_line,
            next_step="Check that the folder exists and that you may write to it.",
        )
    severe = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
    if isinstance(error, severe) or any(sign in message for sign in _DAMAGED):
        return damaged(path, first_line.replace(str(path), path.name))
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(
            "the operation needs more memory than the workspace may use",
            value=first_line,
            next_step="Ask for fewer rows at once.",
        )
    return StoreError(
        "the workspace could not be read or written",
        value=f"{type(error).__name__}: {first_line}",
        next_step="Run `workbench doctor`; if it finds nothing, report this message.",
    )


def damaged(path: Path, detail: str) -> WorkspaceDamaged:
    """The error for a file that is there but cannot be read as a workspace."""
    return WorkspaceDamaged(
        f"the workspace file is damaged: {path}",
        value=detail,
        next_step="Restore it from a copy, or move it away and ingest the sources again.",
    )
