"""Several processes on one workspace, and processes that are killed in the middle."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.guard.policy import Action
from workbench.store.corpus import Corpus
from workbench.store.records import SearchQuery

COMMON = """
import sys, time
from dataclasses import replace
from pathlib import Path
import numpy as np
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard, Run
from workbench.store.corpus import Corpus
from workbench.store.records import EmbeddingInfo, SearchQuery
from workbench.values import Actor, Chunk, MaskedDocument, Scope

corpus = Corpus(Path(sys.argv[1]))
scope = Scope(unrestricted=True)
ana = Actor("ana", "analyst", scope)
model = EmbeddingInfo("fake", "sha256:one", 64)
rng = np.random.default_rng(int(sys.argv[2]))

def put(run, uri, size):
    texts = [f"zebra {uri} part{i} " + "filler " * 50 for i in range(size)]
    starts = np.cumsum([0, *map(len, texts)])
    chunks = [Chunk(i, int(starts[i]), int(starts[i + 1]), t) for i, t in enumerate(texts)]
    document = MaskedDocument(uri, uri, "text/plain", "h", "".join(texts))
    vectors = rng.normal(size=(size, 64)).astype(np.float32)
    return corpus.put(run, document, chunks, vectors=vectors, fingerprint=uri, embedding=model)
"""

WRITER = (
    COMMON
    + """
run = Run(ana, Action.INGEST, scope, Budget(1, 1e6))
for number in range(10**9):
    uri = f"file-{number % 20}"
    if number % 7 == 6:
        corpus.remove(run, uri) if uri in corpus.fingerprints(run) else None
    print(uri, put(run, uri, int(rng.integers(1, 60))), flush=True)
"""
)

READER = (
    COMMON
    + """
guard = Guard(corpus.ledger, Budget(1, 1e6))
end = time.monotonic() + float(sys.argv[3])
rounds, slowest, last = 0, 0.0, 0
while time.monotonic() < end:
    begun = time.monotonic()
    with guard.open(ana, Action.SEARCH) as run:
        vector = rng.normal(size=64)
        query = SearchQuery("zebra", vector, embedding="sha256:one")
        hits = corpus.search(run, query) if corpus.version(run) else ()
        for hit in hits[:2]:
            text = corpus.document(run, hit.chunk.document_id).text
            assert text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
        version = corpus.version(run)
        assert version >= last, "a stale read"
        last = version
        corpus.sql(run, "SELECT count(*) FROM chunks")
        corpus.placeholders.number("PERSON", f"digest-{rounds % 50}")
    rounds, slowest = rounds + 1, max(slowest, time.monotonic() - begun)
