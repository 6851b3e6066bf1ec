"""Counters over the audit's rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from workbench.errors import AccessDenied
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.results.activity import Activity, Day, Judgement, Step
from workbench.results.metrics import ActionMetrics, Metrics
from workbench.store import views
from workbench.store.database import Database

LATEST = 50
_TIME = "%Y-%m-%dT%H:%M:%S"
_QUERY = """
SELECT action, count(*), count(*) FILTER (outcome = 'denied'), count(*) FILTER (outcome = 'failed'),
    sum(prompt_tokens)::BIGINT, sum(output_tokens)::BIGINT, sum(model_calls)::BIGINT,
    sum(cache_hits)::BIGINT, quantile_cont(seconds, 0.5) FILTER (outcome = 'done'),
    quantile_cont(seconds, 0.95) FILTER (outcome = 'done')
FROM store.runs WHERE started_at >= ? AND (? OR actor = ?) GROUP BY action ORDER BY action
"""
_DAYS = """
SELECT strftime(started_at, '%Y-%m-%d') AS day, count(*), sum(prompt_tokens + output_tokens)::BIGINT
FROM store.runs WHERE started_at >= ? AND (? OR actor = ?) GROUP BY day ORDER BY day
"""
_LATEST = f"""
SELECT strftime(started_at, '{_TIME}'), actor, action, resource, outcome,
    prompt_tokens + output_tokens, seconds
FROM store.runs WHERE started_at >= ? AND (? OR actor = ?) AND action <> 'read'
ORDER BY sequence DESC LIMIT {LATEST}
"""
# Over the run's own views, which show a judgement to whoever may see its answer.
_JUDGEMENTS = f"""
SELECT a.question, f.actor, f.good, f.reason, strftime(f.created_at, '{_TIME}')
FROM feedback f JOIN answers a ON a.id = f.answer_id
WHERE f.created_at >= ? AND (? OR f.actor = ?) ORDER BY f.created_at DESC LIMIT {LATEST}
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
        _require_metrics(run)
        values = [_since(days), True, run.actor.name]

        def count(connection: duckdb.DuckDBPyConnection) -> tuple[ActionMetrics, ...]:
            rows = connection.execute(_QUERY, values).fetchall()
            return tuple(ActionMetrics(*row) for row in rows)

        return Metrics(self._database.read(count), days, run.id)

    def activity(self, run: Run, *, days: int, everybody: bool) -> Activity:
        """What the run's actor did in the last ``days`` days, or everybody.

        Raises:
            AccessDenied: for everybody, if the run is not one for metrics.
        """
        run.require_open()
        if everybody:
            _require_metrics(run)
        values = [_since(days), everybody, run.actor.name]

        def look(connection: duckdb.DuckDBPyConnection) -> Activity:
            def rows(query: str) -> list[tuple[Any, ...]]:
                return connection.execute(query, values).fetchall()

            # The views of the run hide the tables of the audit, so those are read before.
            actions = tuple(ActionMetrics(*row) for row in rows(_QUERY))
            by_day = tuple(Day(*row) for row in rows(_DAYS))
            latest = tuple(Step(*row) for row in rows(_LATEST))
            views.limit_to(connection, run)
            judgements = tuple(Judgement(*row) for row in rows(_JUDGEMENTS))
            return Activity(actions, by_day, latest, judgements, everybody, days, run.id)

        return self._database.read(look)


def _since(days: float | None) -> datetime:
    now = datetime.now(UTC).replace(tzinfo=None)
    return datetime.min if days is None else now - timedelta(days=days)


def _require_metrics(run: Run) -> None:
    run.require_open()
    if run.action is not Action.METRICS:
        raise AccessDenied(
            f"a run for {run.action.value!r} may not count what others did",
            value=run.actor.name,
            next_step="Use the session's verb metrics, as an actor with the role admin.",
        )
