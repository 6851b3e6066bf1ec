"""What the guard and the masker keep in the workspace: audit rows, replies, placeholder numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime

import duckdb

from workbench.errors import AuditError, StoreError
from workbench.guard.audit import AuditEntry
from workbench.store import audit_chain
from workbench.store.database import Database
from workbench.store.documents import now, one
from workbench.values import Usage


class CorpusLedger:
    """The guard's ``Ledger`` and ``Spending``: one row per run in ``store.runs``, chained by its
    hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entry: AuditEntry) -> None:
        """Append one entry durably.

        Raises:
            AuditError: if it could not be written.
        """
        started_at = datetime.fromisoformat(entry.started_at).astimezone(UTC)
        row = {
            "run_id": entry.run_id,
            "actor": entry.actor,
            "role": entry.role,
            "action": entry.action,
            "resource": entry.resource,
            "outcome": entry.outcome.value,
            "detail": entry.detail,
            "prompt_tokens": entry.usage.prompt_tokens,
            "output_tokens": entry.usage.output_tokens,
            # What is hashed must be what DuckDB gives back.
            "seconds": float(entry.usage.seconds),
            "model_calls": entry.model_calls,
            "cache_hits": entry.cache_hits,
            "started_at": started_at.strftime(audit_chain.TIME_FORMAT),
        }
        try:
            self._database.write(lambda c: audit_chain.append(c, [row]))
        except StoreError as error:
            raise AuditError(
                "the audit row could not be written, so the action does not count as done",
                value=error.what,
                next_step=error.next_step,
            ) from error

    def used(self, actor: str, since: datetime) -> Usage:
        """Tokens and seconds of the runs of ``actor`` that began at ``since`` (UTC) or later."""
        begun = since.astimezone(UTC).replace(tzinfo=None)
        query = (
            "SELECT coalesce(sum(prompt_tokens), 0)::BIGINT, coalesce(sum(output_tokens), 0)"
            "::BIGINT, coalesce(sum(seconds), 0) FROM store.runs "
            "WHERE actor = ? AND started_at >= ?"
        )
        row = self._database.read(lambda c: c.execute(query, [actor, begun]).fetchone())
        return Usage() if row is None else Usage(int(row[0]), int(row[1]), float(row[2]))


class StoredReplies:
    """The guard's ``ReplyCache`` in ``store.replies``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """The stored reply, or None."""
        row = self._database.read(
            lambda c: c.execute("SELECT reply FROM store.replies WHERE key = ?", [key]).fetchone()
        )
        return None if row is None else str(row[0])

    def put(self, key: str, reply: str) -> None:
        """Keep a reply under its key, replacing an older one."""
        self._database.write(
            lambda c: c.execute(
                "INSERT OR REPLACE INTO store.replies VALUES (?, ?, ?)", [key, reply, now()]
            )
        )


class PlaceholderRegister:
    """The masker's register: one stable number per entity type and digest, for all processes.

    Numbers never change, so what this process has seen is answered from memory. Who was forgotten
    has the number 0. A process that knew them before learns it when it stores a document that
    still shows the old number, which is refused; ``reload`` then makes it look again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str], int] = {}
        self._aliases: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._loaded = False

    def number(self, entity_type: str, digest: str) -> int:
        """The number of one digest; a new one is allocated when it is unseen."""
        return self.numbers([(entity_type, digest)])[(entity_type, digest)]

    def numbers(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The numbers of many (entity type, digest) pairs, the unseen ones in one transaction."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            if any(key not in self._known for key in wanted) and not self._loaded:
                self._known.update(self._database.read(_all_numbers))
                self._loaded = True
            unseen = [key for key in wanted if key not in self._known]
            if unseen:
                self._known.update(self._database.write(lambda c: _allocate(c, unseen)))
            return {key: self._known[key] for key in wanted}

    def reload(self) -> None:
        """Forget what was kept in memory."""
        with self._lock:
            self._known.clear()
            self._aliases.clear()
            self._loaded = False

    def known(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The numbers of those pairs that have one; allocates none."""
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            missing = [digest for key, digest in wanted if (key, digest) not in self._known]
            if missing:
                self._known.update(self._database.read(lambda c: _some_numbers(c, missing)))
            return {key: self._known[key] for key in wanted if key in self._known}

    def add_aliases(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Keep pairs of a short form's digest and a person's. Of whoever was forgotten none is
        kept."""
        with self._lock:
            unseen = [pair for pair in dict.fromkeys(pairs) if pair not in self._aliases]
            if unseen:
                self._database.write(lambda c: _add_aliases(c, unseen))
                self._aliases.update(unseen)

    def standing_for(self, aliases: Iterable[str]) -> dict[str, str]:
        """The persons' digests for those short forms that exactly one person has."""
        wanted = list(dict.fromkeys(aliases))
        if not wanted:
            return {}
        query = (
            "SELECT alias, min(digest) FROM store.aliases WHERE alias IN (SELECT unnest(?)) "
            "GROUP BY alias HAVING count(*) = 1"
        )
        return dict(self._database.read(lambda c: c.execute(query, [wanted]).fetchall()))


_NUMBERS = """
SELECT entity_type, digest, number FROM store.placeholders
UNION ALL SELECT entity_type, digest, 0 FROM store.forgotten
"""
# A retired number must not come to stand for somebody else.
_USED = """
SELECT entity_type, number FROM store.placeholders
UNION ALL SELECT entity_type, number FROM store.retired
"""


def _some_numbers(
    connection: duckdb.DuckDBPyConnection, digests: list[str]
) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        f"SELECT entity_type, digest, number FROM ({_NUMBERS}) WHERE digest IN (SELECT unnest(?))",
        [digests],
    ).fetchall()
    return {(kind, digest): number for kind, digest, number in rows}


def _all_numbers(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    rows = connection.execute(_NUMBERS).fetchall()
    return {(kind, digest): number for kind, digest, number in rows}


def _allocate(
    connection: duckdb.DuckDBPyConnection, keys: list[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    numbers: dict[tuple[str, str], int] = {}
    for kind, digest in keys:
        row = connection.execute(
            f"SELECT number FROM ({_NUMBERS}) WHERE entity_type = ? AND digest = ?",
            [kind, digest],
        ).fetchone()
        if row is None:
            number = one(
                connection.execute(
                    "INSERT INTO store.placeholders SELECT ?, ?, coalesce(max(number), 0) + 1 "
                    f"FROM ({_USED}) WHERE entity_type = ? RETURNING number",
                    [kind, digest, kind],
                )
            )
        else:
            number = row[0]
        numbers[kind, digest] = int(number)
    return numbers


def _add_aliases(connection: duckdb.DuckDBPyConnection, pairs: list[tuple[str, str]]) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO store.aliases "
        "SELECT alias, digest FROM (SELECT unnest(?) AS alias, unnest(?) AS digest) "
        "WHERE digest NOT IN (SELECT digest FROM store.forgotten)",
        [[alias for alias, _ in pairs], [person for _, person in pairs]],
    )
