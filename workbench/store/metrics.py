"""Counters over the audit's rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb

from workbench.errors import AccessDenied
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.results.metrics import ActionMetrics, Metrics
from workbench.store.database import Database

_QUERY = """
SELECT action, count(*), count(*) FILTER (outcome = 'denied'), count(*) FILTER (outcome = 'failed'),
    sum(prompt_tokens)::BIGINT, sum(output_tokens)::BIGINT, sum(model_calls)::BIGINT,
    sum(cache_hits)::BIGINT, quantile_cont(seconds, 0.5) FILTER (outcome = 'done'),
    quantile_cont(seconds, 0.95) FILTER (outcome = 'done')
FROM store.runs WHERE started_at >= ? GROUP BY action ORDER BY action
"""


class Counters:
    """What was done, by action: runs, denials, failures, tokens, cache hits and times."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def metrics(self, run: Run, *, days: float | None) -> Metrics:
        """The counters of the last ``days`` days, or of all.

        Raises:
            AccessDenied: if the run is not one for metrics.
        """
        run.require_open()
        if run.action is not Action.METRICS:
            raise AccessDenied(
                f"a run for {run.action.value!r} may not count",
                value=run.actor.name,
                next_step="Use the session's verb metrics, as an actor with the role admin.",
            )
        now = datetime.now(UTC).replace(tzinfo=None)
        since = datetime.min if days is None else now - timedelta(days=days)

        def count(connection: duckdb.DuckDBPyConnection) -> tuple[ActionMetrics, ...]:
            rows = connection.execute(_QUERY, [since]).fetchall()
            return tuple(ActionMetrics(*row) for row in rows)

        return Metrics(self._database.read(count), days, run.id)
