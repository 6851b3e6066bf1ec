from __future__ import annotations

import importlib.util
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery

from tests.contracts.vector_stores import WordsEmbedding
from tests.tasks.ray_workers import Failing, NotingEmbedding, Signing, Watching, noted, stand_in
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config, MaskingConfig
from workbench.errors import AccessDenied, ConfigError, UsageError
from workbench.store.llama_nodes import IncomingNode
from workbench.store.nodes import MaskedNode
from workbench.tasks.ray_nodes import settled

MAIL = "jane.roe@example.org"
CARD = "4111 1111 1111 1111"
SECRETS = (MAIL, "jane.roe", CARD, "4111111111111111")

pytestmark = [
    # Ray Data sets defaults of its own that it deprecates (`use_polars` and others).
    pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning:ray.data.context"),
]


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[Path]:
    """A real Ray on this machine, and the folder that its processes write to."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the extra [ray] is not installed")
    # Its sockets' paths must be short.
    with tempfile.TemporaryDirectory(prefix="ray") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else one is left in the home folder
        import ray

        ray.init(
            num_cpus=4,
            include_dashboard=False,
            object_store_memory=100_000_000,
            log_to_driver=False,
            _temp_dir=folder,
            _node_ip_address="127.0.0.1",
        )
        try:
            yield Path(folder)
        finally:
            ray.shutdown()


@pytest.fixture(params=["stand-in", pytest.param("ray", marks=pytest.mark.slow)])
def written(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Transformations run, in real workers or here; the folder that is written to besides."""
    if request.param == "ray":
        folder: Path = request.getfixturevalue("ray_folder")
        return folder
    stand_in(monkeypatch)
    return tmp_path


def wrapped(kind: type, **kwargs: Any) -> Any:
    from llama_index.ingestion.ray import RayTransformComponent

    return RayTransformComponent(kind, **kwargs)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def letters() -> list[Document]:
    return [
        Document(
            id_=f"letter-{number}",
            text=f"Letter {number} came by post in the morning. Please write to {MAIL} about it. "
            f"The card {CARD} was charged twice by the shop. Nobody knows the reason for this yet.",
            metadata={"file_name": f"letter {number}.txt", "sender": MAIL, "pages": number},
            excluded_embed_metadata_keys=["pages"],
        )
        for number in range(4)
    ]


def test_workers_and_store_see_masked_words_only(
    make_workbench: MakeWorkbench, tmp_path: Path, written: Path
) -> None:
    session = make_workbench().session("ana")
    notes = tmp_path / "notes"
    notes.mkdir()
    splitting: dict[str, Any] = {"chunk_size": 50, "chunk_overlap": 0}
    ids = session.ingest_with_ray(
        letters(),
        [
            wrapped(Watching, folder=str(notes)),
            wrapped(SentenceSplitter, **splitting),
            wrapped(NotingEmbedding, folder=str(notes)),
        ],
        label="hr",
        embed_model=NotingEmbedding(folder=str(tmp_path)),
    )
    plain = session.as_vector_store("plain", embed_model=WordsEmbedding())
    IngestionPipeline(
        transformations=[SentenceSplitter(**splitting), WordsEmbedding()], vector_store=plain
    ).run(documents=letters())

    store = session.as_vector_store("hr", embed_model=WordsEmbedding())
    nodes, expected = store.get_nodes(), plain.get_nodes()
    assert [node.node_id for node in nodes] == ids
    assert len(nodes) == len(expected) > 4
    for node, other in zip(nodes, expected, strict=True):
        assert node.get_content("embed") == other.get_content("embed")
        assert (node.metadata, node.ref_doc_id) == (other.metadata, other.ref_doc_id)
    assert nodes[0].metadata == {
        "file_name": "letter 0.txt",
        "sender": "<EMAIL_ADDRESS_1>",
        "pages": 0,
    }
    for kind in ("watched", "embedded"):
        assert "<EMAIL_ADDRESS_1>" in noted(notes, kind)
        assert "<CREDIT_CARD_1>" in noted(notes, kind)
    # The workers' vectors are used: the model that the driver holds has embedded nothing.
    assert noted(tmp_path, "embedded") == ""
    assert noted(notes, "embedded").count("sender") == len(nodes)
    for folder in (notes, tmp_path / "workspace", written):
        stored = everything(folder)
        assert [secret for secret in SECRETS if secret.encode() in stored] == []
    vector = WordsEmbedding().get_text_embedding(nodes[1].get_content("embed"))
    found = store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=4))
    assert nodes[1].node_id in (found.ids or [])
    assert found.similarities is not None
    assert found.similarities[0] == pytest.approx(1)


@pytest.mark.slow
def test_real_workers_are_other_processes_whose_logs_are_searched(
    make_workbench: MakeWorkbench, tmp_path: Path, ray_folder: Path
) -> None:
    session = make_workbench().session("ana")
    watching = [wrapped(Watching, folder=str(tmp_path))]
    session.ingest_with_ray(letters(), watching, label="hr")
    seen = {path.name for path in tmp_path.glob("watched-*")}
    assert seen
    assert f"watched-{os.getpid()}" not in seen
    logs = everything(ray_folder)
    assert b"<EMAIL_ADDRESS_1>" in logs
    assert MAIL.encode() not in logs


