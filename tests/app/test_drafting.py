from __future__ import annotations

import importlib

from workbench.extraction.schema_sources import as_schema


def test_a_draft_is_started_afresh_and_becomes_a_schema() -> None:
    draft = importlib.import_module("drafting").Draft()
    draft.load("Shops", {"fields": {"shop": {"description": "its name"}}})
    draft.rows = [*draft.rows, {"name": "Total", "kind": "Money", "required": True}]
    schema = as_schema(draft.definition())
    assert (schema.name, [field.name for field in schema.fields]) == ("Shops", ["shop", "total"])
    assert draft.version == 1
    draft.load("", {})
    assert (draft.rows, draft.version) == ([], 2)
