from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import Look, figures, soak


@pytest.mark.slow
def test_a_writer_three_readers_and_the_app_share_a_workspace(tmp_path: Path) -> None:
    found = soak(tmp_path, 1.0)
    assert set(found) == {"app", "documents", "search", "sql", "write"}
    for kind, values in found.items():
        assert values.count > 0, kind
        assert (values.errors, values.stale) == (0, 0), kind
    assert found["search"].seen_p50_ms is not None
    assert found["app"].seen_p50_ms is not None


def test_figures_count_errors_and_stale_looks() -> None:
    looks = [Look("search", 0.1, seen_s=0.1), Look("search", 0.3, "it failed")]
    looks += [Look("search", 0.2, stale=True)] * 2
    found = figures(looks)
    assert (found.count, found.errors, found.stale) == (4, 1, 2)
    assert (found.p50_ms, found.max_ms, found.seen_max_ms) == (200.0, 300.0, 100.0)
