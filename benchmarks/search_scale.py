"""Vector search alone, without the workspace, at sizes that take long to store.

    python -m benchmarks.search_scale --n 10000000 --dim 384 --folder DIR --out FILE.json

DIR takes a file of ``n`` clustered vectors (15 GB for ten million of 384) and is emptied again.
Measured are making the codes and finding how many candidates they need, memory, and the ten nearest
of one question at a time: all rows, a hundredth of the documents, and questions about nothing that
is stored. Recall is against an exact scan.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search import Exact, K, unit, vectors
from benchmarks.search_peers import Rows, timed
from workbench.store.codes import TRAIN_ROWS, Codebook, Codes, Sample, one_thread_per_product
from workbench.store.matrix import Matrix
from workbench.store.scattered import release
from workbench.store.versions import Version

EXACT_QUESTIONS = 30
TIMED_QUESTIONS = 100


def main() -> None:
    """Measure, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--n", type=int, default=10_000_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    path = options.folder / "rows"
    try:
        found = _measured(path, options.n, options.dim)
    finally:
        path.unlink(missing_ok=True)
    print(json.dumps(found, indent=1))
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _measured(path: Path, count: int, dim: int) -> dict[str, Any]:
    batches, questions = vectors("clustered", count, dim)
    some = questions[:EXACT_QUESTIONS]
    off = unit(np.random.default_rng(2).normal(size=(EXACT_QUESTIONS, dim)).astype(np.float32))
    exact = {"all": Exact(some, 1), "1%": Exact(some, 100), "far": Exact(off, 1)}
    begun_s = time.perf_counter()
    start = 0
    with path.open("wb") as file:
        for rows in batches:
            rows.tofile(file)
            for each in exact.values():
                each.see(start, rows)
            start += len(rows)
    written_s = time.perf_counter() - begun_s
    mapped = np.memmap(path, np.float32, "r", shape=(count, dim))
    begun_s = time.perf_counter()
    codes = _codes(mapped)
    coded_s = time.perf_counter() - begun_s
    peak_making = _peak_mib()
    ids = np.arange(count, dtype=np.int32)
    matrix = Matrix(Version(1, "a"), mapped, (ids, ids), codes=codes)
    percent = ids[::100]
    asked = {"all": (some, None), "1%": (some, percent), "far": (off, None)}
    report: dict[str, Any] = {
        "n": count,
        "written_s": written_s,
        "coded_s": coded_s,
        "widths": [codes.width(K, share) for share in (1.0, 0.25, 0.01)],
        "peak_mib": peak_making,
    }
    for name, (queries, allowed) in asked.items():
        here = [matrix.nearest(row[None], K, allowed)[0][0].tolist() for row in queries]
        turn = iter(range(10**9))
        pool: Rows = questions[:TIMED_QUESTIONS] if name != "far" else queries
        times = timed(
            lambda p=pool, a=allowed, t=turn: matrix.nearest(p[next(t) % len(p)][None], K, a),  # type: ignore[misc]
            TIMED_QUESTIONS if name == "all" else EXACT_QUESTIONS // 3,
        )
        report[f"recall {name}"] = exact[name].recall(here)
        report[f"p50_ms {name}"] = float(np.median(times)) * 1000
        report[f"p95_ms {name}"] = float(np.quantile(times, 0.95)) * 1000
    return {**report, "peak_mib_all": _peak_mib()}


def _codes(rows: Rows) -> Codes:
    chosen = np.sort(np.random.default_rng(1).choice(len(rows), TRAIN_ROWS, replace=False))
    with one_thread_per_product():
        book = Codebook.trained(np.asarray(rows[chosen]))
        made = book.codes(rows)
        sample = Sample.of(rows)
    release(rows)
    return Codes(book, made, Codes(book, made).measured_widths(sample))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
