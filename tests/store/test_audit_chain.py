"""The hash chain of the audit, and every way of tampering with the file behind its back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.test_ledger import ENTRY
from tests.store.test_processes import COMMON, finish, start
from workbench.errors import AccessDenied, AuditError
from workbench.guard.policy import Action
from workbench.store import audit_chain
from workbench.store.corpus import Corpus
from workbench.values import Usage

ROWS = 7
WRITER = (
    COMMON
    + """
from concurrent.futures import ThreadPoolExecutor
guard = Guard(corpus.ledger, Budget(1, 1e6))
others = Guard(Corpus(Path(sys.argv[1])).ledger, Budget(1, 1e6))

def act(number):
    with (guard if number % 2 else others).open(ana, Action.READ, resource=f"{number}"):
        pass

with ThreadPoolExecutor(4) as pool:
    list(pool.map(act, range(25)))
"""
)


@pytest.fixture
def audited(corpus: Corpus) -> Corpus:
    for number in range(ROWS):
        corpus.ledger.record(replace(ENTRY, run_id=f"r{number}", resource=f"document {number}"))
    return corpus


def test_an_untouched_audit_holds(audited: Corpus) -> None:
    check = audited._database.read(audit_chain.verify)
    last = audited._database.read(
        lambda c: c.execute("SELECT hash FROM runs WHERE sequence = ?", [ROWS]).fetchone()
    )
    assert (check.rows, check.first_broken, (check.head,)) == (ROWS, None, last)


def test_an_empty_audit_holds(corpus: Corpus) -> None:
    check = corpus._database.read(audit_chain.verify)
    assert (check.rows, check.first_broken, check.head) == (0, None, "0" * 64)


def test_strange_text_and_numbers_hold(corpus: Corpus) -> None:
    strange = ["", "žluť 🐎", "a\0b", 'quo"te\\', "line\nbreak\r\n", "\u2028", "e\u0301", "NULL"]
    numbers = [0, 1, 0.1 + 0.2, 1e-300, 1e22, -0.0, 123456789.123456789]
    for text in strange:
        corpus.ledger.record(replace(ENTRY, actor=text, resource=text, detail=text))
    for number in numbers:
        corpus.ledger.record(replace(ENTRY, usage=Usage(2**40, 0, number)))
    for time in ("2026-01-02T03:04:05+00:00", "1969-12-31T23:59:59.999999-11:30"):
        corpus.ledger.record(replace(ENTRY, started_at=time))
    check = corpus._database.read(audit_chain.verify)
    assert (check.rows, check.first_broken) == (len(strange) + len(numbers) + 2, None)


@pytest.mark.slow
def test_the_chain_holds_when_processes_and_threads_write_at_once(corpus: Corpus, run_for) -> None:
    folder = corpus._database.folder
    for writer in [start(WRITER, folder, seed) for seed in range(3)]:
        finish(writer)
    check = corpus.verify_audit(run_for("*", action=Action.AUDIT, role="admin"))
    assert (check.rows, check.first_broken) == (75, None)


NEW_VALUES = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "INTEGER": st.integers(-(2**31), 2**31 - 1),
    "DOUBLE": st.floats(),
    "VARCHAR": st.text(max_size=80),
    "TIMESTAMP": st.datetimes() | st.just("infinity"),
}
KINDS = {
    **dict.fromkeys(audit_chain.FIELDS, "VARCHAR"),
    **dict.fromkeys(["sequence", "prompt_tokens", "output_tokens"], "BIGINT"),
    **dict.fromkeys(["model_calls", "cache_hits"], "INTEGER"),
    "seconds": "DOUBLE",
    "started_at": "TIMESTAMP",
    "hash": "VARCHAR",
}


@st.composite
def mutations(draw) -> tuple[str, list[object], int]:
    """A statement, its parameters, and the number of the row that must be named."""
    row = draw(st.integers(1, ROWS))
    other = draw(st.integers(1, ROWS).filter(lambda n: n != row))
    kind = draw(st.sampled_from(["change", "flip", "remove", "swap", "forge", "copy"]))
    if kind == "change":
        field = draw(st.sampled_from([name for name in KINDS if name != "sequence"]))
        value = draw(NEW_VALUES[KINDS[field]])
        return f"UPDATE store.runs SET {field} = ? WHERE sequence = ?", [value, row], row
    if kind == "flip":
        field = draw(st.sampled_from([f for f, k in KINDS.items() if k == "VARCHAR"]))
        flipped = f"chr(xor(ord({field}), 1)::INTEGER) || {field}[2:]"
        return f"UPDATE store.runs SET {field} = {flipped} WHERE sequence = ?", [row], row
    if kind == "remove":
        which = draw(st.sampled_from(["=", ">="]))
        return f"DELETE FROM store.runs WHERE sequence {which} ?", [row], row
    if kind == "swap":
        sql = "UPDATE store.runs SET sequence = ? - sequence WHERE sequence IN (?, ?)"
        return sql, [row + other, row, other], min(row, other)
    if kind == "copy":
        return "INSERT INTO store.runs FROM store.runs WHERE sequence = ?", [row], row + 1
    sql = "INSERT INTO store.runs SELECT * REPLACE (? AS sequence, ? AS hash) FROM store.runs "
    digest = draw(st.text("0123456789abcdef", min_size=64, max_size=64))
    return sql + "WHERE sequence = ?", [ROWS + 1, digest, row], ROWS + 1


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mutation=mutations())
def test_every_mutation_is_found_at_its_row(audited: Corpus, mutation) -> None:
    statement, parameters, expected = mutation
    path = audited._database.path
    with duckdb.connect(path) as connection:
        before = connection.execute("FROM store.runs ORDER BY sequence, rowid").fetchall()
        connection.begin()
        connection.execute(statement, parameters)
        after = connection.execute("FROM store.runs ORDER BY sequence, rowid").fetchall()
        check = audit_chain.verify(connection)
        connection.rollback()
        # A change may draw what stands there already.
        same = repr(before) == repr(after)
        assert check.first_broken == (None if same else expected)
        assert audit_chain.verify(connection).intact


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("UPDATE store.audit_head SET hash = hash[2:] || '0'", ROWS + 1),
        ("UPDATE store.audit_head SET sequence = 3", 4),
        ("UPDATE store.audit_head SET sequence = 99", ROWS + 1),
        ("DELETE FROM store.audit_head", ROWS + 1),
        ("INSERT INTO store.audit_head VALUES (0, '')", ROWS + 1),
        ("DELETE FROM store.runs", 1),
        ("ALTER TABLE store.runs ALTER seconds TYPE DECIMAL(9, 3)", 1),
        ("ALTER TABLE store.runs ALTER started_at TYPE DATE", 1),
        ("ALTER TABLE store.runs ALTER hash TYPE BLOB USING '\\x00'::BLOB", 1),
        ("UPDATE store.runs SET seconds = seconds + 1e-15 WHERE sequence = 4", 4),
        ("UPDATE store.runs SET started_at = started_at + INTERVAL 1 microsecond", 1),
    ],
)
def test_other_damage_is_found(audited: Corpus, damage: str, expected: int) -> None:
    audited._database.write(lambda c: c.execute(damage))
    check = audited._database.read(audit_chain.verify)
    assert (check.intact, check.first_broken) == (False, expected)
    (problem,) = audited.health().problems
    assert f"broken at row {expected}" in problem


def test_writing_goes_on_after_damage_and_does_not_hide_it(audited: Corpus) -> None:
    audited._database.write(lambda c: c.execute("DELETE FROM store.runs WHERE sequence >= 6"))
    audited.ledger.record(ENTRY)
    assert audited._database.read(audit_chain.verify).first_broken == 6


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM store.audit_head",
        "INSERT INTO store.audit_head FROM store.audit_head",
        "ALTER TABLE store.audit_head ALTER sequence TYPE VARCHAR",
    ],
)
def test_without_its_head_the_audit_takes_no_rows(audited: Corpus, damage: str) -> None:
    audited._database.write(lambda c: c.execute(damage))
    with pytest.raises(AuditError, match="head is missing"):
        audited.ledger.record(ENTRY)


def test_an_export_can_be_checked_without_workbench(audited: Corpus, run_for) -> None:
    table = audited.export_audit(run_for("*", action=Action.AUDIT, role="admin"))
    assert table.column_names == [*audit_chain.FIELDS, "hash"]
    previous = "0" * 64
    for row in json.loads(json.dumps(table.to_pylist())):
        digest = row.pop("hash")
        text = json.dumps({**row, "previous": previous}, sort_keys=True, separators=(",", ":"))
        assert digest == hashlib.sha256(text.encode()).hexdigest()
        previous = digest
    check = audited.verify_audit(run_for("*", action=Action.AUDIT, role="admin"))
    assert (check.rows, check.head) == (table.num_rows, previous) == (ROWS, previous)


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.AUDIT])
def test_only_a_run_for_auditing_reads_all_of_it(audited: Corpus, run_for, action: Action) -> None:
    run = run_for("*", action=action, role="admin")
    for verb in (audited.verify_audit, audited.export_audit):
        with pytest.raises(AccessDenied, match="may not audit"):
            verb(run)


def test_an_ended_run_reads_none_of_it(audited: Corpus, run_for) -> None:
    run = run_for("*", action=Action.AUDIT, role="admin")
    run.close()
    for verb in (audited.verify_audit, audited.export_audit):
        with pytest.raises(AccessDenied, match="ended"):
            verb(run)
