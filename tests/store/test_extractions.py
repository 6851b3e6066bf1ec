from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError
from workbench.guard.policy import Action
from workbench.models.fake import FakeServer
from workbench.store.extractions import ExtractionKey
from workbench.values import Field, FieldStatus, Record, RecordStatus
from workbench.workbench import Workbench

KEY = ExtractionKey(1, "m", "d", "p", "{}", "")
KINDS = {"total": "money", "issued": "date", "paid": "boolean", "shop": "text"}
FIELDS = (
    Field("shop", "A", "a", "A", 1, 0, 1, status=FieldStatus.LOCATED, signals={"mentions": 2.0}),
    Field("total", Decimal("9.00"), unit="RM", box=(0.0, 1.0, 2.0, 3.0), confidence=0.5),
    Field("issued", datetime.date(2018, 12, 25)),
    Field("paid", False, problem="why"),
)


def record(document_id: int, ordinal: int = 0) -> Record:
    return Record(document_id, "d", "u", ordinal, FIELDS, RecordStatus.COMPLETE, "", 0.5)


def test_records_come_back_as_they_were(make_workbench: MakeWorkbench, folder: Path) -> None:
    workbench = make_workbench()
    session = workbench.session("ana")
    session.ingest(folder)
    with workbench.guard.open(session.actor, Action.EXTRACT) as run:
        store = workbench.corpus.extractions
        number = store.begin(run, KEY, "digest", 1)
        assert store.begin(run, KEY, "digest", 2) == number
        ids = store.add(run, number, [record(1), record(1, 1)], KINDS)
        found = store.records(run, number)
        assert [r.id for r in found] == ids
        assert found[0].fields == FIELDS
        assert [r.ordinal for r in found] == [0, 1]
        # A document that is read again replaces what was found in it before.
        store.add(run, number, [record(1)], KINDS)
        store.add(run, number, [record(2)], KINDS)
        assert [r.document_id for r in store.records(run, number)] == [1, 2]


def test_schemas_count_their_versions(make_workbench: MakeWorkbench) -> None:
    workbench = make_workbench()
    actor = workbench.session("ana").actor
    with workbench.guard.open(actor, Action.EXTRACT) as run:
        store = workbench.corpus.extractions
        one = store.save_schema(run, "receipt", "f1", {"fields": {"a": {}}})
        assert store.save_schema(run, "receipt", "f1", {}) == one
        two = store.save_schema(run, "receipt", "f2", {"fields": {}})
        assert (one.version, two.version) == (1, 2)
        assert store.schema(run, "receipt") == two
        assert store.schema(run, "receipt", 1) == one
        with pytest.raises(UsageError):
            store.schema(run, "receipt", 3)
    with pytest.raises(AccessDenied):
        store.schema(run, "receipt")


@pytest.fixture
def governed(make_workbench: MakeWorkbench, folder: Path) -> Workbench:
    actors = {
        "ana": ActorConfig(role="admin", labels=("*",)),
        "bob": ActorConfig(role="analyst", labels=("internal",)),
        "eve": ActorConfig(role="analyst", labels=("other",)),
        "vic": ActorConfig(role="viewer", labels=("*",)),
    }
    answer = FakeServer(lambda _: json.dumps({"what": "Wednesday"}))
    workbench = make_workbench(server=answer, config=Config(actors=actors))
    workbench.session("ana").ingest(folder)
    return workbench


def test_sql_shows_values_and_provenance(governed: Workbench) -> None:
    session = governed.session("bob")
    session.extract("all", {"what": "text: day of the week"}, many=False)
    rows = session.sql(
        "SELECT document, value->>'$.what' AS what FROM extractions WHERE status = 'complete'"
    ).to_dict()["rows"]
    assert rows == [{"document": "badges.md", "what": "Wednesday"}]
    joined = session.sql(
        "SELECT f.quote, substr(d.text, f.start_char + 1, f.end_char - f.start_char) AS words "
        "FROM fields f JOIN documents d ON d.id = f.document_id WHERE f.status = 'located'"
    ).to_dict()["rows"]
    assert joined == [{"quote": "Wednesday", "words": "Wednesday"}]


def test_records_are_seen_by_whoever_may_see_the_document(governed: Workbench) -> None:
    governed.session("bob").extract("all", {"what": "text"})
    count = "SELECT count(*) AS n FROM extractions"
    assert governed.session("ana").sql(count).to_dict()["rows"][0]["n"] == 3
    assert governed.session("eve").sql(count).to_dict()["rows"][0]["n"] == 0
    assert len(governed.session("eve").extract("all", {"what": "text"})) == 0
    with pytest.raises(AccessDenied):
        governed.session("eve").extract([1], {"what": "text"})
    with pytest.raises(AccessDenied):
        governed.session("vic").extract("all", {"what": "text"})
