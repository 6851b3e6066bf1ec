"""What several windows found -> one set of Fields, or rows without duplicates.

The same words at the same place are one finding, however many windows saw them: rows are the same
row if their located fields coincide, and a row that a border cut is completed by its whole twin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.values import Field, FieldStatus

Fields = dict[str, Field]
_ORDER = [FieldStatus.LOCATED, FieldStatus.INFERRED, FieldStatus.INVALID, FieldStatus.MISSING]


def better(old: Field | None, new: Field) -> Field:
    """The more certain of two findings; the earlier one if they are alike.

    Two that agree in value count as one with more windows, two that do not as a disagreement.
    """
    if old is None:
        return new
    kept = new if _ORDER.index(new.status) < _ORDER.index(old.status) else old
    both = old.value is not None and new.value is not None
    if not both:
        return kept
    name = "agreeing" if old.value == new.value else "disagreeing"
    signals = {**kept.signals, name: kept.signals.get(name, 0.0) + 1}
    return replace(kept, signals=signals)


def merge_fields(parts: Sequence[Mapping[str, Field]]) -> Fields:
    """One record from what several windows found about it."""
    merged: Fields = {}
    for part in parts:
        for name, found in part.items():
            merged[name] = better(merged.get(name), found)
    return merged


def merge_rows(windows: Sequence[Sequence[Fields]]) -> list[Fields]:
    """The rows of all windows, each once, in reading order."""
    rows: list[Fields] = []
    for window in windows:
        earlier = len(rows)
        for row in window:
            # Rows of one window are never twins: a table may state the same line twice.
            twin = next((i for i in range(earlier) if is_same_row(rows[i], row)), None)
            if twin is None:
                rows.append(row)
            else:
                rows[twin] = merge_fields([rows[twin], row])
    return sorted(rows, key=_first_start)


def is_same_row(left: Mapping[str, Field], right: Mapping[str, Field]) -> bool:
    """Whether some field stands at the same place in both and none at different ones."""
    shared = 0
    for name, field in left.items():
        other = right.get(name)
        if other is None or field.start is None or other.start is None:
            continue
        if not _overlap(field, other):
            return False
        shared += 1
    return shared > 0


def _overlap(left: Field, right: Field) -> bool:
    if left.start is None or left.end is None or right.start is None or right.end is None:
        return False
    return left.start < right.end and right.start < left.end


def _first_start(row: Mapping[str, Field]) -> int:
    return min((f.start for f in row.values() if f.start is not None), default=1 << 60)
