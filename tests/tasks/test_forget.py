from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.tasks.vaults import ACTORS, CONFIG, vaulted
from tests.workbenches import agreeing, sentence_with
from workbench.config import Config
from workbench.errors import AccessDenied, StoreError
from workbench.guard.policy import Action
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest
from workbench.store.subjects import Subjects
from workbench.tasks.forget import ForgetRooms, finish_forgetting
from workbench.workbench import Workbench


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    texts = {
        "a.txt": "Mr Tommy Smith (tommy@example.org) books flights. Dr Ann Lee pays.",
        "b.txt": "Dr Ann Lee was asked by Mr Tommy Smith. Tommy agreed.",
        "c.txt": "Dr Ann Lee has a dog.",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def workbench(tmp_path: Path, sources: Path) -> Workbench:
    workbench = vaulted(tmp_path / "workspace")
    workbench.session("root").ingest(sources)
    return workbench


def everything(workbench: Workbench) -> str:
    """Every value of every table, as text."""

    def dump(connection: duckdb.DuckDBPyConnection) -> str:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store'"
        ).fetchall()
        rows = [connection.execute(f"SELECT * FROM store.{name}").fetchall() for (name,) in tables]
        return str(rows)

    return workbench.corpus._database.read(dump)


def tokens(workbench: Workbench, value: str) -> set[str]:
    """How the workspace shows a value, found by masking it."""
    masked = workbench.masker.mask_text(f"Mr {value}" if "@" not in value else value)
    return set(masked.removeprefix("Mr ").split())


def test_a_forgotten_person_is_revealed_to_nobody(workbench: Workbench) -> None:
    root = workbench.session("root")
    [tommy], [ann] = tokens(workbench, "Tommy Smith"), tokens(workbench, "Ann Lee")
    assert root.reveal(f"{tommy} {ann}").text == "Tommy Smith Ann Lee"
    report = root.forget("Tommy Smith")
    assert (report.placeholders, report.entries, report.documents) == (1, 1, 2)
    assert [Path(uri).name for uri in report.sources] == ["a.txt", "b.txt"]
    assert root.reveal(f"{tommy} {ann}").text == f"{tommy} Ann Lee"
    assert workbench.vault is not None
    assert workbench.vault.check() == 2
    assert tommy.strip("<>") not in everything(workbench)


def test_offsets_and_citations_stay_right(workbench: Workbench) -> None:
    root = workbench.session("root")
    before = {info.name: root.document(info.id).text for info in root.documents()}
    root.forget("Tommy Smith")
    for info in root.documents():
        text = root.document(info.id).text
        assert len(text) == len(before[info.name])
        for start, end, words in (
            root.sql(f"SELECT start_char, end_char, text FROM chunks WHERE document_id = {info.id}")
            .df()
            .itertuples(index=False)
        ):
            assert text[start:end] == words
    [a] = [root.document(info.id).text for info in root.documents() if info.name == "a.txt"]
    assert a.startswith("Mr <PERSON_0> (<EMAIL_ADDRESS_1>)")


def quoting(request: ChatRequest) -> str:
    words = sentence_with(request, ["books"])
    return json.dumps({"quotes": [words], "answer": words})


def test_old_versions_answers_and_replies_forget_too(tmp_path: Path, sources: Path) -> None:
    workbench = vaulted(tmp_path / "w", server=FakeServer(agreeing(quoting)))
    root = workbench.session("root")
    root.ingest(sources)
    [tommy] = tokens(workbench, "Tommy Smith")
    assert tommy in root.ask("What does Mr Tommy Smith book?").text
    (sources / "a.txt").write_text("Mr Tommy Smith books trains.", encoding="utf-8")
    root.ingest(sources)
    assert root.forget("Tommy Smith").documents == 3
    assert tommy.strip("<>") not in everything(workbench)
    assert "<PERSON_0>" in root.sql("SELECT text FROM answers").df()["text"][0]


