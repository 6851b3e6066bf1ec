from __future__ import annotations

from tests.test_result_frames import HITS
from workbench.results import Hits


def test_an_empty_result_keeps_its_columns() -> None:
    empty = Hits("q", (), "r")
    assert empty.arrow().num_rows == 0
    assert list(empty.df().columns) == list(HITS.df().columns)
    assert len(empty) == 0


def test_hits_are_a_sequence() -> None:
    assert HITS[0].document == "d"
    assert [hit.document for hit in HITS] == ["d"]
