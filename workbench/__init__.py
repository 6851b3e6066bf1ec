"""Workbench: governed search, answers and tables from your own documents, on one machine."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "open_workbench": "workbench.workbench",
    "Workbench": "workbench.workbench",
    "Session": "workbench.session",
    "Config": "workbench.config",
    "load_config": "workbench.config",
    "Actor": "workbench.values",
    "Answer": "workbench.results",
    "Chunk": "workbench.values",
    "Citation": "workbench.values",
    "Claim": "workbench.values",
    "CorpusMap": "workbench.results",
    "DEFAULT_LABEL": "workbench.values",
    "Document": "workbench.values",
    "Extraction": "workbench.results",
    "Field": "workbench.values",
    "FieldStatus": "workbench.values",
    "LakeFiles": "workbench.sources.lake",
    "ReaderDocuments": "workbench.sources.readers",
    "Record": "workbench.values",
    "RecordStatus": "workbench.values",
    "Rows": "workbench.sources.rows",
    "SqlRows": "workbench.sources.sql",
    "AllOf": "workbench.store.filters",
    "AnyOf": "workbench.store.filters",
    "Not": "workbench.store.filters",
    "Where": "workbench.store.filters",
    "Hit": "workbench.values",
    "HitBatch": "workbench.results",
    "Hits": "workbench.results",
    "IngestReport": "workbench.results",
    "MaskedDocument": "workbench.values",
    "MaskingPreview": "workbench.results",
    "MaskingReport": "workbench.results",
    "Page": "workbench.values",
    "PageBox": "workbench.values",
    "Scope": "workbench.values",
    "Support": "workbench.values",
    "Sentence": "workbench.results",
    "Summary": "workbench.results",
    "SummaryProgress": "workbench.results",
    "Table": "workbench.results",
    "Themes": "workbench.results",
    "Usage": "workbench.values",
    "WorkbenchError": "workbench.errors",
}

__all__ = ["__version__", *sorted(_ROOMS)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    value = getattr(importlib.import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
