"""Which documents a search may see, decided in one place.

Both indexes take the ids that come from here and score nothing else, so that scope and filters
hold alike in every search.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import duckdb
import numpy as np
from numpy.typing import NDArray

from workbench.store.documents import (
    AT_VERSION,
    IN_SCOPE,
    READABLE,
    one,
    readable_values,
    scope_values,
)
from workbench.store.filters import Filter, compile_filter
from workbench.store.versions import Version
from workbench.values import Scope

DocumentIds = NDArray[np.int32]

_HELD = 64


def visible(
    connection: duckdb.DuckDBPyConnection,
    scope: Scope,
    *,
    where: Filter | None = None,
    version: int | None = None,
) -> DocumentIds | None:
    """Ascending ids (n,) of the documents in scope that pass the filter and exist now, or existed
    at ``version``; None if that is everything that exists now.

    Raises:
        QueryError: if the filter cannot be used.
    """
    predicate, values = ("TRUE", []) if where is None else compile_filter(where)
    if version is None:
        if scope.unrestricted and where is None:
            return None
        source, existed = "store.documents", f"d.removed_in IS NULL AND {IN_SCOPE}"
        values = [*scope_values(scope), *values]
    else:
        source, existed = f"({READABLE})", AT_VERSION
        values = [*readable_values(scope), version, version, *values]
    found = connection.execute(
        f"SELECT d.id FROM {source} d WHERE {existed} AND {predicate} ORDER BY d.id", values
    ).fetchnumpy()
    ids: DocumentIds = np.asarray(found["id"], np.int32)
    return None if version is None and len(ids) == _current(connection) else ids


def _current(connection: duckdb.DuckDBPyConnection) -> int:
    return int(
        one(connection.execute("SELECT count(*) FROM store.documents WHERE removed_in IS NULL"))
    )


class VisibleCache:
    """What ``visible`` found for the present corpus version, for the last scopes and filters."""

    def __init__(self) -> None:
        self._version: Version | None = None
        self._held: OrderedDict[tuple[Scope, str], DocumentIds | None] = OrderedDict()
        self._lock = threading.Lock()

    def at(
        self,
        connection: duckdb.DuckDBPyConnection,
        version: Version,
        scope: Scope,
        where: Filter | None,
    ) -> DocumentIds | None:
        """``visible`` for the version that ``connection`` sees, which must be ``version``."""
        # Not the tree itself: 1, 1.0 and true are equal in Python, but not in every comparison.
        key = (scope, repr(where))
        with self._lock:
            if self._version == version and key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        ids = visible(connection, scope, where=where)
        with self._lock:
            if self._version != version:
                self._version = version
                self._held.clear()
            self._held[key] = ids
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        return ids
