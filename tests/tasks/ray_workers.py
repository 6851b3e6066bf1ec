"""Transformations for tests of Ray, in a file of their own that its workers import."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent

from tests.contracts.vector_stores import WordsEmbedding


def note(folder: str, kind: str, text: str) -> None:
    """Keep what a process was shown; one file per process, in which nothing is overwritten."""
    with (Path(folder) / f"{kind}-{os.getpid()}").open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def noted(folder: Path, kind: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in folder.glob(f"{kind}-*"))


class Watching(TransformComponent):
    """Passes nodes on, notes and prints all that is known of them."""

    folder: str

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        for node in nodes:
            note(self.folder, "watched", node.to_json())
            print(node.to_json())  # noqa: T201 - into a worker's log
        return nodes


class NotingEmbedding(WordsEmbedding):
    """Notes what it embeds, and in which process."""

    folder: str

    def _get_text_embedding(self, text: str) -> list[float]:
        note(self.folder, "embedded", text)
        return super()._get_text_embedding(text)


class Signing(TransformComponent):
    """Adds words that were in no document."""

    words: str

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        for node in nodes:
            node.set_content(f"{node.get_content(MetadataMode.NONE)} {self.words}")
            node.metadata["signed"] = self.words
        return nodes


class Failing(TransformComponent):
    """Cannot do it."""

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        raise ValueError("no")


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """Modules in Ray's place that transform in this process, nodes as JSON and last ones first."""

    class RayError(Exception):
        pass

    class RayTransformComponent:
        def __init__(self, transform_class: type[TransformComponent], **kwargs: Any) -> None:
            self.make = lambda: transform_class(**kwargs)

    class RayIngestionPipeline:
        def __init__(self, transformations: list[RayTransformComponent]) -> None:
            self.transformations = transformations

        def run(self, nodes: Sequence[BaseNode]) -> Sequence[BaseNode]:
            done: list[BaseNode] = []
            for node in reversed(nodes):
                batch: Sequence[BaseNode] = [type(node).from_json(node.to_json())]
                for wrapped in self.transformations:
                    try:
                        batch = wrapped.make()(batch)
                    except ValueError as error:
                        raise RayError from error
                done += batch
            return done

    parts: dict[str, dict[str, object]] = {
        "ray": {"is_initialized": lambda: True},
        "ray.exceptions": {"RayError": RayError},
        "llama_index.ingestion": {},
        "llama_index.ingestion.ray": {
            "RayIngestionPipeline": RayIngestionPipeline,
            "RayTransformComponent": RayTransformComponent,
        },
    }
    for name, members in parts.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        patch.setitem(sys.modules, name, module)
