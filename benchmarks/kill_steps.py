"""What the processes of `benchmarks.kill` do: the steps that are killed, and the looks afterwards.

Every job runs in a process of its own, works in one folder, and leaves what it found in
``found.json`` there.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import Session, Workbench, open_workbench
from workbench.config import Config, ModelsConfig, VaultConfig
from workbench.doctor import examine
from workbench.errors import EmbeddingMismatch
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.models.governed import Models
from workbench.models.messages import ModelInfo
from workbench.store.matrix import EXACT_ROWS
from workbench.tasks import reembed

FILES = 9
MAX_FILE_BYTES = 40_000
QUERIES = ("invoice total", "leave", "contact", "licence")
MODES = ("keyword", "vector", "hybrid")
DERIVED = ("keyword", "vectors")
"""The folders of what is derived from the workspace file."""

_FIRST_NODES = EXACT_ROWS + 1
"""From here on the vector index has codes."""

_NODES_LABEL = "internal"
_VAULT = VaultConfig(enabled=True, key="file", key_file=Path("../vault.key"))
_FIRST = ModelsConfig().embedding
_SECOND = "another-embedding:latest"
_SHOWN = re.compile(r"<[A-Z][A-Z0-9_]*_[1-9][0-9]*>")
_CHECKED = {"workspace", "vault"}


class TwoModels(FakeServer):
    """The fake with a second embedding model: another space, of 64 numbers."""

    def models(self) -> list[ModelInfo]:
        """Those of the fake, and the second."""
        digest = hashlib.sha256(_SECOND.encode()).hexdigest()
        return [*super().models(), ModelInfo(_SECOND, digest, 0, "fake", "0", "none")]

    def embed(self, model: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the fake does; the second model turns that and keeps 64 numbers."""
        rows = super().embed(_FIRST if model == _SECOND else model, texts)
        if model != _SECOND:
            return rows
        turn = np.random.default_rng(5).normal(size=(rows.shape[1], 64))
        return np.asarray(rows @ turn, np.float32)


def reembed_in_small_pages() -> None:
    """Let a small corpus take as many pages as a large one."""
    vars(reembed)["PAGE_CHUNKS"] = 16


@dataclass(frozen=True)
class Scene:
    """Where the rounds play: folders before and after the change, and how processes work."""

    root: Path
    real: bool
    only: tuple[str, ...] = ()

    @property
    def before(self) -> Path:
        return self.root / "before"

    @property
    def after(self) -> Path:
        return self.root / "after"

    @property
    def steps(self) -> list[str]:
        """Of real embedding models there is one, and it is too slow for many nodes."""
        left_out = ("reembed", "nodes") if self.real else ()
        return [step for step in self.only or STEPS if step not in left_out]

    def open(self, workspace: Path, embedding: str = _FIRST) -> Workbench:
        """The workbench of one process."""
        config = Config(vault=_VAULT, models=ModelsConfig(embedding=embedding))
        if self.real:
            return open_workbench(workspace, config=config)
        fake = TwoModels()
        workbench = Workbench(
            workspace, config, {}, connect_models=lambda cache: Models(fake, config.models, cache)
        )
        workbench._masker = Masker(
            config.masking,
            workbench.corpus.placeholders,
            key=bytes(32),
            detectors=[Patterns(RECOGNIZERS)],
            keep=workbench.vault.keep if workbench.vault is not None else None,
        )
        return workbench


def _ingest(scene: Scene, session: Session, folder: Path) -> None:
    report = session.ingest(folder)
    if report.failed:
        raise SystemExit(f"failed: {[item.error for item in report.failed]}")


def _sync(scene: Scene, session: Session, folder: Path) -> None:
    # The folder changed under its own name, as it does for everybody.
    shutil.copytree(scene.after, folder, dirs_exist_ok=True)
    for file in folder.iterdir():
        if not (scene.after / file.name).exists():
            file.unlink()
    session.ingest(folder, sync=True)


def _roll_back(scene: Scene, session: Session, folder: Path) -> None:
    session.rollback("first")


def _forget(scene: Scene, session: Session, folder: Path) -> None:
    # Chosen once, in the template: after a kill it may have been forgotten already.
    session.forget(*(folder.parent / "subjects.txt").read_text(encoding="utf-8").split())


def _reembed(scene: Scene, session: Session, folder: Path) -> None:
    session.reembed()


def _nodes(scene: Scene, session: Session, folder: Path) -> None:
    # Searches in between give codes to what came in, then too few for it, then enough again.
    for start in range(_FIRST_NODES, _FIRST_NODES + 8_000, 2_000):
        _add_nodes(session, start, start + 2_000)
        session.search("leave", 10)
    session.as_vector_store(_NODES_LABEL).delete("source-3")


def _add_nodes(session: Session, start: int, stop: int) -> None:
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

    nodes = [
        TextNode(
            id_=f"node-{number}",
            text=f"Note {number}: {QUERIES[number % len(QUERIES)]}, file {number * 7 % 1_009}.",
            relationships={
                NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"source-{number // 100}")
            },
        )
        for number in range(start, stop)
    ]
    session.as_vector_store(_NODES_LABEL).add(nodes)


