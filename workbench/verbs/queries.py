"""Verbs around saved queries."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.guard.policy import Action, decide
from workbench.verbs.corpus import MAX_SQL_CHARS
from workbench.verbs.verbs import Verbs

MAX_NAME_CHARS = 100


class QueryVerbs(Verbs):
    """Keep SQL queries under a name; each actor sees only its own."""

    @property
    def may_query(self) -> bool:
        """Whether the actor's role lets the corpus be queried by SQL."""
        return decide(self.actor, Action.SQL, "").allowed

    def queries(self) -> dict[str, str]:
        """The actor's saved queries by name.

        Raises:
            AccessDenied, StoreError.
        """
        with self._run(Action.SQL, "saved queries") as run:
            return self._workbench.corpus.queries.named(run)

    def save_query(self, name: str, query: str) -> None:
        """Keep a query under a name; one of the same name is replaced.

        Personal details between quotes and in comments are masked, as they are in documents.

        Raises:
            UsageError: if the name or the query is empty or too long.
            AccessDenied, MaskingError, StoreError.
        """
        from workbench.tasks.queries import masked_query

        plain = " ".join(name.split())
        _require_length("name", plain, MAX_NAME_CHARS)
        _require_length("query", query.strip(), MAX_SQL_CHARS)
        workbench = self._workbench
        with self._run(Action.SQL, "saved queries") as run:
            masked = workbench.masker.mask_text(plain)
            workbench.corpus.queries.save(run, masked, masked_query(workbench.masker, query))

    def drop_query(self, name: str) -> None:
        """Forget a saved query.

        Raises:
            UsageError: if no query of this actor has this name.
            AccessDenied, StoreError.
        """
        with self._run(Action.SQL, "saved queries") as run:
            self._workbench.corpus.queries.drop(run, name)


def _require_length(what: str, text: str, max_chars: int) -> None:
    if not 1 <= len(text) <= max_chars:
        raise UsageError(
            f"the {what} is empty or too long",
            value=f"{len(text):,} characters",
            next_step=f"Give 1 to {max_chars:,} characters.",
        )