@pytest.mark.usefixtures("written")
def test_without_a_model_of_ones_own_the_workspace_embeds(make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    splitter = wrapped(SentenceSplitter, chunk_size=50, chunk_overlap=0)
    ids = session.ingest_with_ray(letters(), [splitter], label="hr")
    assert len(ids) > 4
    hits = session.search("who charged the card", k=len(ids)).hits
    assert len(hits) == len(ids)
    assert all(hit.label == "hr" and CARD not in hit.chunk.text for hit in hits)
    assert session.search("charged", mode="keyword").hits[0].document == "letter 0.txt"


@pytest.mark.usefixtures("written")
def test_what_a_transformation_adds_is_masked(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    session = make_workbench().session("ana")
    notes = tmp_path / "notes"
    notes.mkdir()
    model = NotingEmbedding(folder=str(notes))
    session.ingest_with_ray(
        letters()[:1],
        [wrapped(Signing, words="Sent by tom@example.org"), wrapped(WordsEmbedding)],
        label="hr",
        embed_model=model,
    )
    (node,) = session.as_vector_store("hr").get_nodes()
    assert node.node_id == "letter-0"
    assert "write to <EMAIL_ADDRESS_1> about" in node.get_content()
    assert node.get_content().endswith("Sent by <EMAIL_ADDRESS_2>")
    assert node.metadata["signed"] == "Sent by <EMAIL_ADDRESS_2>"
    # Its vector was made of the unmasked words, so it is made anew.
    assert "<EMAIL_ADDRESS_2>" in noted(notes, "embedded")
    for folder in (notes, tmp_path / "workspace"):
        assert b"tom@example.org" not in everything(folder)


@pytest.mark.usefixtures("written")
def test_a_worker_that_fails_stores_nothing_and_is_audited(make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    with pytest.raises(UsageError, match="failed in a worker"):
        session.ingest_with_ray(letters(), [wrapped(Failing)], label="hr")
    assert session.as_vector_store("hr").get_nodes() == []
    assert session.ingest_with_ray([], [], label="hr") == []
    rows = session.sql("SELECT action, outcome FROM runs WHERE resource = 'hr'").df()
    assert rows.to_numpy().tolist() == [["ingest", "failed"], ["read", "done"], ["ingest", "done"]]


@pytest.mark.usefixtures("written")
def test_what_cannot_be_used_is_refused(make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    with pytest.raises(UsageError, match="not made for Ray: SentenceSplitter"):
        session.ingest_with_ray(letters(), [SentenceSplitter()])
    with pytest.raises(UsageError, match="only whole documents"):
        session.ingest_with_ray([TextNode(text="words")], [])  # type: ignore[list-item]


@pytest.mark.usefixtures("written")
def test_a_kept_label_keeps_its_text(make_workbench: MakeWorkbench) -> None:
    config = Config(masking=MaskingConfig(keep_labels=("public",)))
    session = make_workbench(config=config).session("ana")
    session.ingest_with_ray(letters()[:1], [wrapped(Signing, words=MAIL)], label="public")
    (node,) = session.as_vector_store("public").get_nodes()
    assert (node.metadata["sender"], node.metadata["signed"]) == (MAIL, MAIL)


def test_nobody_writes_under_a_label_of_others(
    make_workbench: MakeWorkbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch)
    actors = {
        "leo": ActorConfig(role="analyst", labels=("legal",)),
        "vik": ActorConfig(role="viewer", labels=("hr",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    watching = [wrapped(Watching, folder=str(tmp_path))]
    for actor in actors:
        with pytest.raises(AccessDenied):
            workbench.session(actor).ingest_with_ray(letters(), watching, label="hr")
    assert noted(tmp_path, "watched") == ""


def test_ray_is_neither_needed_before_nor_started_unasked(
    make_workbench: MakeWorkbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make_workbench().session("ana")
    stand_in(monkeypatch)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(UsageError, match="Ray is not started"):
        session.ingest_with_ray(letters(), [])
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"extra \[ray\]"):
        session.ingest_with_ray(letters(), [])


def test_only_words_of_the_source_are_taken_as_masked(make_workbench: MakeWorkbench) -> None:
    masker = make_workbench().masker
    source = MaskedNode("d", "", "name", "Ask <EMAIL_ADDRESS_7> at 10.0.0.12 today", {"a": "b"})

    def back(text: str, ref_doc_id: str = "d", **metadata: Any) -> MaskedNode:
        node = IncomingNode("n", ref_doc_id, text, metadata, "{}", text, None)
        return settled(masker, [node], [source], "hr")[0]

    kept = back("at 10.0.0.12 today", a="b", quoted="Ask <EMAIL_ADDRESS_7>", more=3)
    assert (kept.text, kept.name) == ("at 10.0.0.12 today", "name")
    assert kept.metadata == {"a": "b", "quoted": "Ask <EMAIL_ADDRESS_7>", "more": 3}
    # Part of a word of the source, another source, or no source at all.
    assert back("10.0.0.1").text == "<IP_ADDRESS_1>"
    other = back("at 10.0.0.12 today", "other")
    assert (other.text, other.name) == ("at <IP_ADDRESS_2> today", "node")
