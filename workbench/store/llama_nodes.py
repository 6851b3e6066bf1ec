"""Between LlamaIndex's nodes and filters and ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageNode,
    IndexNode,
    MetadataMode,
    NodeRelationship,
    ObjectType,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import FilterCondition, MetadataFilter, MetadataFilters

from workbench.errors import UsageError
from workbench.store.filters import COLUMNS, METADATA, AllOf, AnyOf, Filter, Not, Op, Where
from workbench.store.nodes import NODE_ID, NODE_TYPE, REF_DOC_ID, MaskedNode
from workbench.values import Hit

_NOT_FOR_THE_MODEL = ["uri", "label", "document_id", "start", "end"]
_SOURCE_KEYS = frozenset({"ref_doc_id", "doc_id", "document_id"})
"""LlamaIndex's stores keep the source's id under these keys, whatever the node's own metadata."""

_COLUMN_OF = {"document": "name", **{name: name for name in COLUMNS}}
_KEPT = (
    *("excluded_embed_metadata_keys", "excluded_llm_metadata_keys", "metadata_template"),
    *("metadata_separator", "metadata_seperator", "text_template", "start_char_idx"),
    *("end_char_idx", "mimetype", "index_id"),
)


@dataclass(frozen=True, slots=True)
class IncomingNode:
    """A node as it came, before masking. It must never be stored or logged.

    ``vector`` is what the node carried, made from ``embedded``.
    """

    node_id: str
    ref_doc_id: str
    text: str
    metadata: Mapping[str, Any]
    extras: str
    embedded: str
    vector: Sequence[float] | None


def incoming(node: BaseNode) -> IncomingNode:
    """Take a node apart.

    Raises:
        UsageError: if it holds more than text.
    """
    others = [getattr(node, f"{kind}_resource", None) for kind in ("image", "audio", "video")]
    if isinstance(node, ImageNode) or any(others):
        raise UsageError(
            "a node holds more than text, which cannot be masked",
            value=f"{node.class_name()} {node.node_id}",
            next_step="Add its text as a TextNode.",
        )
    return IncomingNode(
        node_id=node.node_id,
        ref_doc_id=node.ref_doc_id or "",
        text=node.get_content(metadata_mode=MetadataMode.NONE),
        metadata=node.metadata,
        extras=_extras(node),
        embedded=node.get_content(metadata_mode=MetadataMode.EMBED),
        vector=node.embedding,
    )


def as_text_node(node: MaskedNode) -> TextNode:
    """The node with its masked text and metadata."""
    return _built(node.node_id, node.text, dict(node.metadata), json.loads(node.extras))


def as_document(node: MaskedNode) -> Document:
    """A document with its masked text and metadata, of no source."""
    extras = json.loads(node.extras)
    extras.pop("relationships", None)
    return Document(id_=node.node_id, text=node.text, metadata=dict(node.metadata), **extras)


def embedded_content(node: MaskedNode) -> str:
    """The masked words that stand for a node in vector space, as its own template puts them."""
    content: str = as_text_node(node).get_content(metadata_mode=MetadataMode.EMBED)
    return content


def as_node(hit: Hit, kept: str | None = None) -> TextNode:
    """A hit as a node.

    ``kept`` is what ``Nodes.extras`` keeps of it. Chunks of other documents get metadata that lead
    back to the exact words of the masked document, and the document as their source.
    """
    found = json.loads(kept) if kept else {}
    if found.get("extras") is not None:
        metadata = found["metadata"]
        node_id = metadata.pop(NODE_ID)
        metadata.pop(REF_DOC_ID)
        return _built(node_id, hit.chunk.text, metadata, found["extras"])
    chunk = hit.chunk
    return TextNode(
        id_=f"chunk-{chunk.id}",
        text=chunk.text,
        metadata={
            "document": hit.document,
            "page": chunk.page,
            "heading": chunk.heading,
            "uri": hit.uri,
            "label": hit.label,
            "document_id": chunk.document_id,
            "start": chunk.start,
            "end": chunk.end,
        },
        excluded_llm_metadata_keys=_NOT_FOR_THE_MODEL,
        excluded_embed_metadata_keys=_NOT_FOR_THE_MODEL,
        relationships={
            NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"document-{chunk.document_id}")
        },
    )


def as_filter(filters: MetadataFilters | None) -> Filter | None:
    """LlamaIndex's filters as a tree; None where nothing is filtered.

    An empty list filters nothing, also inside another one, as in LlamaIndex's in-memory store. Keys
    mean a node's metadata; for documents that came as files, ``document`` (their name), ``uri``,
    ``label``, ``media_type`` and ``ingested_at`` mean what their nodes show.
    """
    if filters is None or not filters.filters:
        return None
    found = (
        as_filter(part) if isinstance(part, MetadataFilters) else _where(part)
        for part in filters.filters
    )
    parts = tuple(part for part in found if part is not None)
    if not parts:
        return None
    if filters.condition == FilterCondition.NOT:
        return Not(AnyOf(parts))
    return AnyOf(parts) if filters.condition == FilterCondition.OR else AllOf(parts)


def of_nodes(
    node_ids: Sequence[str] | None = None, ref_doc_ids: Sequence[str] | None = None
) -> Filter:
    """The nodes with these ids, or of these sources; without a list, all."""
    parts: list[Filter] = []
    if node_ids is not None:
        parts.append(Where(METADATA + NODE_ID, Op.IN, list(node_ids)))
    if ref_doc_ids is not None:
        parts.append(Where(METADATA + REF_DOC_ID, Op.IN, list(ref_doc_ids)))
    return AllOf(tuple(parts))


def _where(condition: MetadataFilter) -> Filter:
    key, op, value = condition.key, Op(condition.operator.value), condition.value
    if key in _SOURCE_KEYS:
        return Where(METADATA + REF_DOC_ID, op, value)
    own = Where(METADATA + key, op, value)
    column = _COLUMN_OF.get(key)
    if column is None:
        return own
    is_node = Where("media_type", Op.EQ, NODE_TYPE)
    return AnyOf((AllOf((is_node, own)), AllOf((Not(is_node), Where(column, op, value)))))


def _extras(node: BaseNode) -> str:
    defaults = TextNode()
    extras: dict[str, Any] = {
        name: value
        for name in _KEPT
        if (value := getattr(node, name, None)) not in (None, getattr(defaults, name, None))
    }
    if isinstance(node, IndexNode):
        extras["class"] = "IndexNode"
    related = {
        NodeRelationship(kind).value: _related(info) for kind, info in node.relationships.items()
    }
    if related:
        extras["relationships"] = related
    return json.dumps(extras, ensure_ascii=False)


def _related(info: RelatedNodeInfo | list[RelatedNodeInfo]) -> Any:
    # Only the ids: a relation carries a copy of the other's metadata, and a hash of its text.
    if isinstance(info, list):
        return [_related(one) for one in info]
    kind = None if info.node_type is None else ObjectType(info.node_type).value
    return [info.node_id, kind]


def _relation(found: Any) -> Any:
    if found and isinstance(found[0], list):
        return [_relation(one) for one in found]
    return RelatedNodeInfo(node_id=found[0], node_type=found[1])


def _built(node_id: str, text: str, metadata: dict[str, Any], extras: dict[str, Any]) -> TextNode:
    kind = IndexNode if extras.pop("class", "") == "IndexNode" else TextNode
    relationships = {
        NodeRelationship(name): _relation(found)
        for name, found in extras.pop("relationships", {}).items()
    }
    built: TextNode = kind(
        id_=node_id, text=text, metadata=metadata, relationships=relationships, **extras
    )
    return built