STEPS: Mapping[str, Callable[[Scene, Session, Path], None]] = {
    "ingest": _ingest,
    "sync": _sync,
    "rollback": _roll_back,
    "forget": _forget,
    "reembed": _reembed,
    "nodes": _nodes,
}


def lay_out(scene: Scene, data: Path, rng: random.Random) -> None:
    """Two states of a folder, and for each step a copy of the first."""
    small = [
        file
        for file in sorted(data.rglob("*"))
        if file.suffix in {".md", ".html", ".txt", ".csv", ".eml", ".docx", ".pdf"}
        and file.stat().st_size < MAX_FILE_BYTES
    ]
    chosen = rng.sample(small, min(len(small), FILES + 3))
    for folder, files in ((scene.before, chosen[:FILES]), (scene.after, chosen[3:])):
        folder.mkdir(parents=True)
        for number, file in enumerate(files):
            target = folder / f"{chosen.index(file):02d}{file.suffix}"
            shutil.copy(file, target)
            if folder == scene.after and number < 3 and target.suffix in {".md", ".txt", ".csv"}:
                with target.open("a", encoding="utf-8") as changed:
                    changed.write("\nChanged: write to kim.lee@example.com.\n")
        (folder / "people.txt").write_text(
            f"Kim Lee, kim.lee@example.com, wrote to {folder.name}@example.com.\n", encoding="utf-8"
        )
    for step in scene.steps:
        shutil.copytree(scene.before, scene.root / "templates" / step / "folder")


def template(scene: Scene, base: Path, step: str) -> None:
    """What a step starts from; for the first ingest that is nothing."""
    session = scene.open(base / "workspace").session()
    session.ingest(base / "folder", snapshot="first")
    if step == "rollback":
        _sync(scene, session, base / "folder")
    if step == "nodes":
        _add_nodes(session, 0, _FIRST_NODES)
    texts = session.sql("SELECT text FROM documents").arrow()["text"].to_pylist()
    shown = Counter(_SHOWN.findall("\n".join(texts)))
    subjects = [name for name, _ in shown.most_common(2)]
    (base / "subjects.txt").write_text(" ".join(subjects), encoding="utf-8")
    _hits(session)


def perform(scene: Scene, base: Path, step: str) -> None:
    """The step itself and a search, which brings the indexes up to date; the process that may be
    killed."""
    session = _after(scene, base, step).session()
    STEPS[step](scene, session, base / "folder")
    _hits(session)


def inspect(scene: Scene, base: Path, step: str) -> None:
    """Whether the workspace opens and is in order right after the kill."""
    problems = [
        f"{check.name}: {check.finding}"
        for check in examine(base / "workspace", os.environ)
        if check.name in _CHECKED and check.state == "broken"
    ]
    session = scene.open(base / "workspace").session()
    if not session.verify_audit().intact:
        problems.append("the audit is broken")
    if session.documents():
        try:
            session.search("leave")
        except EmbeddingMismatch:
            # Nobody but a re-embedding changes the model, and then all of it.
            _after(scene, base, step).session().search("leave")
    _write(base, {"problems": problems})


def conclude(scene: Scene, base: Path, step: str) -> None:
    """Everything that must be as in an undisturbed run, as digests by part."""
    workspace = _after(scene, base, step)
    session = workspace.session()
    documents = session.sql(
        "SELECT name, label, text, chunks, masked, content_hash FROM documents ORDER BY ALL"
    )
    chunks = session.sql(
        "SELECT document, ordinal, start_char, end_char, heading, text FROM chunks ORDER BY ALL"
    )
    hits = _hits(session)
    problems = list(workspace.corpus.health().problems)
    for folder in DERIVED:
        shutil.rmtree(base / "workspace" / folder)
    if _hits(_after(scene, base, step).session()) != hits:
        problems.append("the indexes are not those that are made anew")
    state = {
        "documents": documents.arrow().to_pylist(),
        "chunks": chunks.arrow().to_pylist(),
        "hits": hits,
        "problems": problems,
        "audit": session.verify_audit().intact,
    }
    digests = {name: _digest(part) for name, part in state.items()}
    _write(base, {**digests, "count": len(documents), "problems": problems})


def _after(scene: Scene, base: Path, step: str) -> Workbench:
    """The workbench with the model that the step ends with."""
    return scene.open(base / "workspace", _SECOND if step == "reembed" else _FIRST)


def _hits(session: Session) -> dict[str, list[list[tuple[str, str, float]]]]:
    """What every query finds in every mode, without the numbers that are given out."""
    return {
        mode: [
            sorted((hit.document, hit.chunk.text, round(hit.similarity or 0.0, 5)) for hit in hits)
            for hits in session.search_many(QUERIES, 1_000, mode=mode)
        ]
        for mode in MODES
    }


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:16]


def _write(base: Path, found: Mapping[str, Any]) -> None:
    (base / "found.json").write_text(json.dumps(found), encoding="utf-8")


def read(base: Path) -> dict[str, Any]:
    """What the last process found."""
    found: dict[str, Any] = json.loads((base / "found.json").read_text(encoding="utf-8"))
    return found


JOBS = {job.__name__: job for job in (template, perform, inspect, conclude)}
