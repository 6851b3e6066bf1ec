"""What differs between two versions of the corpus."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_COLUMNS = {
    "name": "string",
    "uri": "string",
    "label": "string",
    "change": "string",
    "what": "string",
    "before_id": "int64",
    "after_id": "int64",
    "text_diff": "string",
}
_CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """One source that differs.

    ``change`` is "added", "removed" or "changed"; ``what`` names the parts of a changed document,
    of label, name, text and metadata, and is empty if it was only stored anew. The ids are None
    where there is no document. ``text_diff`` is a unified diff of a changed document's masked
    texts, empty unless it was asked for.
    """

    name: str
    uri: str
    label: str
    change: str
    what: str = ""
    before_id: int | None = None
    after_id: int | None = None
    text_diff: str = ""


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What changed from version ``before`` to ``after``, as far as the actor may see it now."""

    before: int
    after: int
    changes: tuple[DocumentChange, ...]
    run_id: str

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[DocumentChange]:
        return iter(self.changes)

    def count(self, change: str) -> int:
        """How many documents were "added", "removed" or "changed"."""
        return sum(each.change == change for each in self.changes)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: both versions, counts and one entry per document."""
        counts = {change: self.count(change) for change in ("added", "removed", "changed")}
        rows = [asdict(change) for change in self.changes]
        return {"before": self.before, "after": self.after, "counts": counts, "changes": rows}

    def df(self) -> pd.DataFrame:
        """One row per document: name, uri, label, change, what, before_id, after_id, text_diff."""
        return frame([asdict(change) for change in self.changes], list(_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow([asdict(change) for change in self.changes], _COLUMNS)

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return render.table_html(
            ["Document", "Label", "Change", "What"],
            [[c.name, c.label, c.change, c.what] for c in self.changes],
            self._caption(),
        )

    def __str__(self) -> str:
        lines = [self._caption()]
        for each in self.changes:
            what = f" ({each.what})" if each.what else ""
            lines.append(f"{each.change:<8} {each.name}{what}")
            lines.extend(f"    {line}" for line in each.text_diff.splitlines())
        return "\n".join(lines)

    def _caption(self) -> str:
        counts = ", ".join(
            f"{self.count(change)} {change}"
            for change in ("added", "removed", "changed")
            if self.count(change)
        )
        return f"version {self.before} to {self.after}: {counts or 'no difference'}"


def text_diff(before: str, after: str) -> str:
    """A unified diff of two texts, with little context; empty if they are the same."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=_CONTEXT_LINES
    )
    return "\n".join(lines)
