"""What the vault gave back, and what forgetting did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import frame, pretty

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class Revealed:
    """A text with values in place of ``shown`` placeholders; ``hidden`` ones stayed.

    Only ``text`` holds the values. Displayed in a notebook or printed, the result tells how many
    there are, so that none of them is stored with an output by accident.
    """

    text: str
    shown: int
    hidden: int
    run_id: str

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: text, shown, hidden and run_id."""
        return asdict(self)

    _repr_pretty_ = pretty

    def __str__(self) -> str:
        return f"{self.shown:,} placeholders revealed, {self.hidden:,} kept; see .text"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What forgetting somebody removed.

    ``placeholders`` were given up, ``entries`` of the vault deleted, ``documents`` (of any version)
    rewritten. ``sources`` are the uris of current documents among them: what they were read from
    is outside the workspace and still says what was forgotten.
    """

    placeholders: int
    entries: int
    documents: int
    sources: tuple[str, ...]
    run_id: str

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON, fields as they are."""
        return {**asdict(self), "sources": list(self.sources)}

    def df(self) -> pd.DataFrame:
        """One row per source that still has to be cleaned: uri."""
        return frame([{"uri": uri} for uri in self.sources], ["uri"])

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return render.table_html(["source"], [[uri] for uri in self.sources], self._counts())

    def __str__(self) -> str:
        if not self.sources:
            return self._counts()
        listed = "\n".join(f"  {uri}" for uri in self.sources)
        return f"{self._counts()}\nThese sources still name them; clean them as well:\n{listed}"

    def _counts(self) -> str:
        if not self.placeholders:
            return "nothing in this workspace is known by that value"
        return (
            f"{self.placeholders:,} placeholders forgotten, {self.entries:,} vault entries "
            f"deleted, {self.documents:,} documents rewritten"
        )
