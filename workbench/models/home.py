"""Where models and the embedded server keep their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs


def home_directory(env: Mapping[str, str]) -> Path:
    """``WORKBENCH_HOME``, or the user's data directory for Workbench. It need not exist yet."""
    chosen = env.get("WORKBENCH_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("workbench"))


def models_directory(env: Mapping[str, str]) -> Path:
    """The directory that holds one directory per downloaded model."""
    return home_directory(env) / "models"
