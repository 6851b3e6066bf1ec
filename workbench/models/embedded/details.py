"""How Ollama describes models: in its list, in ``show``, and in ``ps``."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.models.catalog import CatalogModel, full_name
from workbench.models.embedded.residents import Resident

_FOREVER = timedelta(days=365 * 200)


def now() -> str:
    """The time in the form of Ollama's ``created_at``."""
    return _stamp(datetime.now(UTC))


def details(model: CatalogModel) -> dict[str, Any]:
    """The ``details`` object."""
    return {
        "parent_model": "",
        "format": "gguf" if model.kind == "chat" else "onnx",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }


def listed(model: CatalogModel, models: Path) -> dict[str, Any]:
    """An entry of ``/api/tags``."""
    return {
        **_identity(model),
        "modified_at": _modified(model, models),
        "size": model.size,
        "details": details(model),
    }


def shown(model: CatalogModel, models: Path) -> dict[str, Any]:
    """The answer of ``/api/show``."""
    info: dict[str, Any] = {
        "general.architecture": model.family,
        f"{model.family}.context_length": model.context_length,
    }
    if model.dimensions:
        info[f"{model.family}.embedding_length"] = model.dimensions
    return {
        "license": model.license_text(),
        "modelfile": f"FROM {model.name}",
        "parameters": "",
        "template": "",
        "details": details(model),
        "model_info": info,
        "capabilities": ["completion" if model.kind == "chat" else "embedding"],
        "modified_at": _modified(model, models),
    }


def running(resident: Resident) -> dict[str, Any]:
    """An entry of ``/api/ps``."""
    left_s = resident.expires_at_s - time.monotonic()
    left = _FOREVER if math.isinf(left_s) else timedelta(seconds=max(left_s, 0))
    return {
        **_identity(resident.model),
        "size": resident.model.size,
        "details": details(resident.model),
        "expires_at": _stamp(datetime.now(UTC) + left),
        "size_vram": 0,
        "context_length": resident.num_ctx,
    }


def _identity(model: CatalogModel) -> dict[str, Any]:
    name = full_name(model.name)
    return {"name": name, "model": name, "digest": model.digest}


def _modified(model: CatalogModel, models: Path) -> str:
    modified_s = model.paths(models)[0].stat().st_mtime
    return _stamp(datetime.fromtimestamp(modified_s, UTC))


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
