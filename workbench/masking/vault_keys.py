"""Where the vault's key lives: the environment, the system's keyring, or a file.

A home may hold several keys, the newest first: while keys are being exchanged, the old one still
opens what the new one does not yet. Which home is used is set, never guessed: a vault whose key
silently lay beside it would protect nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

from workbench.config import VaultConfig
from workbench.errors import VaultError

KEY_BYTES = 32
VARIABLE = "WORKBENCH_VAULT_KEY"
_KEYRING_SERVICE = "workbench vault"
_OWNER_ONLY = 0o600


class KeyHome(Protocol):
    """Keeps the keys of one vault, which is known by its random name."""

    @property
    def description(self) -> str:
        """Where it is, for messages."""
        ...

    @property
    def can_store(self) -> bool:
        """Whether Workbench itself may write keys there."""
        ...

    def read(self, vault: str) -> list[bytes]:
        """The keys, newest first; empty where none was made yet.

        Raises:
            VaultError: if the home cannot be read or holds something else.
        """
        ...

    def write(self, vault: str, keys: Sequence[bytes]) -> None:
        """Replace the keys.

        Raises:
            VaultError: if the home cannot be written.
        """
        ...


def key_home(config: VaultConfig, folder: Path, env: Mapping[str, str]) -> KeyHome:
    """The home that is set; a relative ``key_file`` is meant from ``folder``."""
    if config.key_file is not None:
        return FileKeys(folder / config.key_file.expanduser())
    return KeyringKeys() if config.key == "keyring" else EnvironmentKeys(env)


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def shown(keys: Sequence[bytes]) -> str:
    """Keys as text: base64, with commas between them."""
    return ",".join(base64.urlsafe_b64encode(key).decode("ascii") for key in keys)


def parsed(text: str, where: str) -> list[bytes]:
    """The keys of a text that ``shown`` wrote.

    Raises:
        VaultError: if one is not 32 bytes in base64. A password is not: it could be guessed.
    """
    keys = []
    for part in text.split(","):
        try:
            key = base64.urlsafe_b64decode(part.strip().encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            key = b""
        if len(key) != KEY_BYTES:
            raise VaultError(
                "the vault's key is not 32 bytes in base64",
                value=where,
                next_step="Make one with `workbench vault new-key`, or restore the one of before.",
            )
        keys.append(key)
    return keys


class EnvironmentKeys:
    """Keys in an environment variable, which only the administrator changes."""

    def __init__(self, env: Mapping[str, str], variable: str = VARIABLE) -> None:
        self._env = env
        self._variable = variable

    @property
    def description(self) -> str:
        """See ``KeyHome``."""
        return f"the environment variable {self._variable}"

    @property
    def can_store(self) -> bool:
        """See ``KeyHome``."""
        return False

    def read(self, vault: str) -> list[bytes]:
        """See ``KeyHome``."""
        text = self._env.get(self._variable, "").strip()
        return parsed(text, self.description) if text else []

    def write(self, vault: str, keys: Sequence[bytes]) -> None:
        """See ``KeyHome``; always refused."""
        raise VaultError(
            "the vault's key is set from outside",
            value=self.description,
            next_step="Make a key with `workbench vault new-key` and set it there.",
        )


class KeyringKeys:
    """Keys in the keyring of the operating system, through the ``keyring`` library."""

    @property
    def description(self) -> str:
        """See ``KeyHome``."""
        return "the system's keyring"

    @property
    def can_store(self) -> bool:
        """See ``KeyHome``."""
        return True

    def read(self, vault: str) -> list[bytes]:
        """See ``KeyHome``."""
        keyring = _keyring()
        try:
            text = keyring.get_password(_KEYRING_SERVICE, vault)
        except keyring.errors.KeyringError as error:
            raise _no_keyring(type(error).__name__) from error
        return parsed(text, self.description) if text else []

    def write(self, vault: str, keys: Sequence[bytes]) -> None:
        """See ``KeyHome``."""
        keyring = _keyring()
        try:
            keyring.set_password(_KEYRING_SERVICE, vault, shown(keys))
        except keyring.errors.KeyringError as error:
            raise _no_keyring(type(error).__name__) from error


class FileKeys:
    """Keys in a file that its owner alone may read. Keep it out of the workspace and its copies."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def description(self) -> str:
        """See ``KeyHome``."""
        return f"the file {self._path}"

    @property
    def can_store(self) -> bool:
        """See ``KeyHome``."""
        return True

    def read(self, vault: str) -> list[bytes]:
        """See ``KeyHome``."""
        try:
            if not self._path.exists():
                return []
            mode = stat.S_IMODE(self._path.stat().st_mode)
            text = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable(type(error).__name__) from error
        if os.name == "posix" and mode & 0o077:
            raise VaultError(
                "others may read the vault's key",
                value=f"{self._path} has mode {mode:o}",
                next_step="Run `chmod 600` on it; if others could have read it, rotate the vault.",
            )
        return parsed(text, self.description)

    def write(self, vault: str, keys: Sequence[bytes]) -> None:
        """See ``KeyHome``; the file is replaced as a whole."""
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(shown(keys))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise self._unusable(error.strerror or type(error).__name__) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()

    def _unusable(self, why: str) -> VaultError:
        return VaultError(
            "the vault's key file cannot be used",
            value=f"{self._path}: {why}",
            next_step="Check vault.key_file in workbench.toml and your right to use it.",
        )


def _keyring() -> ModuleType:
    try:
        import keyring
        import keyring.errors
    except ModuleNotFoundError as error:
        raise VaultError(
            "the keyring library is not installed",
            value="vault.key = 'keyring'",
            next_step='Run `pip install "analyst-workbench[keyring]"`, or choose another key home.',
        ) from error
    return keyring


def _no_keyring(why: str) -> VaultError:
    return VaultError(
        "the system's keyring cannot be used",
        value=why,
        next_step="Unlock it, or set vault.key to environment or file in workbench.toml.",
    )
