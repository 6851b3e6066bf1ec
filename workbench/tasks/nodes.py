"""LlamaIndex nodes in and out of the corpus: masked, embedded, stored; searched, taken out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from workbench.errors import MaskingError, UsageError
from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.models.governed import Models
from workbench.store.corpus import Corpus
from workbench.store.llama_nodes import IncomingNode, embedded_content
from workbench.store.nodes import NODE_TYPE, MaskedNode
from workbench.store.records import EmbeddingInfo, Vectors
from workbench.values import Document, Page

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

_BETWEEN = "\n\n"
_NOT_PLAIN = re.compile(r"[^a-z0-9_-]+")


class NodeEmbedding(Protocol):
    """Makes the vectors of nodes and of questions; both from masked text."""

    def info(self, run: Run, dim: int) -> EmbeddingInfo:
        """The model, when its vectors have ``dim`` numbers."""
        ...

    def embed(self, run: Run, texts: Sequence[str]) -> Vectors:
        """One row per text, shape (n, dim)."""
        ...

    def embed_question(self, run: Run, text: str) -> Vectors:
        """The vector (dim,) of a question."""
        ...

    @property
    def made_arriving_vectors(self) -> bool:
        """Whether vectors that nodes carry are known to come from this model."""
        ...


@dataclass(frozen=True, slots=True)
class WorkspaceEmbedding:
    """The workspace's own model. Who made the vectors that nodes carry is not known."""

    models: Models
    made_arriving_vectors: bool = False

    def info(self, run: Run, dim: int) -> EmbeddingInfo:
        """The configured model."""
        run.require_open()
        name = self.models.config.embedding
        return EmbeddingInfo(name, self.models.digest(name), dim)

    def embed(self, run: Run, texts: Sequence[str]) -> Vectors:
        """One row per text."""
        return self.models.embed(run, texts)

    def embed_question(self, run: Run, text: str) -> Vectors:
        """The vector of a question."""
        row: Vectors = self.models.embed(run, [text])[0]
        return row


@dataclass(frozen=True, slots=True)
class GivenEmbedding:
    """A LlamaIndex embedding model that somebody brought; it also made the arriving vectors."""

    model: BaseEmbedding
    made_arriving_vectors: bool = True

    def info(self, run: Run, dim: int) -> EmbeddingInfo:
        """The model by its class and name, which is all that is known of it."""
        run.require_open()
        name = self.model.model_name
        return EmbeddingInfo(name, f"llama-index:{self.model.class_name()}:{name}", dim)

    def embed(self, run: Run, texts: Sequence[str]) -> Vectors:
        """One row per text."""
        run.require_open()
        return np.asarray(self.model.get_text_embedding_batch(list(texts)), np.float32)

    def embed_question(self, run: Run, text: str) -> Vectors:
        """The vector of a question."""
        run.require_open()
        return np.asarray(self.model.get_query_embedding(text), np.float32)


@dataclass(frozen=True, slots=True)
class NodeRooms:
    """The collaborators."""

    masker: Masker
    corpus: Corpus
    embedding: NodeEmbedding


def put_nodes(run: Run, rooms: NodeRooms, nodes: Sequence[IncomingNode], *, label: str) -> None:
    """Mask nodes, embed what they became, and store them under ``label`` in one transaction.

    Nodes of one source are masked together, as one text, so that a name that only one of them
    makes clear is replaced in all. A vector that a node carries is kept only if the embedding is
    known to have made it and masking changed nothing of what it was made from.

    Raises:
        AccessDenied, MaskingError, ModelError, StoreError.
        UsageError: if vectors have different lengths.
    """
    run.require_write(label)
    if not nodes:
        return
    store_nodes(run, rooms, nodes, masked_nodes(rooms.masker, nodes, label), label=label)


def store_nodes(
    run: Run,
    rooms: NodeRooms,
    nodes: Sequence[IncomingNode],
    masked: Sequence[MaskedNode],
    *,
    label: str,
) -> None:
    """Embed what ``nodes`` became, and store it under ``label`` in one transaction.

    Errors as ``put_nodes``.
    """
    vectors = _vectors(run, rooms.embedding, nodes, masked)
    rooms.corpus.nodes.put(
        run,
        masked,
        label=label,
        vectors=vectors,
        embedding=rooms.embedding.info(run, int(vectors.shape[1])),
    )


def masked_nodes(masker: Masker, nodes: Sequence[IncomingNode], label: str) -> list[MaskedNode]:
    """Each node masked, in order; those of one source together, as one text.

    Raises:
        MaskingError.
    """
    sources: dict[str, list[int]] = {}
    for at, node in enumerate(nodes):
        sources.setdefault(node.ref_doc_id or node.node_id, []).append(at)
    done: dict[int, MaskedNode] = {}
    for places in sources.values():
        group = [nodes[at] for at in places]
        done.update(zip(places, _masked_group(masker, group, label), strict=True))
    return [done[at] for at in range(len(nodes))]


