"""The benchmark of kills itself: a writer that tears a document apart must not go unnoticed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.kill import SAMPLE, one_round, prepare, undisturbed
from benchmarks.kill_steps import STEPS, Scene
from workbench.store import documents


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr("benchmarks.kill_steps.STEPS", {"ingest": STEPS["ingest"]})
    scene = Scene(tmp_path / "scene", real=False)
    prepare(scene, SAMPLE, random.Random(2))
    return scene


def killed_once(tmp_path: Path, before: Callable) -> Callable:
    """``insert_chunks`` whose process dies in its first call, after ``before``."""
    insert, done = documents.insert_chunks, tmp_path / "done"

    def insert_chunks(connection, *given, **named) -> None:
        if not done.exists():
            done.touch()
            before(connection)
            os.kill(os.getpid(), signal.SIGKILL)
        insert(connection, *given, **named)

    return insert_chunks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "faults"),
    [
        pytest.param(lambda connection: None, set(), id="in a transaction"),
        pytest.param(
            lambda connection: connection.commit(), {"chunks differs", "hits differs"}, id="without"
        ),
    ],
)
def test_a_torn_document_is_noticed(
    scene: Scene, before: Callable, faults: set[str], tmp_path: Path, monkeypatch
) -> None:
    _, expected = undisturbed(scene, "ingest")
    monkeypatch.setattr(documents, "insert_chunks", killed_once(tmp_path, before))
    _, *found = one_round(scene, "ingest", None, expected)
    assert {"left", *faults} <= set(found)
    assert bool(set(found) - {"left"}) == bool(faults)
