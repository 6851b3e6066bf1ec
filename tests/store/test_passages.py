from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError
from workbench.guard.policy import Action


def test_whole_documents_in_the_order_asked_for(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    workbench = make_workbench()
    session = workbench.session("ana")
    session.ingest(folder)
    ids = [info.id for info in session.documents()][::-1]
    with workbench.guard.open(session.actor, Action.READ) as run:
        read = workbench.corpus.passages.read(run, ids)
        assert list(dict.fromkeys(hit.chunk.document_id for hit in read.hits)) == ids
        assert read.vectors.shape == (len(read.hits), 384)
    for hit in read.hits:
        text = session.document(hit.chunk.document_id).text
        assert text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
    with pytest.raises(AccessDenied, match="ended"):
        workbench.corpus.passages.read(run, ids)


def test_what_is_out_of_scope_is_not_there(make_workbench: MakeWorkbench, folder: Path) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("*",)),
        "eve": ActorConfig(role="analyst", labels=("public",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    workbench.session("ana").ingest(folder, label="secret")
    ids = [info.id for info in workbench.session("ana").documents()]
    with workbench.guard.open(workbench.session("eve").actor, Action.READ) as run:
        read = workbench.corpus.passages.read(run, ids)
    assert read.hits == ()
    assert len(read.vectors) == 0


def test_an_older_version_follows_its_source_to_a_stricter_label(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("*",)),
        "eve": ActorConfig(role="analyst", labels=("public",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    ana, eve = workbench.session("ana"), workbench.session("eve")
    ana.ingest(folder, label="public")
    ids = [info.id for info in ana.documents()]
    with workbench.guard.open(eve.actor, Action.READ) as run:
        assert workbench.corpus.passages.read(run, ids).hits
    ana.ingest(folder, label="secret")
    with workbench.guard.open(eve.actor, Action.READ) as run:
        assert workbench.corpus.passages.read(run, ids).hits == ()
    with pytest.raises(UsageError, match="may not read it"):
        eve.summarise(ids)


def test_one_central_passage_per_document(make_workbench: MakeWorkbench, folder: Path) -> None:
    long = "\n\n".join(f"## Part {n}\n\n" + f"Item {n} is sold here. " * 30 for n in range(20))
    (folder / "long.md").write_text(f"# Long\n\n{long}", encoding="utf-8")
    workbench = make_workbench()
    session = workbench.session("ana")
    session.ingest(folder)
    ids = [info.id for info in session.documents()]
    with workbench.guard.open(session.actor, Action.READ) as run:
        central = workbench.corpus.passages.central(run, ids)
        whole = workbench.corpus.passages.read(run, ids)
    assert [hit.chunk.document_id for hit in central.hits] == sorted(ids)
    for hit, mean in zip(central.hits, central.vectors, strict=True):
        own = [n for n, h in enumerate(whole.hits) if h.chunk.document_id == hit.chunk.document_id]
        summed = whole.vectors[own].sum(axis=0)
        np.testing.assert_allclose(mean, summed / np.linalg.norm(summed), atol=1e-5)
        chosen = next(n for n in own if whole.hits[n].chunk.id == hit.chunk.id)
        assert whole.vectors[chosen] @ mean == pytest.approx(max(whole.vectors[own] @ mean))
    with pytest.raises(AccessDenied, match="ended"):
        workbench.corpus.passages.central(run, ids)
