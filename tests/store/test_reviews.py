from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.test_review import SCHEMA, reads, receipts
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError
from workbench.guard.policy import Action
from workbench.store.reviews import Judgement, Review


def test_the_last_judgement_counts_and_earlier_ones_stay(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    workbench = make_workbench(reads)
    session = workbench.session("ana")
    session.ingest(receipts(tmp_path / "receipts", 1))
    number = session.extract("all", SCHEMA).id
    document = session.documents()[0].id
    reviews = workbench.corpus.reviews
    with workbench.guard.open(session.actor, Action.REVIEW) as run:
        reviews.add(run, Review(number, document, 0, "shop", Judgement.REJECTED))
        reviews.add(run, Review(number, document, 0, "shop", Judgement.CORRECTED, "Anchor"))
        [found] = reviews.of(run, [number])
        with pytest.raises(UsageError, match="no such field"):
            reviews.add(run, Review(number, document, 0, "colour", Judgement.ACCEPTED))
    assert (found.judgement, found.value, found.actor) == (Judgement.CORRECTED, "Anchor", "ana")
    with (
        workbench.guard.open(session.actor, Action.READ) as run,
        pytest.raises(AccessDenied, match="may not review"),
    ):
        reviews.add(run, found)


def test_who_may_not_extract_may_not_review_and_scope_holds(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    actors: dict[str, Any] = {
        "ana": ActorConfig(role="analyst", labels=("*",)),
        "bob": ActorConfig(role="analyst", labels=("public",)),
        "vera": ActorConfig(role="viewer", labels=("*",)),
    }
    workbench = make_workbench(reads, config=Config(actors=actors))
    ana = workbench.session("ana")
    ana.ingest(receipts(tmp_path / "receipts"), label="secret")
    extraction = ana.extract("all", SCHEMA)
    item = ana.review_queue(extraction)[0]
    assert len(workbench.session("bob").review_queue(extraction.id)) == 0
    with pytest.raises(AccessDenied):
        workbench.session("bob").accept(item)
    with pytest.raises(AccessDenied):
        workbench.session("vera").review_queue(extraction.id)
    rows = ana.sql("SELECT resource FROM runs WHERE action = 'review' AND outcome = 'done'").df()
    assert f"accepted extraction {extraction.id}, document {item.document_id}" not in set(
        rows["resource"]
    )


def test_sql_shows_what_reviewers_decided(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    session = make_workbench(reads).session("ana")
    session.ingest(receipts(tmp_path / "receipts", 1))
    extraction = session.extract("all", SCHEMA)
    items = {item.field.name: item for item in session.review_queue(extraction)}
    session.correct(items["total"], "USD 1.50")
    session.correct(items["day"], "2 March 2019")
    session.reject(items["shop"])
    rows = session.sql(
        "SELECT name, value, unit, review, machine_value FROM fields ORDER BY name"
    ).df()
    assert rows.astype(object).where(rows.notna(), None).values.tolist() == [
        ["day", "2019-03-02", "", "corrected", "2019-03-01"],
        ["shop", None, "", "rejected", "Anchor Books 0"],
        ["total", "1.50", "USD", "corrected", "90.00"],
    ]
    [record] = session.sql("SELECT value FROM extractions").to_dict()["rows"]
    assert json.loads(record["value"]) == {"day": "2019-03-02", "shop": None, "total": "1.50"}
    [kept] = session.extract("all", SCHEMA)
    assert (str(kept["total"].value), kept["total"].unit) == ("1.50", "USD")
    session.accept(items["total"])
    [row] = session.sql("SELECT value, machine_value FROM fields WHERE name = 'total'").to_dict()[
        "rows"
    ]
    assert (row["value"], row["machine_value"]) == ("90.00", "90.00")
