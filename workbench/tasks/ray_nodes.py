"""LlamaIndex documents through Ray: masked here, transformed by Ray's workers, stored here.

The workers have no workspace, no rights and no unmasked word, so every decision stays in this
process: what may be written, what is personal, what is stored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.schema import BaseNode, Document

from workbench.errors import ConfigError, UsageError
from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.store.llama_nodes import IncomingNode, as_document, incoming
from workbench.store.nodes import MaskedNode
from workbench.tasks.nodes import NodeRooms, fields_of, masked_nodes, rebuilt, store_nodes

if TYPE_CHECKING:
    from llama_index.ingestion.ray import RayIngestionPipeline, RayTransformComponent


def put_by_ray(
    run: Run,
    rooms: NodeRooms,
    documents: Sequence[Document],
    transformations: Sequence[RayTransformComponent],
    *,
    label: str,
) -> list[str]:
    """Mask documents, have Ray transform them, and store what comes back in one transaction.

    Returns the ids of the nodes, in the order of the documents.

    Raises:
        ConfigError: if the extra is not installed.
        UsageError: if Ray was not started, something given is of another type, or a worker failed.
        AccessDenied, MaskingError, ModelError, StoreError, BudgetExceeded.
    """
    run.require_write(label)
    pipeline = _pipeline(transformations)
    _require_documents(documents)
    if not documents:
        return []
    # Whole, before they are cut: what a chunk's border would tear apart is found.
    sources = masked_nodes(rooms.masker, [incoming(document) for document in documents], label)
    found = [incoming(node) for node in _transformed(pipeline, map(as_document, sources))]
    run.meter.require_time()
    # Ray gives blocks back as they are done.
    place = {source.node_id: at for at, source in enumerate(sources)}
    found.sort(key=lambda node: place.get(_source_id(node), len(place)))
    if found:
        masked = settled(rooms.masker, found, sources, label)
        store_nodes(run, rooms, found, masked, label=label)
    return [node.node_id for node in found]


def settled(
    masker: Masker, nodes: Sequence[IncomingNode], sources: Sequence[MaskedNode], label: str
) -> list[MaskedNode]:
    """Nodes that came back, ready to be stored.

    Words of their masked source stay: masked once more they would be escaped, as if a document had
    made up its placeholders. All else came from a transformation, and is masked now.

    Raises:
        MaskingError.
    """
    known = {source.node_id: source for source in sources}
    count = Counter(_source_id(node) for node in nodes)
    return [
        _settled(
            masker, node, known.get(_source_id(node)), label, alone=count[_source_id(node)] < 2
        )
        for node in nodes
    ]


def _settled(
    masker: Masker, node: IncomingNode, source: MaskedNode | None, label: str, *, alone: bool
) -> MaskedNode:
    words = "" if source is None else source.text
    fields = set() if source is None else {text for _, text in fields_of("", source.metadata)}

    def shown(text: str) -> str:
        known = text in fields or _stands_in(words, text)
        return text if known else masker.mask_text(text, label=label)

    values = (shown(text) for _, text in fields_of("", node.metadata))
    _, metadata = rebuilt("", node.metadata, values)
    return MaskedNode(
        node_id=node.node_id,
        ref_doc_id=node.ref_doc_id,
        name="node" if source is None else source.name,
        text=shown(node.text),
        metadata=metadata,
        extras=node.extras,
        masked=source.masked if source is not None and alone else {},
    )


def _stands_in(words: str, part: str) -> bool:
    """Whether whole words of ``words`` are ``part``: "Roe" is none of "Roebuck Street"."""
    return part in words and bool(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", words))


def _source_id(node: IncomingNode) -> str:
    return node.ref_doc_id or node.node_id


def _require_documents(documents: Sequence[Document]) -> None:
    for given in documents:
        if not isinstance(given, Document):
            raise UsageError(
                "only whole documents go through Ray",
                value=type(given).__name__,
                next_step="Give LlamaIndex Documents; as_vector_store(label).add takes nodes.",
            )


def _pipeline(transformations: Sequence[RayTransformComponent]) -> RayIngestionPipeline:
    """LlamaIndex's pipeline without a store: it would drop nodes without a vector, silently."""
    try:
        import ray
        from llama_index.ingestion.ray import RayIngestionPipeline, RayTransformComponent
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the library for ingestion through Ray is not installed",
            value=error.name,
            next_step="Install Workbench with the extra [ray].",
        ) from error
    for given in transformations:
        if not isinstance(given, RayTransformComponent):
            raise UsageError(
                "a transformation is not made for Ray",
                value=type(given).__name__,
                next_step="Wrap its class: RayTransformComponent(SentenceSplitter, ...).",
            )
    # Ray would start a cluster by itself, which also reports its use to its makers.
    if not ray.is_initialized():
        raise UsageError(
            "Ray is not started",
            next_step="Call ray.init(...) first, for this machine or with a cluster's address.",
        )
    return RayIngestionPipeline(transformations=list(transformations))


def _transformed(pipeline: RayIngestionPipeline, documents: Any) -> list[BaseNode]:
    from ray.exceptions import RayError

    try:
        return list(pipeline.run(nodes=list(documents)))
    except RayError as error:
        raise UsageError(
            "a transformation failed in a worker of Ray",
            value=type(error).__name__,
            next_step="Run it here on one document, or read the worker's log in Ray's folder.",
        ) from error
