"""The vault: what each placeholder stands for, encrypted, in a file of its own.

A row's name is the HMAC-SHA256 of its placeholder, its value is sealed with AES-256-GCM under that
name and padded, and both keys are derived (HKDF-SHA256, RFC 5869) from one that is never stored
beside the file. So the file alone tells how many values there are, and nothing else. The reasons
are in docs/decisions/0009-vault.md.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from workbench.errors import AccessDenied, BudgetExceeded, VaultError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.masking.vault_keys import KEY_BYTES, KeyHome, new_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

T = TypeVar("T")

VAULT_FILE = "vault.sqlite"
BUSY_TIMEOUT_S = 30.0
HOUR_S = 3_600.0
_NONCE_BYTES = 12
_PAD_BYTES = 32
_NAMES_AT_ONCE = 500
_TABLES = (
    "CREATE TABLE IF NOT EXISTS vault (name TEXT NOT NULL, key_mark BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS entries (id BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS reveals (actor BLOB NOT NULL, at_s REAL NOT NULL, "
    "number INTEGER NOT NULL)",
)

Placeholder = tuple[str, int]
"""Entity type and number, as in <PERSON_17>."""


class _Cipher:
    """Names and seals rows under one key."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._names = _derived(key, b"workbench vault: names")
        self._aead: AESGCM = AESGCM(_derived(key, b"workbench vault: values"))
        self.mark = self.name("", 0)

    def name(self, kind: str, number: int) -> bytes:
        return hmac.digest(self._names, f"{kind}\x00{number}".encode(), "sha256")

    def seal(self, shown: Placeholder, value: str) -> tuple[bytes, bytes]:
        """The row: its name, and the nonce with the sealed placeholder and value."""
        name = self.name(*shown)
        plain = json.dumps([*shown, value]).encode()
        plain += b" " * (-len(plain) % _PAD_BYTES)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return name, nonce + self._aead.encrypt(nonce, plain, name)

    def open(self, name: bytes, sealed: bytes) -> tuple[Placeholder, str]:
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name)
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                "an entry of the vault was damaged or changed",
                next_step="Restore the vault's file from a copy.",
            ) from error
        kind, number, value = json.loads(plain)
        return (str(kind), int(number)), str(value)


