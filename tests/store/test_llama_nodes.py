from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.schema import (
    Document,
    ImageNode,
    IndexNode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.types import FilterCondition, FilterOperator

from workbench.errors import UsageError
from workbench.store.filters import METADATA, AllOf, AnyOf, Not, Op, Where
from workbench.store.llama_nodes import as_filter, as_text_node, embedded_content, incoming
from workbench.store.nodes import MaskedNode


def kept(node: Any) -> MaskedNode:
    came = incoming(node)
    return MaskedNode(
        came.node_id, came.ref_doc_id, "n", came.text, dict(came.metadata), came.extras
    )


def test_a_node_comes_back_whole() -> None:
    source = RelatedNodeInfo(node_id="doc", metadata={"author": "Jane Roe"}, hash="h")
    before = RelatedNodeInfo(node_id="before", node_type="1")
    node = TextNode(
        id_="n1",
        text="words",
        metadata={"page": 3, "tags": ["a"]},
        relationships={
            NodeRelationship.SOURCE: source,
            NodeRelationship.PREVIOUS: before,
            NodeRelationship.CHILD: [RelatedNodeInfo(node_id="c1"), RelatedNodeInfo(node_id="c2")],
        },
        excluded_embed_metadata_keys=["tags"],
        text_template="{metadata_str} // {content}",
        start_char_idx=4,
        end_char_idx=9,
    )
    back = as_text_node(kept(node))
    assert (back.node_id, back.text, back.metadata) == ("n1", "words", node.metadata)
    assert (back.start_char_idx, back.end_char_idx, back.ref_doc_id) == (4, 9, "doc")
    assert back.prev_node == before
    assert [child.node_id for child in back.child_nodes or []] == ["c1", "c2"]
    assert embedded_content(kept(node)) == incoming(node).embedded == "page: 3 // words"
    # A relation's metadata and hash would carry text past the masking.
    assert "Jane" not in kept(node).extras
    assert "hash" not in kept(node).extras


def test_plain_nodes_keep_next_to_nothing() -> None:
    assert json.loads(incoming(TextNode(text="x")).extras) == {}


def test_an_index_node_stays_one() -> None:
    back = as_text_node(kept(IndexNode(id_="i", text="pointer", index_id="target")))
    assert isinstance(back, IndexNode)
    assert back.index_id == "target"


def test_a_document_is_text() -> None:
    back = as_text_node(kept(Document(id_="d", text="whole")))
    assert (type(back), back.text) == (TextNode, "whole")


def test_images_are_refused() -> None:
    for node in (ImageNode(image="aGk="), Document(image_resource={"data": b"aGk="})):
        with pytest.raises(UsageError, match="more than text"):
            incoming(node)


def condition(key: str, value: Any = 1, op: FilterOperator = FilterOperator.EQ) -> MetadataFilter:
    return MetadataFilter(key=key, value=value, operator=op)


def test_filters_become_a_tree() -> None:
    inner = MetadataFilters(filters=[condition("b"), condition("c")], condition=FilterCondition.OR)
    tree = as_filter(MetadataFilters(filters=[condition("a"), inner]))
    a, b, c = (Where(METADATA + key, Op.EQ, 1) for key in "abc")
    assert tree == AllOf((a, AnyOf((b, c))))
    negated = MetadataFilters(filters=[condition("a")], condition=FilterCondition.NOT)
    assert as_filter(negated) == Not(AnyOf((a,)))


def test_every_operator_is_known() -> None:
    for operator in FilterOperator:
        value = ["x"] if operator.value in ("in", "nin", "any", "all") else "x"
        tree = as_filter(MetadataFilters(filters=[condition("a", value, operator)]))
        assert tree == AllOf((Where("metadata.a", Op(operator.value), value),))


def test_empty_lists_filter_nothing() -> None:
    nothing = MetadataFilters(filters=[])
    assert as_filter(None) is as_filter(nothing) is None
    for name in FilterCondition:
        assert as_filter(MetadataFilters(filters=[nothing, nothing], condition=name)) is None
    both = MetadataFilters(filters=[nothing, condition("a")])
    assert as_filter(both) == AllOf((Where("metadata.a", Op.EQ, 1),))
