"""The stores that the contract of vector stores is held against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.vector_stores.types import BasePydanticVectorStore

from tests.contracts.vector_stores import expect_gaps, four_nodes, opened

# The last two are ours as well, with the vectors on a server.
STORES = [
    "ours",
    "shipped",
    "memory",
    pytest.param("postgres", marks=pytest.mark.slow),
    pytest.param("qdrant", marks=pytest.mark.slow),
]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BasePydanticVectorStore]:
    """An empty store."""
    expect_gaps(request, request.param)
    with opened(request.param, tmp_path, request) as made:
        yield made


@pytest.fixture
def filled(store: BasePydanticVectorStore) -> BasePydanticVectorStore:
    store.add(four_nodes())
    return store


@pytest.fixture(scope="module", params=STORES)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BasePydanticVectorStore]:
    """The same nodes in a store that the tests only read."""
    with opened(request.param, tmp_path_factory.mktemp(request.param), request) as made:
        made.add(four_nodes())
        yield made


@pytest.fixture
def readable(
    request: pytest.FixtureRequest, shared: BasePydanticVectorStore
) -> BasePydanticVectorStore:
    expect_gaps(request, request.node.callspec.params["shared"])
    return shared
