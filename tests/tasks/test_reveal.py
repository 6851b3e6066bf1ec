from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.vaults import ACTORS, VAULT, vaulted
from workbench.config import Config, VaultConfig
from workbench.errors import AccessDenied, BudgetExceeded, UsageError, VaultError
from workbench.session import Session
from workbench.tasks.reveal import placeholders_in
from workbench.workbench import Workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    """Mr Tommy Smith in an internal document, Dr Ann Lee in one of the board."""
    workbench = vaulted(tmp_path / "workspace")
    for label, text in (
        ("internal", "Mr Tommy Smith (tommy@example.org) books flights. Smith pays."),
        ("board", "Dr Ann Lee leaves in May. Mr Tommy Smith stays."),
    ):
        folder = tmp_path / label
        folder.mkdir()
        (folder / f"{label}.txt").write_text(text, encoding="utf-8")
        workbench.session("root").ingest(folder, label=label)
    return workbench


def masked_text(session: Session, name: str) -> str:
    document = next(info for info in session.documents() if info.name == name)
    return session.document(document.id).text


def test_masked_text_is_revealed_word_for_word(workbench: Workbench) -> None:
    root = workbench.session("root")
    text = masked_text(root, "internal.txt")
    assert "Smith" not in text
    revealed = root.reveal(text)
    assert revealed.text == "Mr Tommy Smith (tommy@example.org) books flights. Tommy Smith pays."
    assert (revealed.shown, revealed.hidden) == (2, 0)


def test_only_what_stands_in_a_readable_document_is_revealed(workbench: Workbench) -> None:
    root, rita = workbench.session("root"), workbench.session("rita")
    board = masked_text(root, "board.txt")
    # Tommy stands in an internal document as well, Ann does not.
    assert rita.reveal(board).text.count("Tommy Smith") == 1
    assert "Ann" not in rita.reveal(board).text
    assert rita.reveal(board).hidden == 1
    document = next(info.id for info in root.documents() if info.name == "board.txt")
    root.grant("rita", document)
    assert rita.reveal(board).text == "Dr Ann Lee leaves in May. Mr Tommy Smith stays."
    root.revoke("rita", document)
    assert "Ann" not in rita.reveal(board).text


def test_a_role_alone_reveals_nothing(workbench: Workbench) -> None:
    text = masked_text(workbench.session("root"), "internal.txt")
    with pytest.raises(AccessDenied, match="may not reveal"):
        workbench.session("ana").reveal(text)
    assert workbench.session("eve").reveal(text).text == text


def test_what_nobody_wrote_is_not_revealed(workbench: Workbench) -> None:
    root = workbench.session("root")
    root.search("Is there a Mr Olaf Berg?", mode="keyword")
    for text in ("<PERSON_3>", "<PERSON_999>", "<person_1>", "<PERSON_0>", "< PERSON_1 >", "plain"):
        assert root.reveal(text).text == text


def test_the_audit_holds_counts_and_no_value(workbench: Workbench) -> None:
    root = workbench.session("root")
    root.reveal(masked_text(root, "internal.txt"))
    rows = root.export_audit().df()
    [row] = rows[rows["action"] == "reveal"].to_dict("records")
    assert (row["resource"], row["outcome"]) == ("2 placeholders", "done")
    assert "Smith" not in rows.to_csv()


def test_a_result_hides_what_it_holds_until_asked(workbench: Workbench) -> None:
    root = workbench.session("root")
    revealed = root.reveal(masked_text(root, "internal.txt"))
    assert "Smith" not in f"{revealed!r} {revealed}"
    assert "Smith" in revealed.to_dict()["text"]


def test_an_hour_has_a_limit(tmp_path: Path) -> None:
    vault = VAULT.model_copy(update={"reveals_per_hour": 3})
    workbench = vaulted(tmp_path / "w", Config(actors=ACTORS, vault=vault))
    (tmp_path / "a.txt").write_text("Mr Tommy Smith met Dr Ann Lee.", encoding="utf-8")
    root = workbench.session("root")
    root.ingest(tmp_path / "a.txt")
    text = masked_text(root, "a.txt")
    assert root.reveal(text).shown == 2
    with pytest.raises(BudgetExceeded, match="within an hour"):
        root.reveal(text)
    # A new process counts on: the limit is kept beside the values.
    with pytest.raises(BudgetExceeded):
        vaulted(tmp_path / "w", Config(actors=ACTORS, vault=vault)).session("root").reveal(text)
    assert workbench.session("rita").reveal(text).shown == 2


def test_without_a_vault_nothing_is_kept_or_revealed(tmp_path: Path) -> None:
    workbench = vaulted(tmp_path / "w", Config(actors=ACTORS))
    (tmp_path / "a.txt").write_text("Mr Tommy Smith", encoding="utf-8")
    root = workbench.session("root")
    root.ingest(tmp_path / "a.txt")
    with pytest.raises(VaultError, match="keeps no vault"):
        root.reveal("<PERSON_1>")
    assert not (tmp_path / "w" / "vault.sqlite").exists()


def test_switching_the_vault_on_masks_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Mr Tommy Smith", encoding="utf-8")
    vaulted(tmp_path / "w", Config(actors=ACTORS)).session("root").ingest(tmp_path / "a.txt")
    root = vaulted(tmp_path / "w").session("root")
    root.ingest(tmp_path / "a.txt")
    assert root.reveal("<PERSON_1>").text == "Tommy Smith"


def test_no_document_is_stored_whose_values_could_not_be_kept(tmp_path: Path) -> None:
    config = Config(vault=VaultConfig(enabled=True))
    (tmp_path / "a.txt").write_text("Mr Tommy Smith", encoding="utf-8")
    session = vaulted(tmp_path / "w", config).session()
    with pytest.raises(VaultError, match="no key yet"):
        session.ingest(tmp_path / "a.txt")
    assert session.documents() == []


def test_a_text_has_its_limits(workbench: Workbench) -> None:
    with pytest.raises(UsageError, match="too long"):
        workbench.session("root").reveal("x" * 1_000_001)


def test_rotating_changes_nothing_that_is_revealed(workbench: Workbench) -> None:
    root = workbench.session("root")
    text = masked_text(root, "internal.txt")
    before = root.reveal(text).text
    assert root.rotate_vault() == 3
    assert root.reveal(text).text == before
    with pytest.raises(AccessDenied):
        workbench.session("rita").rotate_vault()


def test_placeholders_are_read_as_they_are_written() -> None:
    text = "<PERSON_1> <US_SSN_20> <PERSON_01> PERSON_3 <EMAIL_ADDRESS_4>"
    assert placeholders_in(text) == {("PERSON", 1), ("US_SSN", 20), ("EMAIL_ADDRESS", 4)}