def test_searches_find_the_forgotten_no_more(workbench: Workbench, tmp_path: Path) -> None:
    root = workbench.session("root")
    [tommy] = tokens(workbench, "Tommy Smith")
    other = vaulted(tmp_path / "workspace").session("root")
    for session in (root, other):
        assert tommy in session.search(f"{tommy} books", mode="keyword").hits[0].chunk.text
    root.forget("Tommy Smith")
    for session in (root, other):
        for mode in ("keyword", "vector", "hybrid"):
            hits = session.search(f"{tommy} books flights", mode=mode).hits
            assert not any(tommy in hit.chunk.text for hit in hits)
        assert session.search("flights", mode="keyword").hits


def test_the_forgotten_stay_forgotten_when_their_source_is_read_again(
    workbench: Workbench, sources: Path
) -> None:
    root = workbench.session("root")
    root.forget("Tommy Smith")
    (sources / "d.txt").write_text("Mr Tommy Smith is back. Mr Olaf Berg too.", encoding="utf-8")
    (sources / "a.txt").write_text("Mr Tommy Smith books trains.", encoding="utf-8")
    root.ingest(sources)
    texts = {info.name: root.document(info.id).text for info in root.documents()}
    assert texts["a.txt"] == "Mr <PERSON_0> books trains."
    # The number that was given up is not given to somebody else.
    assert texts["d.txt"] == "Mr <PERSON_0> is back. Mr <PERSON_3> too."
    assert root.reveal(texts["d.txt"]).text == "Mr <PERSON_0> is back. Mr Olaf Berg too."
    assert root.search("What about Mr Tommy Smith?", mode="keyword").query.count("<PERSON_0>") == 1


@pytest.mark.parametrize(
    "value", ["tommy  SMITH", "Smith, Tommy", "Mr Tommy Smith", "<PERSON_1>", " <PERSON_1> "]
)
def test_other_spellings_and_placeholders_name_the_same_person(
    workbench: Workbench, value: str
) -> None:
    assert tokens(workbench, "Tommy Smith") == {"<PERSON_1>"}
    assert workbench.session("root").forget(value).placeholders == 1
    assert tokens(workbench, "Tommy Smith") == {"<PERSON_0>"}


def test_several_values_are_forgotten_at_once(workbench: Workbench) -> None:
    report = workbench.session("root").forget("Tommy Smith", "TOMMY@example.org")
    assert (report.placeholders, report.entries) == (2, 2)


def test_who_is_not_known_cannot_be_forgotten(workbench: Workbench) -> None:
    root = workbench.session("root")
    before = everything(workbench)
    for values in (("Nobody Here",), ("<PERSON_99>",), ("",), ()):
        assert root.forget(*values).placeholders == 0
    assert root.forget("Tommy Smith").placeholders == 1
    assert root.forget("Tommy Smith").placeholders == 0
    assert "Nobody" not in before + everything(workbench)


def test_only_an_administrator_who_sees_everything_forgets(
    tmp_path: Path, workbench: Workbench
) -> None:
    for actor in ("ana", "rita", "eve"):
        with pytest.raises(AccessDenied):
            workbench.session(actor).forget("Tommy Smith")
    half = ACTORS | {"half": ACTORS["root"].model_copy(update={"labels": ("internal",)})}
    with pytest.raises(AccessDenied, match="does not see everything"):
        vaulted(tmp_path / "workspace", Config(actors=half)).session("half").forget("Tommy Smith")


def test_the_audit_holds_no_name(workbench: Workbench) -> None:
    root = workbench.session("root")
    root.forget("Tommy Smith", "<PERSON_2>")
    rows = root.export_audit().df()
    [row] = rows[rows["action"] == "forget"].to_dict("records")
    assert (row["resource"], row["outcome"]) == ("data subject", "done")
    assert not any(word in rows.to_csv() for word in ("Tommy", "Smith", "PERSON"))
    assert root.verify_audit().intact


def test_a_document_that_was_masked_before_is_refused_and_then_learnt(
    workbench: Workbench, tmp_path: Path, sources: Path
) -> None:
    other = vaulted(tmp_path / "workspace")
    assert tokens(other, "Tommy Smith") == {"<PERSON_1>"}
    workbench.session("root").forget("Tommy Smith")
    (sources / "d.txt").write_text("Mr Tommy Smith is back.", encoding="utf-8")
    with pytest.raises(StoreError, match="was forgotten while"):
        other.session("root").ingest(sources)
    other.session("root").ingest(sources)
    assert "PERSON_1" not in everything(workbench)


