"""The rows between the model's words and finished Records: order, gaps, failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.extraction.merging import Fields
from workbench.extraction.schema import FieldSpec, Schema, bare
from workbench.extraction.windows import Window
from workbench.values import Field, FieldStatus, MaskedDocument, Record, RecordStatus

_KEPT = {FieldStatus.LOCATED, FieldStatus.INFERRED}


def failed_record(document: MaskedDocument, schema: Schema, problem: str) -> Record:
    """A record that says why a document has no values."""
    return Record(
        document_id=document.id,
        document=document.name,
        uri=document.uri,
        ordinal=0,
        fields=tuple(Field(leaf.path) for leaf in schema.leaves if not leaf.listed),
        status=RecordStatus.FAILED,
        problem=problem,
        read_share=0.0,
        label=document.label,
    )


def in_order(row: Fields, schema: Schema) -> list[Field]:
    """The row's fields in the schema's order, with a missing one for every leaf without any."""
    order = {leaf.path: number for number, leaf in enumerate(schema.leaves)}
    have = {bare(name) for name in row}
    extra = [Field(leaf.path) for leaf in schema.leaves if leaf.path not in have | _listed(schema)]
    fields = [*row.values(), *extra]
    return sorted(fields, key=lambda f: order[bare(f.name)])


def _listed(schema: Schema) -> set[str]:
    return {leaf.path for leaf in schema.leaves if leaf.listed}


def joined(parts: Sequence[Sequence[Fields]]) -> list[Fields]:
    """Rows whose fields were asked for in groups: those of equal position belong together."""
    most = max((len(rows) for rows in parts), default=0)
    return [
        {name: f for rows in parts if number < len(rows) for name, f in rows[number].items()}
        for number in range(most)
    ]


def is_of(spec: FieldSpec, name: str) -> bool:
    """Whether the field ``name`` is of this spec or inside it."""
    return name == spec.name or name.startswith((f"{spec.name}.", f"{spec.name}["))


def is_found(spec: FieldSpec, row: Fields) -> bool:
    """Whether the row holds a value for this spec."""
    mine = [f for name, f in row.items() if is_of(spec, name)]
    return bool(mine) and any(f.status in _KEPT for f in mine)


def is_bad(found: Field) -> bool:
    """Whether the model said something that cannot be the value."""
    return found.status is FieldStatus.INVALID


def marked_cut(row: Fields) -> Fields:
    """The row of a reply that was cut off; what is missing may stand behind the cut."""
    return {
        name: f
        if f.status is not FieldStatus.MISSING
        else replace(f, problem="the model's reply was cut off before this field")
        for name, f in row.items()
    }


def halved(window: Window) -> Window:
    """The first half of a window."""
    left = window.chars // 2
    spans = []
    for start, end in window.spans:
        if left <= 0:
            break
        spans.append((start, min(end, start + left)))
        left -= end - start
    return Window(tuple(spans))
