"""The exact cache of model replies: the same question in the same state costs nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Protocol

from workbench.values import Scope


class ReplyCache(Protocol):
    """Where replies are kept; the store implements it."""

    def get(self, key: str) -> str | None:
        """The stored reply, or None."""
        ...

    def put(self, key: str, reply: str) -> None:
        """Keep a reply under its key, replacing an older one."""
        ...


def cache_key(scope: Scope, parts: Mapping[str, object]) -> str:
    """SHA-256 over the scope and everything that can change the reply.

    ``parts`` must hold prompt version, model digest, all parameters, and what was read from the
    corpus: the words themselves, which the prompt quotes, or the corpus version. Two actors with
    different scopes or grants never share an entry.
    """
    restricted = [sorted(scope.labels), sorted(scope.documents)]
    seen: object = "everything" if scope.unrestricted else restricted
    state = {"scope": seen, "parts": dict(parts)}
    canonical = json.dumps(state, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
