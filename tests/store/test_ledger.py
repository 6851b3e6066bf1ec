from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.errors import AccessDenied, AuditError
from workbench.guard.audit import AuditEntry, Outcome
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard
from workbench.store.corpus import Corpus
from workbench.store.database import Database
from workbench.store.ledger import CorpusLedger, PlaceholderRegister
from workbench.values import Actor, Scope, Usage

ENTRY = AuditEntry(
    run_id="r1",
    actor="ana",
    role="analyst",
    action="search",
    resource="",
    outcome=Outcome.DONE,
    detail="allowed",
    usage=Usage(5, 7, 1.5),
    model_calls=2,
    cache_hits=1,
    started_at="2026-01-02T03:04:05.678+02:00",
)


def test_an_entry_is_stored_field_by_field(corpus: Corpus, run_for) -> None:
    corpus.ledger.record(ENTRY)
    (row,) = corpus.sql(run_for("*"), "SELECT * FROM runs").to_pylist()
    started_at = row.pop("started_at")
    assert started_at.isoformat(timespec="milliseconds") == "2026-01-02T01:04:05.678"
    assert len(row.pop("hash")) == 64
    assert row == {
        "sequence": 1,
        "run_id": "r1",
        "actor": "ana",
        "role": "analyst",
        "action": "search",
        "resource": "",
        "outcome": "done",
        "detail": "allowed",
        "prompt_tokens": 5,
        "output_tokens": 7,
        "seconds": 1.5,
        "model_calls": 2,
        "cache_hits": 1,
    }


def test_the_guard_writes_done_denied_and_failed(corpus: Corpus, run_for) -> None:
    guard = Guard(corpus.ledger, Budget(10, 10))
    bob = Actor("bob", "viewer", Scope())
    with guard.open(bob, Action.SEARCH):
        pass
    with pytest.raises(AccessDenied), guard.open(bob, Action.SQL):
        pass
    with pytest.raises(KeyError), guard.open(bob, Action.ASK):
        raise KeyError("private words")
    rows = corpus.sql(
        run_for("*", role="admin"), "SELECT outcome, detail FROM runs ORDER BY started_at, outcome"
    ).to_pylist()
    assert sorted(row["outcome"] for row in rows) == ["denied", "done", "failed"]
    assert not any("private" in row["detail"] for row in rows)


def test_an_audit_row_that_cannot_be_written_fails_the_action(corpus: Corpus) -> None:
    corpus.ledger.record(ENTRY)
    corpus._database.path.write_bytes(b"damaged" * 1000)
    broken = CorpusLedger(Database(corpus._database.folder))
    guard = Guard(broken, Budget(10, 10))
    with (
        pytest.raises(AuditError, match="damaged"),
        guard.open(Actor("ana", "analyst", Scope()), Action.SEARCH),
    ):
        pass


def test_a_reply_is_kept_and_replaced(corpus: Corpus) -> None:
    assert corpus.reply_cache.get("key") is None
    corpus.reply_cache.put("key", "old")
    corpus.reply_cache.put("key", "new 'quoted' žluť")
    corpus.reply_cache.put("other", "x")
    assert Corpus(corpus._database.folder).reply_cache.get("key") == "new 'quoted' žluť"


def test_numbers_count_up_by_type_and_never_change(corpus: Corpus) -> None:
    register = corpus.placeholders
    assert [register.number("PERSON", d) for d in ("a", "b", "a")] == [1, 2, 1]
    assert register.number("EMAIL_ADDRESS", "a") == 1
    again = Corpus(corpus._database.folder).placeholders
    assert [again.number("PERSON", d) for d in ("c", "b", "a")] == [3, 2, 1]
    # The first register has loaded before "c" came, and still agrees.
    assert register.number("PERSON", "c") == 3


def test_many_numbers_come_in_one_transaction(corpus: Corpus, monkeypatch) -> None:
    register = corpus.placeholders
    writes = []
    write = corpus._database.write
    monkeypatch.setattr(corpus._database, "write", lambda work: (writes.append(1), write(work))[1])
    keys = [("PERSON", f"d{i % 50}") for i in range(200)]
    numbers = register.numbers(keys)
    assert sorted(numbers.values()) == list(range(1, 51))
    assert register.numbers(keys) == numbers
    assert len(writes) == 1


def test_threads_agree_on_numbers(corpus: Corpus) -> None:
    folder = corpus._database.folder
    registers = [Corpus(folder).placeholders for _ in range(4)]

    def number(i: int) -> tuple[str, int]:
        digest = f"d{i % 10}"
        return digest, registers[i % 4].number("PERSON", digest)

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(number, range(40)))
    assert len(found) == 10
    assert {n for _, n in found} == set(range(1, 11))


def test_known_numbers_are_looked_up_and_none_is_allocated(corpus: Corpus) -> None:
    number = corpus.placeholders.number("PERSON", "one")
    other = PlaceholderRegister(corpus.placeholders._database)
    keys = [("PERSON", "one"), ("PERSON", "two"), ("EMAIL_ADDRESS", "one")]
    assert other.known(keys) == {("PERSON", "one"): number}
    assert other.number("PERSON", "two") == number + 1