def _masked_group(
    masker: Masker, nodes: Sequence[IncomingNode], label: str
) -> Iterator[MaskedNode]:
    """Nodes of one source as one document: pages tell where each one's masked text lies."""
    pages, start = [], 0
    fields: list[tuple[str, str]] = []
    for at, node in enumerate(nodes):
        pages.append(Page(at, start, start + len(node.text)))
        start += len(node.text) + len(_BETWEEN)
        fields += fields_of("", node.metadata)
    whole = masker.mask(
        Document(
            uri="",
            name=_name(nodes[0]),
            media_type=NODE_TYPE,
            content_hash="",
            text=_BETWEEN.join(node.text for node in nodes),
            label=label,
            pages=tuple(pages),
            # Numbered, because nodes have the same keys; the masker keeps the order.
            metadata={f"{i}.{key}": value for i, (key, value) in enumerate(fields)},
        )
    )
    shown = iter(whole.metadata.values())
    for node, page in zip(nodes, whole.pages, strict=True):
        _, metadata = rebuilt("", node.metadata, shown)
        yield MaskedNode(
            node_id=node.node_id,
            ref_doc_id=node.ref_doc_id,
            name=whole.name,
            text=whole.text[page.start : page.end],
            metadata=metadata,
            extras=node.extras,
            masked=whole.masked if len(nodes) == 1 else {},
        )


def fields_of(key: str, value: Any) -> list[tuple[str, str]]:
    """Everything to mask in a value of metadata, with the name it stands under, depth first. A key
    that is no plain word is itself something to mask."""
    name = _NOT_PLAIN.sub("_", key.casefold()).lstrip("_0123456789-") or "field"
    own = [] if name == key or not key else [("key", key)]
    if isinstance(value, Mapping):
        return [*own, *(field for k, v in value.items() for field in fields_of(str(k), v))]
    if isinstance(value, list | tuple | set):
        return [*own, *(field for one in value for field in fields_of(name if key else "", one))]
    if value is None or isinstance(value, bool):
        return own
    return [*own, (name, str(value))]


def rebuilt(key: str, value: Any, shown: Iterator[str]) -> tuple[str, Any]:
    """Key and value with what ``fields_of`` took out of them replaced, as JSON knows them."""
    name = _NOT_PLAIN.sub("_", key.casefold()).lstrip("_0123456789-") or "field"
    masked_key = key if name == key or not key else next(shown)
    if isinstance(value, Mapping):
        inner = dict(rebuilt(str(k), v, shown) for k, v in value.items())
        if len(inner) != len(value):
            raise MaskingError(
                "two keys of a node's metadata look the same once masked",
                next_step="Give the keys names that hold no personal data.",
            )
        return masked_key, inner
    if isinstance(value, list | tuple | set):
        return masked_key, [rebuilt(name if key else "", one, shown)[1] for one in value]
    if value is None or isinstance(value, bool):
        return masked_key, value
    text = next(shown)
    # A number stays one unless it is somebody's.
    if isinstance(value, int | float) and text == str(value):
        return masked_key, value if math.isfinite(value) else None
    return masked_key, text


def _name(node: IncomingNode) -> str:
    for key in ("file_name", "title", "name"):
        if isinstance(node.metadata.get(key), str) and node.metadata[key]:
            return str(node.metadata[key])
    return "node"


def _vectors(
    run: Run,
    embedding: NodeEmbedding,
    nodes: Sequence[IncomingNode],
    masked: Sequence[MaskedNode],
) -> Vectors:
    kept: dict[int, Sequence[float]] = {}
    wanted: dict[int, str] = {}
    for at, (node, shown) in enumerate(zip(nodes, masked, strict=True)):
        trusted = embedding.made_arriving_vectors and node.vector is not None
        unchanged = trusted and node.text == shown.text and node.metadata == shown.metadata
        if unchanged and node.vector is not None:
            kept[at] = node.vector
        else:
            wanted[at] = embedded_content(shown)
    fresh = embedding.embed(run, list(wanted.values())) if wanted else np.empty((0, 0))
    rows: dict[int, Any] = {**kept, **dict(zip(wanted, fresh, strict=True))}
    lengths = {len(row) for row in rows.values()}
    if len(lengths) > 1:
        raise UsageError(
            "the nodes' vectors have different lengths",
            value=", ".join(map(str, sorted(lengths))),
            next_step="Embed all nodes with the model that the store was given.",
        )
    return np.asarray([rows[at] for at in range(len(nodes))], np.float32)
