"""A flat map of the corpus: one point per document, alike near alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench import render
from workbench.results.frames import arrow, frame, pretty
from workbench.values import Citation

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.axes import Axes

_COLUMNS = {
    "document": "string",
    "theme": "int64",
    "words": "string",
    "likeness": "float64",
    "says": "string",
    "page": "int64",
    "start": "int64",
    "end": "int64",
    "x": "float64",
    "y": "float64",
    "document_id": "int64",
}
_SHOWN_COLUMNS = ["document", "theme", "words", "likeness", "says"]
_SHOWN_ROWS = 50
_LABELLED_POINTS = 25


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A document on the map.

    ``likeness`` is its cosine to the centre of its ``theme`` (from 0). ``says`` cites a sentence of
    its most central passage; None where there is no whole sentence.
    """

    document_id: int
    document: str
    x: float
    y: float
    theme: int
    likeness: float
    says: Citation | None


@dataclass(frozen=True, slots=True)
class CorpusMap:
    """The documents as points. ``themes`` names each theme by the words that tell it apart, joined
    by a middle dot; ``method`` tells how the vectors were laid flat: distances between far points
    mean little."""

    points: tuple[MapPoint, ...]
    method: str
    themes: tuple[str, ...]
    run_id: str

    def __len__(self) -> int:
        return len(self.points)

    def df(self) -> pd.DataFrame:
        """One row per document: theme, the words of the theme, a cited sentence, coordinates."""
        return frame(self._rows(), list(_COLUMNS))

    def arrow(self) -> pa.Table:
        """The rows of ``df`` as an Arrow table."""
        return arrow(self._rows(), _COLUMNS)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A scatter plot, one colour and marker per theme; names where there are few documents."""
        from matplotlib import pyplot
        from matplotlib.lines import Line2D

        axes = ax or pyplot.subplots(figsize=(7, 5), layout="constrained")[1]
        for number, words in enumerate(self.themes):
            own = [point for point in self.points if point.theme == number]
            marker = Line2D.filled_markers[number % len(Line2D.filled_markers)]
            x, y = [point.x for point in own], [point.y for point in own]
            axes.scatter(x, y, s=28, marker=marker, label=words or f"theme {number}")
        if len(self.points) <= _LABELLED_POINTS:
            for point in self.points:
                at = (point.x, point.y)
                # A name is data: a dollar sign in it must not become mathematics.
                axes.annotate(point.document, at, fontsize=7, alpha=0.8, parse_math=False)
        axes.set(xticks=[], yticks=[], title=f"{len(self):,} documents ({self.method})")
        if self.themes:
            axes.legend(fontsize=8, loc="best")
        return axes

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: method, themes and points."""
        points = [asdict(point) for point in self.points]
        return {"method": self.method, "themes": list(self.themes), "points": points}

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        shown = [[row[name] for name in _SHOWN_COLUMNS] for row in self._rows()[:_SHOWN_ROWS]]
        return render.table_html(_SHOWN_COLUMNS, shown, self._caption())

    def __str__(self) -> str:
        lines = [self._caption()]
        for number, words in enumerate(self.themes):
            names = [point.document for point in self.points if point.theme == number]
            lines.append(f"{number}. {words}: {len(names):,} documents, {', '.join(names[:3])}")
        return "\n".join(lines)

    def _caption(self) -> str:
        return f"{len(self):,} documents in {len(self.themes):,} themes"

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for point in sorted(self.points, key=lambda point: (point.theme, -point.likeness)):
            says = point.says
            rows.append(
                {
                    "document": point.document,
                    "theme": point.theme,
                    "words": self.themes[point.theme],
                    "likeness": point.likeness,
                    "says": " ".join(says.quote.split()) if says else None,
                    "page": says.page if says else None,
                    "start": says.start if says else None,
                    "end": says.end if says else None,
                    "x": point.x,
                    "y": point.y,
                    "document_id": point.document_id,
                }
            )
        return rows