def test_an_interrupted_forgetting_reveals_nobody_and_is_finished_by_the_next_ingest(
    workbench: Workbench, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = workbench.session("root")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Subjects, "pending", stop)
        with pytest.raises(KeyboardInterrupt):
            root.forget("Tommy Smith")
    assert root.reveal("<PERSON_1>").text == "<PERSON_1>"
    assert "PERSON_1" in everything(workbench)
    workbench.session("ana").ingest(sources)
    assert "PERSON_1" not in everything(workbench)
    assert workbench.vault is not None
    assert workbench.vault.known([("PERSON", 1)]) == set()


def test_a_vault_that_was_switched_off_still_forgets(workbench: Workbench, tmp_path: Path) -> None:
    off = CONFIG.model_copy(update={"vault": CONFIG.vault.model_copy(update={"enabled": False})})
    assert vaulted(tmp_path / "workspace", off).session("root").forget("Tommy Smith").entries == 1


def test_forgetting_needs_no_vault(tmp_path: Path, sources: Path) -> None:
    root = vaulted(tmp_path / "w", Config(actors=ACTORS)).session("root")
    root.ingest(sources)
    report = root.forget("Tommy Smith")
    assert (report.placeholders, report.entries, report.documents) == (1, 0, 2)


_FORGETTER = """
import sys
from pathlib import Path
from tests.tasks.vaults import vaulted
root = vaulted(Path(sys.argv[1])).session("root")
print("ready", flush=True)
for number in range(1, 200):
    root.forget(f"<PERSON_{number}>")
    print(number, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_forgetting_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        name = f"Olaf {chr(65 + number // 26)}{chr(97 + number % 26)}berg"
        text = f"Mr {name} wrote. Mr {name} paid."
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    workbench = vaulted(tmp_path / "workspace")
    workbench.session("root").ingest(folder)
    for round_number in range(6):
        command = [sys.executable, "-c", _FORGETTER, str(tmp_path / "workspace")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05 + 0.11 * round_number)
            process.send_signal(signal.SIGKILL)
            lines = process.stdout.read().split("\n")
        done = [int(line) for line in lines[:-1] if line]
        fresh = vaulted(tmp_path / "workspace")
        root = fresh.session("root")
        with fresh.guard.open(root.actor, Action.FORGET) as run:
            finish_forgetting(run, ForgetRooms(fresh.masker, fresh.corpus, fresh.vault))
        text = everything(fresh)
        assert not any(f"<PERSON_{number}>" in text for number in done)
        assert fresh.corpus.health().problems == ()
        shown = {f"PERSON_{n}" for n in range(1, 41) if f"<PERSON_{n}>" in text}
        assert fresh.vault is not None
        assert fresh.vault.check() == len(shown)


def test_a_surname_leads_to_one_person_until_they_are_forgotten(
    workbench: Workbench, sources: Path
) -> None:
    root = workbench.session("root")
    [tommy] = tokens(workbench, "Tommy Smith")
    assert tokens(workbench, "Smith") == {tommy}
    assert root.reveal(tommy).text == "Tommy Smith"
    root.rotate_vault()
    assert tokens(workbench, "Smith") == {tommy}
    # Another process, which has nothing in memory.
    assert tokens(vaulted(workbench.corpus._database.folder), "Smith") == {tommy}
    assert "smith" not in everything(workbench).casefold()
    root.forget("Tommy Smith")
    root.ingest(sources)
    [bare] = tokens(workbench, "Smith")
    assert bare not in (tommy, "<PERSON_0>")
    assert root.reveal(bare).text == bare


def test_of_two_of_a_name_the_one_who_is_left_is_meant(workbench: Workbench, sources: Path) -> None:
    root = workbench.session("root")
    (sources / "d.txt").write_text("Mrs Jane Smith pays.", encoding="utf-8")
    root.ingest(sources)
    [tommy], [jane] = tokens(workbench, "Tommy Smith"), tokens(workbench, "Jane Smith")
    assert not tokens(workbench, "Smith") & {tommy, jane}
    root.forget("Tommy Smith")
    assert tokens(workbench, "Smith") == {jane}
