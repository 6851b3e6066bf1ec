"""Verbs around the versions of the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from workbench.guard.policy import Action
from workbench.results import DocumentChange, Table, VersionDiff
from workbench.results.versions import text_diff
from workbench.verbs.verbs import Verbs

if TYPE_CHECKING:
    from workbench.guard.run import Run


class VersionVerbs(Verbs):
    """List, name and compare versions, look at an old one, go back to one.

    A version is given by its number or by a snapshot's name.
    """

    def versions(self) -> Table:
        """The snapshots, oldest first: number, name, time (UTC), actor, action, run, and how many
        documents that this actor may see were added, updated and removed since the one before.

        Every ingest leaves a snapshot behind if it changed anything. A number counts committed
        changes, so there are versions between two snapshots, which can be looked at as well.

        Raises:
            AccessDenied, StoreError.
        """
        with self._run(Action.READ, "versions") as run:
            return Table(self._workbench.corpus.history.all(run), run.id)

    def snapshot(self, name: str) -> int:
        """Name the present version, and return its number. A name never moves.

        Raises:
            UsageError: if the name is taken, or is not letters, digits, dots and dashes.
            AccessDenied, StoreError.
        """
        with self._run(Action.SNAPSHOT, "corpus") as run:
            return self._workbench.corpus.history.commit(run, name)

    def at(self, version: int | str) -> Self:
        """A session that sees the corpus as of ``version``, and changes nothing.

        It searches, asks, lists and reads what existed then, as far as the actor may see it now;
        what was closed or forgotten since stays closed or forgotten.

        Raises:
            UsageError: if there is no such version.
            AccessDenied, StoreError.
        """
        with self._run(Action.READ, "versions") as run:
            number = self._workbench.corpus.history.number(run, version)
        return type(self)(self._workbench, self.actor, version=number)

    def diff(self, before: int | str, after: int | str, *, text: bool = False) -> VersionDiff:
        """Which documents were added, removed and changed between two versions.

        With ``text``, what changed carries a unified diff of its masked text.

        Raises:
            UsageError: if there is no such version.
            AccessDenied, StoreError.
        """
        history = self._workbench.corpus.history
        with self._run(Action.READ, "versions") as run:
            first, last = history.number(run, before), history.number(run, after)
            return self._difference(run, first, last, text=text)

    def rollback(self, version: int | str) -> VersionDiff:
        """Make the corpus what it was at ``version``: a new version with the same content.

        Nothing is lost: the versions in between stay, and one can go back to them as well. The
        sources are not touched, so their next ingest brings in what they hold now. Returns what
        changed.

        Raises:
            UsageError: if there is no such version.
            AccessDenied: if this session may not write a label that a document concerned has now,
                had then or had last.
            StoreError, AuditError.
        """
        history = self._workbench.corpus.history
        with self._run(Action.ROLLBACK, f"to version {version}") as run:
            number = history.number(run, version)
            before = self._workbench.corpus.version(run)
            return self._difference(run, before, history.roll_back(run, number), text=False)

    def _difference(self, run: Run, before: int, after: int, *, text: bool) -> VersionDiff:
        rows = self._workbench.corpus.history.diff(run, before, after, texts=text).to_pylist()
        return VersionDiff(before, after, tuple(_change(row) for row in rows), run.id)


def _change(row: dict[str, Any]) -> DocumentChange:
    old, new = row.pop("before_text"), row.pop("after_text")
    shown = row["change"] == "changed" and old is not None
    return DocumentChange(**row, text_diff=text_diff(old, new) if shown else "")
