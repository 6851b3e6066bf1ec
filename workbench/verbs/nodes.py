"""What a LlamaIndex vector store of a session does, each call a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from workbench.errors import UsageError
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.values import Hit

if TYPE_CHECKING:
    from workbench.store.filters import Filter
    from workbench.store.llama_nodes import IncomingNode
    from workbench.store.nodes import MaskedNode, NodeQuery
    from workbench.tasks.nodes import NodeRooms

OpenRun = Callable[[Action, str], AbstractContextManager[Run]]


@dataclass(frozen=True, slots=True)
class SessionNodes:
    """The nodes of one label, or with ``label`` None the whole corpus to read."""

    rooms: NodeRooms
    open_run: OpenRun
    label: str | None

    def add(self, nodes: Sequence[IncomingNode]) -> None:
        """Mask, embed and store nodes under the label."""
        from workbench.tasks.nodes import put_nodes

        label = self.label if self.label is not None else _read_only("add")
        with self.open_run(Action.INGEST, label) as run:
            put_nodes(run, self.rooms, nodes, label=label)

    def remove(self, where: Filter) -> None:
        """Hide nodes of the label."""
        from workbench.tasks.node_queries import masked_filter

        label = self.label if self.label is not None else _read_only("delete")
        with self.open_run(Action.REMOVE, label) as run:
            self.rooms.corpus.nodes.remove(run, label, masked_filter(self.rooms, where, label))

    def find(self, where: Filter) -> Sequence[MaskedNode]:
        """Nodes of the label, or all in scope, in the order they were added."""
        from workbench.tasks.node_queries import masked_filter

        with self.open_run(Action.READ, self.label or "nodes") as run:
            where = masked_filter(self.rooms, where, self.label)
            return self.rooms.corpus.nodes.find(run, self.label, where)

    def query(self, wanted: NodeQuery) -> Sequence[tuple[Hit, str | None]]:
        """Hits in the label, or in all that is in scope."""
        from workbench.tasks.node_queries import query_nodes

        with self.open_run(Action.SEARCH, self.label or "") as run:
            return query_nodes(run, self.rooms, wanted, label=self.label)


def _read_only(action: str) -> NoReturn:
    raise UsageError(
        "this vector store is read-only",
        value=action,
        next_step="Open one for the label to write under: session.as_vector_store(label=...).",
    )
