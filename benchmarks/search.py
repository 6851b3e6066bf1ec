"""Speed, quality and size of vector search, ours and others', in one run.

    python -m benchmarks.search --n 10000,100000,1000000 --dim 384 \
        --peers workbench,duckdb-store,duckdb,chromadb,lancedb,faiss --out FILE.json

Each store and size runs in a process of its own, so that peak memory is its own. ``--vectors`` is
clustered, isotropic, anisotropic, or a .npy file of real vectors (n, dim), the last 200 of which
are the questions; a size larger than the file repeats its rows with noise of a tenth of their
length, and says so. A peer that is not installed is left out. Every number is of the time until
the caller holds the texts and fields of the ten hits, but for faiss, which gives numbers only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_peers import KEPT_ON_DISK, PEERS, TEXT_WORDS, Batch, Ours, Peer, Rows, timed

K = 10
QUESTIONS = 200
BATCH_ROWS = 10_000
SLOWEST_ROWS = {"duckdb-store": 100_000, "chromadb": 100_000, "lancedb": 100_000}
"""Above these sizes a peer takes too long to be filled."""


def vectors(kind: str, count: int, dim: int) -> tuple[Iterator[Rows], Rows]:
    """Unit rows in batches of BATCH_ROWS, the same at every call, and QUESTIONS more."""
    rng = np.random.default_rng(1)
    if kind.endswith(".npy"):
        real = np.load(kind).astype(np.float32)
        stored, questions = real[:-QUESTIONS], real[-QUESTIONS:]

        def repeated() -> Iterator[Rows]:
            for start in range(0, count, BATCH_ROWS):
                at = np.arange(start, min(start + BATCH_ROWS, count))
                rows = stored[at % len(stored)]
                noise = rng.normal(size=rows.shape).astype(np.float32)
                noise *= 0.1 / np.linalg.norm(noise, axis=1, keepdims=True)
                yield unit(rows + noise * (at >= len(stored))[:, None])

        return repeated(), unit(questions)
    scale: Rows = np.ones(dim, np.float32)
    if kind == "anisotropic":
        scale = np.asarray(1 / np.sqrt(np.arange(1, dim + 1)), np.float32)
    centres = rng.normal(size=(max(16, count // 100), dim)).astype(np.float32)

    def some(size: int) -> Rows:
        rows = rng.normal(size=(size, dim)).astype(np.float32)
        if kind == "clustered":
            rows = centres[rng.integers(len(centres), size=size)] + 0.7 * rows
        return unit(rows * scale)

    questions = some(QUESTIONS)
    starts = range(0, count, BATCH_ROWS)
    return (some(min(BATCH_ROWS, count - start)) for start in starts), questions


def unit(rows: Rows) -> Rows:
    """Rows scaled to length 1."""
    scaled: Rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def texts(count: int, seed: int) -> list[str]:
    """Texts of made-up words, one per row."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word{number}" for number in range(20_000)])
    chosen = (20_000 * rng.random((count, TEXT_WORDS)) ** 3).astype(int)
    return [" ".join(row) for row in words[chosen]]


class Exact:
    """The true nearest rows, kept up while batches pass by."""

    def __init__(self, questions: Rows, step: int) -> None:
        self._questions, self._step = questions, step
        self._best: list[list[tuple[float, int]]] = [[] for _ in questions]

    def see(self, start: int, rows: Rows) -> None:
        """Take a batch into account; only every ``step``-th row counts."""
        at = np.arange(start, start + len(rows))
        mine = at % self._step == 0
        if not mine.any():
            return
        scores = self._questions @ rows[mine].T
        for number, row in enumerate(scores):
            top = np.argsort(-row)[:K]
            found = [(float(row[i]), int(at[mine][i])) for i in top]
            self._best[number] = sorted([*self._best[number], *found], reverse=True)[:K]

    def recall(self, found: Sequence[Sequence[int]]) -> float:
        """The share of the true nearest that was found."""
        shares = [
            len(set(mine) & {i for _, i in true}) / len(true)
            for mine, true in zip(found, self._best, strict=False)
        ]
        return float(np.mean(shares))


