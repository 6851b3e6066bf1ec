"""The themes of a collection, each with a summary whose sentences have their sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.results import summary_view
from workbench.results.corpus_map import CorpusMap
from workbench.results.frames import pretty
from workbench.results.summary import Summary

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Theme:
    """Documents that are alike, the most typical first. ``words`` tell them from the others."""

    number: int
    words: str
    document_ids: tuple[int, ...]
    summary: Summary


@dataclass(frozen=True, slots=True)
class Themes:
    """The themes, the largest first, and the map of their documents."""

    themes: tuple[Theme, ...]
    map: CorpusMap
    run_id: str

    def __len__(self) -> int:
        return len(self.themes)

    def df(self) -> pd.DataFrame:
        """The comparison table: one row per document, see ``CorpusMap.df``."""
        return self.map.df()

    def markdown(self) -> str:
        """A chapter per theme, with numbered citations."""
        chapters = [
            f"# {summary_view.plain(theme.words)}\n\n{theme.summary.markdown()}"
            for theme in self.themes
        ]
        return "\n\n".join(chapters)

    def to_dict(self) -> dict[str, Any]:
        """The command line's JSON: themes with their summaries, and the map."""
        themes = [
            {
                "number": theme.number,
                "words": theme.words,
                "document_ids": list(theme.document_ids),
                "summary": theme.summary.to_dict(),
            }
            for theme in self.themes
        ]
        return {"themes": themes, "map": self.map.to_dict(), "run_id": self.run_id}

    _repr_pretty_ = pretty

    def _repr_html_(self) -> str:
        return "".join(theme.summary._repr_html_() for theme in self.themes)

    def __str__(self) -> str:
        return self.markdown()