class Vault:
    """The values behind placeholders, in ``path``. Opens nothing until it is used.

    Every method raises VaultError if the file or its key cannot be used. Safe to share between
    threads and processes.
    """

    def __init__(self, path: Path, keys: KeyHome) -> None:
        self._path = path
        self._keys = keys
        self._cipher: _Cipher | None = None

    @property
    def path(self) -> Path:
        """The file; it is made when the first value is kept."""
        return self._path

    @property
    def key_home(self) -> KeyHome:
        """Where the key is."""
        return self._keys

    def keep(self, values: Mapping[Placeholder, str]) -> None:
        """Keep what placeholders stand for. What is kept already stays as it is.

        It is on the disk when this returns, so that a document which shows a placeholder can be
        stored afterwards and is never without its entry.
        """
        missing = values.keys() - self.known(values.keys())
        if not missing:
            return

        def add(connection: sqlite3.Connection, cipher: _Cipher) -> None:
            rows = [cipher.seal(shown, values[shown]) for shown in sorted(missing)]
            connection.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?)", rows)

        self._write(add)

    def known(self, placeholders: Collection[Placeholder]) -> set[Placeholder]:
        """Those of ``placeholders`` that have an entry."""
        if not placeholders or not self._path.exists():
            return set()

        def look(connection: sqlite3.Connection, cipher: _Cipher) -> set[Placeholder]:
            named = {cipher.name(*shown): shown for shown in placeholders}
            return {named[name] for name in _rows(connection, list(named))}

        return self._read(look)

    def check(self) -> int:
        """Open the vault with its key and count the entries."""
        if not self._path.exists():
            return 0
        count = "SELECT count(*) FROM entries"
        return self._read(lambda connection, _: int(connection.execute(count).fetchone()[0]))

    def reveal(
        self, run: Run, placeholders: Collection[Placeholder], *, hourly: int
    ) -> dict[Placeholder, str]:
        """What ``placeholders`` stand for, as far as it is known. Which of them the run may see at
        all is decided before.

        Raises:
            AccessDenied: if the run is not one for revealing.
            BudgetExceeded: if the run's actor would be shown more than ``hourly`` values within an
                hour. That is checked and counted in one transaction, for all processes.
        """
        _require(run, run.action is Action.REVEAL, "reveal")
        if not placeholders or not self._path.exists():
            return {}

        def show(connection: sqlite3.Connection, cipher: _Cipher) -> dict[Placeholder, str]:
            found = _rows(connection, [cipher.name(*shown) for shown in placeholders])
            _spend(connection, cipher.name(run.actor.name, -1), len(found), hourly)
            return dict(cipher.open(name, sealed) for name, sealed in found.items())

        return self._write(show)

    def remove(self, run: Run, placeholders: Collection[Placeholder]) -> int:
        """Delete entries, and overwrite where they stood. Returns how many there were.

        Raises:
            AccessDenied: if the run is not one that writes.
        """
        _require(run, run.action.writes, "remove")
        if not placeholders or not self._path.exists():
            return 0

        def delete(connection: sqlite3.Connection, cipher: _Cipher) -> int:
            names = [(cipher.name(*shown),) for shown in placeholders]
            return connection.executemany("DELETE FROM entries WHERE id = ?", names).rowcount

        return self._write(delete)

    def rotate(self, run: Run) -> int:
        """Seal every entry anew under a new key, in one transaction. Returns how many there are.

        A home that Workbench may write gets a new key; elsewhere the new key must have been set
        before the old one. The old key opens nothing afterwards. It may be interrupted and run
        again.

        Raises:
            AccessDenied: if the run is not one for the vault.
        """
        _require(run, run.action is Action.VAULT, "rotate")
        name = self._write(lambda connection, _: _name(connection))
        keys = self._keys.read(name)
        if self._keys.can_store and len(keys) == 1:
            keys = [new_key(), *keys]
            self._keys.write(name, keys)
        fresh = _Cipher(keys[0])

        def exchange(connection: sqlite3.Connection, cipher: _Cipher) -> int:
            if fresh.mark == cipher.mark and not self._keys.can_store:
                raise VaultError(
                    "there is no new key to rotate to",
                    value=self._keys.description,
                    next_step="Set `NEW,OLD` there; `workbench vault new-key` makes a new one.",
                )
            sealed = connection.execute("SELECT id, sealed FROM entries").fetchall()
            connection.execute("DELETE FROM entries")
            rows = (fresh.seal(*cipher.open(*row)) for row in sealed)
            connection.executemany("INSERT INTO entries VALUES (?, ?)", rows)
            # Their names depend on the key as well; a count begins anew.
            connection.execute("DELETE FROM reveals")
            connection.execute("UPDATE vault SET key_mark = ?", (fresh.mark,))
            return len(sealed)

        count = self._write(exchange)
        self._cipher = fresh
        if self._keys.can_store:
            self._keys.write(name, keys[:1])
        return count

    def _read(self, work: Callable[[sqlite3.Connection, _Cipher], T]) -> T:
        with self._connected() as connection:
            # Whoever made the file may have been killed before its first commit.
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return work(connection, self._opened(connection))
        return self._write(work)

    def _write(self, work: Callable[[sqlite3.Connection, _Cipher], T]) -> T:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                connection.execute(table)
            if _name(connection) == "":
                self._begin(connection)
            result = work(connection, self._opened(connection))
            connection.execute("COMMIT")
            return result

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection that is closed afterwards, which discards what was not committed."""
        try:
            if not self._path.exists():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise VaultError(
                "the vault's file cannot be used",
                value=f"{self._path.name}: {error}",
                next_step="Check its permissions and free space, or restore it from a copy.",
            ) from error

    def _begin(self, connection: sqlite3.Connection) -> None:
        name = secrets.token_hex(16)
        keys = self._keys.read(name)
        if not keys and self._keys.can_store:
            keys = [new_key()]
            self._keys.write(name, keys)
        if not keys:
            raise self._without_key("the vault has no key yet")
        connection.execute("INSERT INTO vault VALUES (?, ?)", (name, _Cipher(keys[0]).mark))

    def _opened(self, connection: sqlite3.Connection) -> _Cipher:
        """The cipher that this moment's entries are sealed with."""
        name, mark = connection.execute("SELECT name, key_mark FROM vault").fetchone()
        if self._cipher is None or self._cipher.mark != mark:
            ciphers = [_Cipher(key) for key in self._keys.read(name)]
            fitting = [cipher for cipher in ciphers if cipher.mark == mark]
            if not fitting:
                raise self._without_key("the vault's key is missing, or is another one")
            self._cipher = fitting[0]
        return self._cipher

    def _without_key(self, what: str) -> VaultError:
        return VaultError(
            what,
            value=self._keys.description,
            next_step="Put the key there; `workbench vault new-key` makes one for a new vault. "
            "Without its key nothing in a vault can ever be read.",
        )


def _require(run: Run, allowed: bool, what: str) -> None:
    run.require_open()
    if not allowed:
        raise AccessDenied(
            f"a run for {run.action.value!r} may not {what} what the vault keeps",
            value=run.actor.name,
            next_step="Use the session's verbs.",
        )


def _name(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT name FROM vault").fetchone()
    return "" if row is None else str(row[0])


def _rows(connection: sqlite3.Connection, names: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(names), _NAMES_AT_ONCE):
        some = names[start : start + _NAMES_AT_ONCE]
        places = ", ".join("?" * len(some))
        found.update(
            connection.execute(f"SELECT id, sealed FROM entries WHERE id IN ({places})", some)  # noqa: S608
        )
    return found


def _spend(connection: sqlite3.Connection, actor: bytes, count: int, hourly: int) -> None:
    now_s = time.time()
    connection.execute("DELETE FROM reveals WHERE at_s < ?", (now_s - HOUR_S,))
    query = "SELECT coalesce(sum(number), 0) FROM reveals WHERE actor = ?"
    spent = int(connection.execute(query, (actor,)).fetchone()[0])
    if spent + count > hourly:
        raise BudgetExceeded(
            "too many values would be revealed within an hour",
            value=f"{spent:,} were, {count:,} more are asked for, {hourly:,} are allowed",
            next_step="Reveal fewer, wait, or raise vault.reveals_per_hour in workbench.toml.",
        )
    if count:
        connection.execute("INSERT INTO reveals VALUES (?, ?, ?)", (actor, now_s, count))


def _derived(key: bytes, purpose: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)