def measure(name: str, count: int, dim: int, kind: str, folder: Path) -> dict[str, Any]:
    """Everything about one store of one size; runs in a process of its own."""
    batches, questions = vectors(kind, count, dim)
    exact = {"all": Exact(questions, 1), "1%": Exact(questions, 100)}
    exact["0.01%"] = Exact(questions, 10_000)
    peer = PEERS[name](folder, dim)
    insert_s, start = 0.0, 0
    for rows in batches:
        batch = Batch(start, rows, texts(len(rows), start))
        started_s = time.perf_counter()
        peer.add(batch)
        insert_s += time.perf_counter() - started_s
        for kept in exact.values():
            kept.see(start, rows)
        start += len(rows)
    started_s = time.perf_counter()
    peer.finish()
    finish_s = time.perf_counter() - started_s
    filled_mib = _peak_mib()
    found = {
        "insert_rows_s": count / (insert_s + finish_s),
        "insert_s": insert_s,
        "index_s": finish_s,
        "disk_mib": _size_mib(folder),
        **_speed(peer, questions, count),
    }
    for what, where in (("all", None), ("1%", ("percent", 0)), ("0.01%", ("rare", 0))):
        some = questions[: 200 if name in ("workbench", "faiss") else 30]
        hits = [peer.search(question, K, where) for question in some]
        found[f"recall {what}"] = exact[what].recall(hits)
    found["filled_peak_mib"], found["peak_mib"] = filled_mib, _peak_mib()
    return found


def _speed(peer: Peer, questions: Rows, count: int) -> dict[str, float]:
    asked = iter(range(10**9))

    def ask(where: tuple[str, int] | None) -> list[int]:
        return peer.search(questions[next(asked) % len(questions)], K, where)

    slow = float(np.median(timed(lambda: ask(None), 3))) > 0.1
    times = 15 if slow else len(questions)
    speed = {}
    for what, where in (("", None), (" 1%", ("percent", 0)), (" 0.01%", ("rare", 0))):
        took = timed(lambda where=where: ask(where), times)  # type: ignore[misc]
        speed[f"p50_ms{what}"] = float(np.median(took) * 1000)
        speed[f"p95_ms{what}"] = float(np.quantile(took, 0.95) * 1000)
    hundred = questions[:100] if not slow else questions[:10]
    took = timed(lambda: peer.many(hundred, K), 1 if slow else 3)
    speed["batch100_ms"] = float(np.median(took) * 1000) * 100 / len(hundred)
    if isinstance(peer, Ours):
        words = texts(QUESTIONS, count + 1)
        took = timed(
            lambda: peer.hybrid(questions[next(asked) % 200], K, words[next(asked) % 200][:40]), 100
        )
        speed["hybrid_p50_ms"] = float(np.median(took) * 1000)
    return speed


def reopened(name: str, count: int, dim: int, kind: str, folder: Path) -> dict[str, Any]:
    """A first search in a new process; ours also after the loss of everything derived."""
    question = vectors(kind, BATCH_ROWS, dim)[1][0]
    started_s = time.perf_counter()
    peer = PEERS[name](folder, dim)
    peer.search(question, K, None)
    found: dict[str, Any] = {"open_s": time.perf_counter() - started_s}
    if isinstance(peer, Ours):
        for number in range(QUESTIONS):
            peer.search(vectors(kind, BATCH_ROWS, dim)[1][number % 50], K, None)
        found["open_peak_mib"] = _peak_mib()
    return found


def rebuilt(name: str, count: int, dim: int, kind: str, folder: Path) -> dict[str, Any]:
    """Ours: from the workspace file alone to the first answer."""
    import shutil

    shutil.rmtree(folder / "vectors", ignore_errors=True)
    for path in folder.glob("payloads.sqlite*"):
        path.unlink()
    question = vectors(kind, BATCH_ROWS, dim)[1][0]
    peer = PEERS[name](folder, dim)
    started_s = time.perf_counter()
    peer.search(question, K, None)
    return {"rebuild_s": time.perf_counter() - started_s, "rebuild_peak_mib": _peak_mib()}


def _size_mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _into(queue: Any, work: Any, arguments: tuple[Any, ...]) -> None:
    queue.put(work(*arguments))


def alone(work: Any, *arguments: Any) -> dict[str, Any]:
    """``work`` in a fresh process. An empty result if that failed."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_into, args=(queue, work, arguments))
    process.start()
    process.join()
    return {} if queue.empty() else dict(queue.get())


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--n", default="10000,100000")
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--vectors", default="clustered")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    results = []
    for count in (int(size) for size in options.n.split(",")):
        for name in options.peers.split(","):
            if count > SLOWEST_ROWS.get(name, count):
                continue
            with tempfile.TemporaryDirectory() as place:
                job = (name, count, options.dim, options.vectors, Path(place) / "store")
                found = alone(measure, *job)
                if found and name in KEPT_ON_DISK:
                    found.update(alone(reopened, *job))
                if found and name == "workbench":
                    found.update(alone(rebuilt, *job))
            if not found:
                print(f"{name} could not be measured with {count:,} rows")
                continue
            row = {"peer": name, "n": count, "vectors": Path(options.vectors).name, **found}
            results.append(row)
            shown = {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}
            print(json.dumps(shown), flush=True)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
