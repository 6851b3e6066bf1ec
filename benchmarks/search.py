"""Speed, quality and size of vector search, ours and others', in one run.

    python -m benchmarks.search --n 10000,100000,1000000 --dim 384 \
        --peers workbench,duckdb-store,duckdb,chromadb,lancedb,faiss --out FILE.json

Each store, size and step (fill, search, recall, open, rebuild) runs in a process of its own, so
that peak memory is its own. With ``--keep FOLDER`` the stores stay there, and ``--steps`` may be
measured piece by piece into one FILE. ``--vectors`` is clustered, isotropic, anisotropic, or a
.npy file of real vectors (n, dim), the last 200 of which are the questions; a size larger than the
file repeats its rows with noise of a tenth of their length. A peer that is not installed is left
out. Every number is of the time until the caller holds the texts and fields of the ten hits, but
for faiss, which gives numbers only. The best times say most on a machine that others use as well.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_peers import IN_MEMORY, PEERS, TEXT_WORDS, Batch, Ours, Peer, Rows, timed

K = 10
QUESTIONS = 200
BATCH_ROWS = 10_000
STEPS = ("fill", "search", "recall", "open", "rebuild")
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
        self._scores = np.empty((len(questions), 0), np.float32)
        self._places = np.empty((len(questions), 0), np.int64)

    def see(self, start: int, rows: Rows) -> None:
        """Take a batch into account; only every ``step``-th row counts."""
        at = np.arange(start, start + len(rows))
        mine = at % self._step == 0
        scores = np.concatenate([self._scores, self._questions @ rows[mine].T], axis=1)
        places = np.broadcast_to(at[mine], (len(scores), int(mine.sum())))
        places = np.concatenate([self._places, places], axis=1)
        top = np.argsort(-scores, axis=1)[:, :K]
        self._scores = np.take_along_axis(scores, top, axis=1)
        self._places = np.take_along_axis(places, top, axis=1)

    def recall(self, found: Sequence[Sequence[int]]) -> float:
        """The share of the true nearest that was found."""
        shares = [
            len(set(mine) & set(true)) / len(true)
            for mine, true in zip(found, self._places.tolist(), strict=False)
        ]
        return float(np.mean(shares))


@dataclass(frozen=True, slots=True)
class Job:
    """One store of one size, kept in ``folder``."""

    peer: str
    count: int
    dim: int
    kind: str
    folder: Path

    def opened(self) -> Peer:
        return PEERS[self.peer](self.folder, self.dim)

    def question(self) -> Rows:
        question: Rows = vectors(self.kind, BATCH_ROWS, self.dim)[1][0]
        return question


def fill(job: Job) -> dict[str, Any]:
    """Rows in, index included."""
    shutil.rmtree(job.folder, ignore_errors=True)
    peer = job.opened()
    filled = _filled(peer, job)
    return {**filled, "disk_mib": _size_mib(job.folder), "filled_peak_mib": _peak_mib()}


def _filled(peer: Peer, job: Job) -> dict[str, Any]:
    insert_s = insert_cpu_s = 0.0
    start = 0
    for rows in vectors(job.kind, job.count, job.dim)[0]:
        batch = Batch(start, rows, texts(len(rows), start))
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        peer.add(batch)
        insert_s += time.perf_counter() - started_s
        insert_cpu_s += time.process_time() - started_cpu_s
        start += len(rows)
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    peer.finish()
    index_s = time.perf_counter() - started_s
    cpu_s = insert_cpu_s + time.process_time() - started_cpu_s
    return {
        "insert_rows_s": job.count / (insert_s + index_s),
        "insert_rows_cpu_s": job.count / cpu_s,
        "insert_s": insert_s,
        "index_s": index_s,
    }


def search(job: Job) -> dict[str, Any]:
    """Times of queries."""
    questions = vectors(job.kind, job.count, job.dim)[1]
    peer = job.opened()
    found = _filled(peer, job) if job.peer in IN_MEMORY else {}
    return {**found, **_speed(peer, questions, job.count), "peak_mib": _peak_mib()}


def recall(job: Job) -> dict[str, Any]:
    """What queries find against the truth, without and with filters."""
    peer = job.opened()
    if job.peer in IN_MEMORY:
        _filled(peer, job)
    batches, questions = vectors(job.kind, job.count, job.dim)
    some = questions[: QUESTIONS if isinstance(peer, Ours) or job.peer in IN_MEMORY else 30]
    wanted = {"all": (None, 1), "1%": (("percent", 0), 100), "0.01%": (("rare", 0), 10_000)}
    exact = {what: Exact(some, step) for what, (_, step) in wanted.items()}
    start = 0
    for rows in batches:
        for kept in exact.values():
            kept.see(start, rows)
        start += len(rows)
    return {
        f"recall {what}": exact[what].recall([peer.search(each, K, where) for each in some])
        for what, (where, _) in wanted.items()
    }


def _speed(peer: Peer, questions: Rows, count: int) -> dict[str, float]:
    asked = iter(range(10**9))

    def ask(where: tuple[str, int] | None) -> list[int]:
        return peer.search(questions[next(asked) % len(questions)], K, where)

    slow = float(np.median(timed(lambda: ask(None), 3))) > 0.1
    times = 15 if slow else len(questions)
    speed = {}
    for what, where in (("", None), (" 1%", ("percent", 0)), (" 0.01%", ("rare", 0))):
        took = timed(lambda where=where: ask(where), times)  # type: ignore[misc]
        speed[f"best_ms{what}"] = min(took) * 1000
        speed[f"p50_ms{what}"] = float(np.median(took) * 1000)
        speed[f"p95_ms{what}"] = float(np.quantile(took, 0.95) * 1000)
    hundred = questions[:100] if not slow else questions[:10]
    took = timed(lambda: peer.many(hundred, K), 1 if slow else 3)
    speed["batch100_ms"] = float(np.median(took) * 1000) * 100 / len(hundred)
    speed["batch100_best_ms"] = min(took) * 1000 * 100 / len(hundred)
    if isinstance(peer, Ours):
        words = texts(QUESTIONS, count + 1)
        took = timed(
            lambda: peer.hybrid(questions[next(asked) % 200], K, words[next(asked) % 200][:40]), 100
        )
        speed["hybrid_p50_ms"] = float(np.median(took) * 1000)
        speed["hybrid_best_ms"] = min(took) * 1000
    return speed


def reopen(job: Job) -> dict[str, Any]:
    """A first search in a new process, and the second."""
    question = job.question()
    started_s = time.perf_counter()
    peer = job.opened()
    opened_s = time.perf_counter()
    peer.search(question, K, None)
    first_s = time.perf_counter()
    for _ in range(20):
        peer.search(question, K, None)
    return {
        "import_s": opened_s - started_s,
        "open_s": first_s - opened_s,
        "open_peak_mib": _peak_mib(),
    }


def rebuild(job: Job) -> dict[str, Any]:
    """Ours: from the workspace file alone to the first answer."""
    if job.peer != "workbench":
        return {}
    shutil.rmtree(job.folder / "vectors", ignore_errors=True)
    for path in job.folder.glob("payloads.sqlite*"):
        path.unlink()
    question = job.question()
    peer = job.opened()
    started_s = time.perf_counter()
    peer.search(question, K, None)
    return {"rebuild_s": time.perf_counter() - started_s, "rebuild_peak_mib": _peak_mib()}


WORK: Mapping[str, Callable[[Job], dict[str, Any]]] = {
    "fill": fill,
    "search": search,
    "recall": recall,
    "open": reopen,
    "rebuild": rebuild,
}


def _size_mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _into(queue: Any, step: str, job: Job) -> None:
    queue.put(WORK[step](job))


def alone(step: str, job: Job) -> dict[str, Any] | None:
    """What a step finds in a fresh process; None if it failed."""
    if job.peer in IN_MEMORY and step not in ("search", "recall"):
        return {}
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_into, args=(queue, step, job))
    process.start()
    process.join()
    return None if queue.empty() else dict(queue.get())


def kept(out: Path, key: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Put what was found into the row of ``key`` in the file; returns the row."""
    rows = json.loads(out.read_text(encoding="utf-8")) if out.exists() else []
    row = next((each for each in rows if key.items() <= each.items()), None)
    if row is None:
        row = dict(key)
        rows.append(row)
    row.update(found)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return dict(row)


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--n", default="10000,100000")
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--vectors", default="clustered")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--keep", type=Path, help="keep the stores in this folder")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for count in (int(size) for size in options.n.split(",")):
        for name in options.peers.split(","):
            if count > SLOWEST_ROWS.get(name, count):
                continue
            kind = Path(options.vectors).stem
            row: dict[str, Any] = {}
            with tempfile.TemporaryDirectory() as place:
                folder = (options.keep or Path(place)) / f"{name}-{kind}-{count}"
                job = Job(name, count, options.dim, options.vectors, folder)
                for step in options.steps.split(","):
                    found = alone(step, job)
                    if found is None:
                        print(f"{name} could not {step} with {count:,} rows")
                        break
                    row = kept(options.out, {"peer": name, "n": count, "vectors": kind}, found)
            shown = {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}
            print(json.dumps(shown), flush=True)


if __name__ == "__main__":
    main()
