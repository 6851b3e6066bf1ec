"""Real vectors for `benchmarks.search`: the sentences of collections, each embedded.

    python -m benchmarks.search_vectors --data DIR --data DIR --out FILE.npy

DIR holds docs.jsonl (id, title, text), as for `benchmarks.retrieval`. Equal sentences count once;
their order is mixed, so that the last of them are questions of the same kind.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.retrieval import LABEL, load
from workbench.config import ModelsConfig
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard
from workbench.models.server import connect
from workbench.store.corpus import Corpus
from workbench.values import Actor, Scope

SHORTEST = 20
"""Characters; what is shorter is a heading's number or the rest of an abbreviation."""


def sentences(folders: list[Path]) -> list[str]:
    """All sentences of the collections, mixed the same way at every call."""
    found: dict[str, None] = {}
    for folder in folders:
        for _, title, text in load(folder).documents:
            for piece in (title, *re.split(r"(?<=[.!?])\s+", text)):
                plain = " ".join(piece.split())
                if len(plain) >= SHORTEST:
                    found[plain] = None
    mixed = list(found)
    random.Random(1).shuffle(mixed)  # noqa: S311 - an order, no secret
    return mixed


def main() -> None:
    """Embed and write float32 rows (n, dim)."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--limit", type=int, default=20_000)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    texts = sentences(arguments.data)[: arguments.limit]
    scope = Scope(unrestricted=True)
    with tempfile.TemporaryDirectory() as folder:
        models = connect(ModelsConfig(), env=os.environ)
        guard = Guard(Corpus(Path(folder)).ledger, Budget(10**9, 86_400))
        with guard.open(Actor("benchmark", "analyst", scope), Action.INGEST, resource=LABEL) as run:
            rows = models.embed(run, texts)
        models.close()
    np.save(arguments.out, rows)
    print(f"{len(rows):,} vectors of {rows.shape[1]} numbers")


if __name__ == "__main__":
    main()
