"""The file that tells clients where the embedded server is, and the lock that keeps it alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from workbench.errors import ModelUnavailable

_STATE_FILE = "server.json"
_LOCK_FILE = "server.lock"
_LOG_FILE = "server.log"


@dataclass(frozen=True, slots=True)
class ServerState:
    """A running server: its address, the key that opens it, its process and version."""

    address: str
    key: str
    pid: int
    version: str


def write_state(home: Path, state: ServerState) -> None:
    """Publish ``state``, readable by this user only."""
    fresh = home / f"{_STATE_FILE}.{state.pid}"
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(asdict(state), out)
    fresh.replace(home / _STATE_FILE)


def read_state(home: Path) -> ServerState | None:
    """The published server if it is still alive, else None.

    A file that a killed server left behind is not trusted: another program, or another user, may
    have its port by now. A living server holds the lock, and the system drops it with the process.
    """
    try:
        state = ServerState(**json.loads((home / _STATE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return state if is_locked(home) else None


def remove_state(home: Path) -> None:
    """Withdraw the file; for the holder of the lock, which owns it."""
    (home / _STATE_FILE).unlink(missing_ok=True)


def server_lock(home: Path) -> FileLock:
    """The lock that the one server of this home holds as long as it lives.

    Raises:
        ModelUnavailable: if the home directory cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ModelUnavailable(
            "the directory of the model server cannot be made",
            value=error,
            next_step="Set WORKBENCH_HOME to a directory that can be written.",
        ) from error
    return FileLock(home / _LOCK_FILE, mode=0o600)


def is_locked(home: Path) -> bool:
    """Whether a server of this home is alive."""
    lock = server_lock(home)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def log_path(home: Path) -> Path:
    """Where the server's output goes."""
    return home / _LOG_FILE
