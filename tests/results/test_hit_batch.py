from __future__ import annotations

from workbench.results import HitBatch, Hits
from workbench.values import Chunk, Hit

HIT = Hit(Chunk(0, 0, 5, "badge", id=1, document_id=1), "<b>.md", "file:b", "internal", 1.0)


def test_a_batch_shows_and_converts_every_query() -> None:
    batch = HitBatch((Hits("<i>", (HIT, HIT), "r"), Hits("nothing", (), "r")), "r")
    assert [len(hits) for hits in batch] == [2, 0]
    assert batch[1].query == "nothing"
    frame = batch.df()
    assert frame["query_number"].tolist() == [0, 0]
    assert frame["rank"].tolist() == [1, 2]
    assert batch.arrow().column_names == list(frame.columns)
    assert [entry["query"] for entry in batch.to_dict()["results"]] == ["<i>", "nothing"]
    assert "&lt;i&gt;" in batch._repr_html_()
    assert "<b>" not in batch._repr_html_()
    assert str(batch).endswith("2 queries")


def test_an_empty_batch_keeps_its_columns() -> None:
    empty = HitBatch((), "r")
    assert list(empty.df().columns)[:3] == ["query_number", "query", "rank"]
    assert empty.arrow().num_rows == 0
