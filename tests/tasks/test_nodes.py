from __future__ import annotations

from pathlib import Path

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

from tests.contracts.vector_stores import WordsEmbedding, node
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config, MaskingConfig
from workbench.errors import AccessDenied, MaskingError, UsageError

MAIL = "jane.roe@example.org"
CARD = "4111 1111 1111 1111"


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_text_and_metadata_are_masked_before_they_are_stored(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    session = make_workbench().session("ana")
    store = session.as_vector_store("hr")
    given = TextNode(
        id_="n1",
        text=f"Write to {MAIL} today.",
        metadata={
            "contact": MAIL,
            "nested": {"cards": [CARD, "none"], MAIL: 1},
            "number": 4111111111111111,
            "year": 2026,
            "share": 0.5,
            "open": True,
            "gone": None,
        },
        relationships={
            NodeRelationship.SOURCE: RelatedNodeInfo(node_id="src", metadata={"contact": MAIL})
        },
    )
    store.add([given])
    (back,) = store.get_nodes(["n1"])
    metadata = back.metadata
    assert back.get_content() == f"Write to {metadata['contact']} today."
    assert metadata["contact"] == "<EMAIL_ADDRESS_1>"
    assert metadata["nested"] == {"cards": ["<CREDIT_CARD_1>", "none"], "<EMAIL_ADDRESS_1>": 1}
    assert metadata["number"] == "<CREDIT_CARD_1>"
    assert [metadata[key] for key in ("year", "share", "open", "gone")] == [2026, 0.5, True, None]
    stored = everything(tmp_path / "workspace")
    for secret in (MAIL, "jane.roe", CARD, "4111111111111111"):
        assert secret.encode() not in stored


def test_filters_and_questions_are_masked_like_the_nodes(make_workbench: MakeWorkbench) -> None:
    from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

    session = make_workbench().session("ana")
    index = session.as_index("hr")
    nodes = [
        TextNode(text=f"Ask {mail} about it.", metadata={"owner": mail})
        for mail in (MAIL, "other@example.org")
    ]
    index.insert_nodes(nodes)
    filters = MetadataFilters(filters=[MetadataFilter(key="owner", value=MAIL)])
    for retriever in (
        index.as_retriever(filters=filters),
        index.as_retriever(similarity_top_k=1, vector_store_query_mode="text_search"),
    ):
        (found,) = retriever.retrieve(f"who is {MAIL}")
        assert found.node.node_id == nodes[0].node_id
        assert MAIL not in found.text


def test_nodes_of_one_source_are_masked_together(make_workbench: MakeWorkbench) -> None:
    store = make_workbench().session("ana").as_vector_store("hr")
    store.add([node(f"n{i}", text, "one") for i, text in enumerate(["a", MAIL, "", f"b {CARD} c"])])
    texts = [found.get_content() for found in store.get_nodes()]
    assert texts == ["a", "<EMAIL_ADDRESS_1>", "", "b <CREDIT_CARD_1> c"]


def test_a_kept_label_keeps_its_text(make_workbench: MakeWorkbench) -> None:
    config = Config(masking=MaskingConfig(keep_labels=("public",)))
    store = make_workbench(config=config).session("ana").as_vector_store("public")
    store.add([node("a", f"write to {MAIL}", owner=MAIL)])
    (back,) = store.get_nodes()
    assert (back.get_content(), back.metadata) == (f"write to {MAIL}", {"owner": MAIL})


def test_a_vector_of_unmasked_text_is_not_kept(make_workbench: MakeWorkbench) -> None:
    class Noting(WordsEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            seen.append(text)
            return super()._get_text_embedding(text)

    seen: list[str] = []
    store = make_workbench().session("ana").as_vector_store("hr", embed_model=Noting())
    store.add([node("a", "plain words"), node("b", f"write to {MAIL}")])
    assert seen == ["write to <EMAIL_ADDRESS_1>"]


def test_the_workspace_model_takes_no_foreign_vectors(make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    store = session.as_vector_store("hr")
    store.add([node("a", "sick leave"), node("b", "parking lots")])
    assert not store.is_embedding_query
    index = VectorStoreIndex.from_vector_store(store, embed_model=session.as_embedding())
    (first, *_) = index.as_retriever(similarity_top_k=2).retrieve("sick leave")
    assert first.node.node_id == "a"
    assert session.search("parking", mode="keyword").hits[0].chunk.text == "parking lots"


def test_a_pipeline_with_the_governed_model(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench().session("ana")
    session.ingest(folder)
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(), session.as_embedding()],
        vector_store=session.as_vector_store("internal"),
    )
    pipeline.run(documents=[Document(text="Visitors get a green badge.", id_="visitors")])
    nodes = session.as_index().as_retriever(similarity_top_k=4).retrieve("badge")
    assert {n.metadata.get("document", "node") for n in nodes} >= {"badges.md", "node"}
    assert session.ask("Who gets a green badge?").question


def test_each_call_is_an_audited_run(make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    store = session.as_vector_store("hr")
    store.add([node("a", "words", "src")])
    store.get_nodes()
    store.delete("src")
    rows = session.sql("SELECT action, resource, outcome FROM runs WHERE resource = 'hr'").df()
    assert rows.to_numpy().tolist() == [
        ["ingest", "hr", "done"],
        ["read", "hr", "done"],
        ["remove", "hr", "done"],
    ]


def test_roles_and_labels_hold(make_workbench: MakeWorkbench) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("hr", "legal")),
        "leo": ActorConfig(role="analyst", labels=("legal",)),
        "vik": ActorConfig(role="viewer", labels=("hr",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    for label in ("hr", "legal"):
        workbench.session("ana").as_vector_store(label).add([node("a", f"words of {label}")])
    for actor in ("leo", "vik"):
        store = workbench.session(actor).as_vector_store("hr")
        for change in (lambda s=store: s.add([node("x", "x")]), store.clear):
            with pytest.raises(AccessDenied):
                change()
    assert workbench.session("leo").as_vector_store("hr").get_nodes() == []
    found = workbench.session("leo").as_index().as_retriever(similarity_top_k=9).retrieve("words")
    assert [hit.text for hit in found] == ["words of legal"]
    assert len(workbench.session("vik").as_vector_store("hr").get_nodes()) == 1


def test_without_a_label_nothing_is_written(make_workbench: MakeWorkbench) -> None:
    store = make_workbench().session("ana").as_vector_store()
    for change in (lambda: store.add([node("a", "x")]), lambda: store.delete("s"), store.clear):
        with pytest.raises(UsageError, match="read-only"):
            change()


def test_keys_that_look_alike_once_masked_store_nothing(make_workbench: MakeWorkbench) -> None:
    session = make_workbench().session("ana")
    store = session.as_vector_store("hr")
    store.add([node("a", "x", **{MAIL: 1, "other@example.org": 2})])
    (back,) = store.get_nodes()
    assert back.metadata == {"<EMAIL_ADDRESS_1>": 1, "<EMAIL_ADDRESS_2>": 2}
    with pytest.raises((MaskingError, UsageError)):
        store.add([node("b", "x", **{MAIL: 1, MAIL.upper(): 2})])
    assert [n.node_id for n in store.get_nodes()] == ["a"]
