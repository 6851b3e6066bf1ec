"""What a check of the audit found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.results.frames import frame, pretty

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a check of the audit's hash chain found.

    The first ``rows`` rows are as they were written, and ``head`` is the hash of the last of them.
    ``first_broken`` is the row after them if it was changed, moved, added or removed, else None.
    """

    rows: int
    first_broken: int | None
    head: str

    @property
    def intact(self) -> bool:
        return self.first_broken is None

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: intact, rows, first_broken and head."""
        return {"intact": self.intact, **asdict(self)}

    def df(self) -> pd.DataFrame:
        """One row: intact, rows, first_broken and head."""
        return frame([self.to_dict()], ["intact", "rows", "first_broken", "head"])

    _repr_pretty_ = pretty

    def __str__(self) -> str:
        if self.intact:
            return f"the audit is intact: {self.rows:,} rows, head {self.head}"
        return f"the audit is broken at row {self.first_broken}: it was changed, added or removed"
