"""A plot of what `benchmarks.search` measured.

    python -m benchmarks.search_plot FILE.json benchmarks/search.svg

Left: the median of a single query at 100,000 vectors, for each store; right: how the median grows
with the number of vectors. Both axes of time are logarithmic.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

NAMES = {
    "workbench": "Workbench",
    "duckdb-store": "DuckDBVectorStore",
    "duckdb": "DuckDB, exact",
    "chromadb": "chromadb",
    "lancedb": "lancedb, exact",
    "faiss": "faiss flat, ids only",
}
QUERIES = {"p50_ms": "all rows", "p50_ms 1%": "1% filter", "p50_ms 0.01%": "0.01% filter"}
COUNT = 100_000


def main() -> None:
    """Draw the file named first into the one named second."""
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rows = [row for row in rows if row["vectors"] == "clustered" and "p50_ms" in row]
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "search", "font.size": 9})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    _bars(left, [row for row in rows if row["n"] == COUNT])
    _growth(right, rows)
    figure.savefig(sys.argv[2], metadata={"Date": None})


def _bars(axes: Axes, rows: list[dict[str, Any]]) -> None:
    shown = sorted(rows, key=lambda row: list(NAMES).index(row["peer"]), reverse=True)
    for at, (field, name) in enumerate(QUERIES.items()):
        places = [number - 0.27 * (at - 1) for number in range(len(shown))]
        bars = axes.barh(places, [row[field] for row in shown], 0.25, label=name)
        axes.bar_label(bars, fmt="%.3g", padding=2, fontsize=7)
    axes.set_yticks(range(len(shown)), [NAMES[row["peer"]] for row in shown])
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("median, ms")
    axes.set_title(f"One query over {COUNT:,} vectors of 384 numbers", fontsize=10)
    axes.legend(loc="lower right", fontsize=7)


def _growth(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for peer, name in NAMES.items():
        points = sorted((row["n"], row["p50_ms"]) for row in rows if row["peer"] == peer)
        if len(points) > 1:
            axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("vectors")
    axes.set_ylabel("median, ms")
    axes.set_title("Growth", fontsize=10)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    main()
