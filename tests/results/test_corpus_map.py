from __future__ import annotations

import pytest

from workbench.results.corpus_map import CorpusMap, MapPoint
from workbench.values import Citation

CITATION = Citation("a.txt", "file:///a.txt", None, 0, 14, "Boats  <b>sail.", 1)
FOUND = CorpusMap(
    (
        MapPoint(1, "cost $5 to $9.txt", 0.0, 1.0, 0, 0.9, CITATION),
        MapPoint(2, "<script>.txt", 1.0, 0.0, 1, 0.8, None),
    ),
    "line",
    ("boats", ""),
    "run",
)


def test_names_and_sentences_are_data() -> None:
    html = FOUND._repr_html_()
    assert "<script>" not in html
    assert "Boats &lt;b&gt;sail." in html


def test_a_document_without_a_sentence_is_listed_all_the_same() -> None:
    frame = FOUND.df()
    assert list(frame["document"]) == ["cost $5 to $9.txt", "<script>.txt"]
    assert frame["says"].isna().tolist() == [False, True]


def test_dollar_signs_in_names_are_no_mathematics() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    axes = FOUND.plot()
    axes.figure.canvas.draw()
    assert [text.get_text() for text in axes.texts] == ["cost $5 to $9.txt", "<script>.txt"]
    assert axes.get_legend().get_texts()[1].get_text() == "theme 1"
    pyplot.close(axes.figure)