print(rounds, last, slowest)
"""
)


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out


@pytest.mark.slow
def test_a_writer_and_two_readers_work_at_once(corpus: Corpus, run_for) -> None:
    folder = corpus._database.folder
    writer = start(WRITER, folder, 1)
    readers = [start(READER, folder, seed, 15) for seed in (2, 3)]
    outputs = [finish(reader) for reader in readers]
    assert writer.poll() is None, writer.stderr.read() if writer.stderr else ""
    writer.kill()
    written = len(writer.communicate()[0].splitlines())
    for output in outputs:
        rounds, version, slowest_s = output.split()
        assert int(rounds) >= 1
        assert int(version) > 1
        assert float(slowest_s) < 30
    assert written > 10
    assert corpus.health().problems == ()
    audited = corpus.sql(run_for("*", role="admin"), "SELECT count(*) AS n FROM runs").to_pylist()
    assert audited[0]["n"] == sum(int(output.split()[0]) for output in outputs)
    numbers = corpus.placeholders.numbers(("PERSON", f"digest-{i}") for i in range(5))
    assert len(set(numbers.values())) == 5


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_it_had_confirmed(corpus: Corpus, run_for) -> None:
    folder, run = corpus._database.folder, run_for("*", action=Action.SEARCH)
    rng = random.Random(5)
    for round_ in range(8):
        writer = start(WRITER, folder, round_)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 1.5))
        writer.kill()
        confirmed = [line.split() for line in (first + writer.communicate()[0]).splitlines()]
        reopened = Corpus(folder)
        health = reopened.health()
        assert health.problems == ()
        for uri, number in confirmed[-20:]:
            assert reopened.document(run, int(number)).uri == uri
        if health.documents:
            hits = reopened.search(run, SearchQuery("zebra", mode="keyword", k=10_000))
            assert len(hits) == health.chunks
    assert corpus.version(run) >= 8


@pytest.mark.slow
def test_a_killed_search_leaves_a_usable_index(corpus: Corpus, run_for, put) -> None:
    """The keyword index is written by whoever searches, who may be killed as well."""
    folder, run = corpus._database.folder, run_for("*", action=Action.SEARCH)
    rng = random.Random(6)
    for round_ in range(6):
        put(f"file-{round_}", *(f"zebra word{round_} part{i} " * 40 for i in range(300)))
        reader = start(READER, folder, round_, 60)
        time.sleep(rng.uniform(0.8, 1.8))
        reader.kill()
        reader.communicate()
        hits = Corpus(folder).search(run, SearchQuery("zebra", mode="keyword", k=10_000))
        assert len(hits) == 300 * (round_ + 1)


def test_a_crash_while_creating_leaves_no_damaged_file(tmp_path: Path) -> None:
    script = COMMON + "\nimport os, duckdb\n" + (
        "real = duckdb.connect\n"
        "def die(path, **options):\n"
        "    connection = real(path, **options)\n"
        "    connection.execute('CREATE TABLE half AS SELECT 1')\n"
        "    os.kill(os.getpid(), 9)\n"
        "duckdb.connect = die\n"
        "corpus.health()\n"
    )  # fmt: skip
    folder = tmp_path / "workspace"
    process = start(script, folder, 1)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert Corpus(folder).health().problems == ()


SEARCHER = (
    COMMON
    + """
run = Run(ana, Action.SEARCH, scope, Budget(1, 1e6))
while True:
    hits = corpus.search(run, SearchQuery("zebra", rng.normal(size=64), embedding="sha256:one"))
    print(len(hits), flush=True)
"""
)


@pytest.mark.slow
def test_indexes_heal_after_kills_of_writers_and_searchers(corpus: Corpus, run_for) -> None:
    """Whoever is killed while it brings the indexes up to date: the next search is complete."""
    folder, run = corpus._database.folder, run_for("*", action=Action.SEARCH)
    rng = random.Random(11)
    for round_ in range(5):
        parts = [start(WRITER, folder, round_), start(SEARCHER, folder, 100 + round_)]
        for part in parts:
            assert part.stdout is not None
            part.stdout.readline()
        time.sleep(rng.uniform(0.05, 0.6))
        for part in parts:
            part.send_signal(signal.SIGKILL)
            part.communicate()
        fresh = Corpus(folder)
        vector = np.random.default_rng(round_).normal(size=64)
        query = SearchQuery("zebra", vector, 10_000, embedding="sha256:one")
        rows = fresh._database.read(
            lambda c: c.execute(
                "SELECT v.chunk_id, v.vector FROM store.vectors_1 v "
                "JOIN store.documents d ON d.id = v.document_id WHERE d.removed_in IS NULL"
            ).fetchall()
        )
        cosine = {number: float(np.dot(row, vector)) for number, row in rows}
        for mode in ("keyword", "vector", "hybrid"):
            found = [hit.chunk.id for hit in fresh.search(run, replace(query, mode=mode))]
            assert (set(found), len(found)) == (set(cosine), len(cosine)), mode
            if mode == "vector":
                ranked = np.array([cosine[i] for i in found])
                assert (np.diff(ranked) < 1e-4).all()
        assert fresh.health().problems == ()
