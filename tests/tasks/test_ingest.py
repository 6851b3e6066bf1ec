from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.sources.builders import pdf_bytes
from tests.workbenches import MakeWorkbench
from workbench import Rows
from workbench.config import ActorConfig, BudgetConfig, Config, LimitsConfig
from workbench.errors import (
    AccessDenied,
    BudgetExceeded,
    MaskingError,
    ModelError,
    ModelNotFound,
    UsageError,
)
from workbench.models.fake import FakeServer
from workbench.results import IngestReport, ItemStatus
from workbench.session import Session
from workbench.tasks.ingest import IngestProgress
from workbench.values import Document, MaskedDocument


def statuses(report: IngestReport) -> dict[str, str]:
    return {item.name: item.status.value for item in report.items}


def test_only_what_changed_is_read_again(make_workbench: MakeWorkbench, folder: Path) -> None:
    session = make_workbench().session("ana")
    assert session.ingest(folder).count(ItemStatus.ADDED) == 3
    assert session.ingest(folder).count(ItemStatus.UNCHANGED) == 3
    (folder / "badges.md").write_text("# Badges\n\nBadges are made on Friday.\n", encoding="utf-8")
    again = session.ingest(folder)
    assert statuses(again) == {
        "badges.md": "updated",
        "leave.md": "unchanged",
        "travel.txt": "unchanged",
    }
    texts = [hit.chunk.text for hit in session.search("badges")]
    assert any("Friday" in text for text in texts)
    assert not any("Wednesday" in text for text in texts)


def test_sync_removes_what_is_gone_and_nothing_else(
    make_workbench: MakeWorkbench, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("A note that lies elsewhere.", encoding="utf-8")
    session = make_workbench().session("ana")
    session.ingest(folder, outside)
    (folder / "badges.md").unlink()
    assert session.ingest(folder).count(ItemStatus.REMOVED) == 0
    assert session.ingest(folder, sync=True).count(ItemStatus.REMOVED) == 1
    assert [info.name for info in session.documents()] == ["leave.md", "outside.txt", "travel.txt"]


def test_a_bad_file_fails_alone(make_workbench: MakeWorkbench, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    (folder / "empty.txt").write_bytes(b"")
    session = make_workbench().session("ana")
    report = session.ingest(folder)
    assert report.count(ItemStatus.ADDED) == 3
    assert {item.name for item in report.failed} == {"broken.pdf", "empty.txt"}
    assert all(item.error for item in report.failed)


def test_a_file_that_broke_keeps_its_last_good_version(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench().session("ana")
    session.ingest(folder)
    (folder / "badges.md").write_bytes(b"")
    assert session.ingest(folder, sync=True).count(ItemStatus.FAILED) == 1
    assert "badges.md" in [info.name for info in session.documents()]


def test_the_report_holds_masked_names_only(make_workbench: MakeWorkbench, folder: Path) -> None:
    secret = "jane.roe@example.com"
    (folder / f"{secret} notes.txt").write_text("Notes on travel.", encoding="utf-8")
    (folder / f"{secret} empty.txt").write_bytes(b"")
    session = make_workbench().session("ana")
    first = session.ingest(folder)
    again = session.ingest(folder)
    (folder / f"{secret} notes.txt").unlink()
    last = session.ingest(folder, sync=True)
    items = [item for report in (first, again, last) for item in report.items]
    assert {item.status for item in items} >= set(ItemStatus) - {ItemStatus.UPDATED}
    assert not [item for item in items if secret in item.name + item.error]
    assert [i.name for i in last.items if i.status is ItemStatus.REMOVED] == [
        "<EMAIL_ADDRESS_1> notes.txt"
    ]


def test_a_name_that_is_not_utf8_is_made_printable(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    raw = os.fsencode(folder) + b"/caf\xe9.txt"
    Path(os.fsdecode(raw)).write_text("A note about tea.", encoding="utf-8")
    report = make_workbench().session("ana").ingest(folder)
    assert "caf\ufffd.txt" in {item.name for item in report.items}
    json.dumps(report.to_dict(), ensure_ascii=False).encode()


def test_a_folder_that_cannot_be_read_fails_and_loses_nothing(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "note.txt").write_text("A note about tea.", encoding="utf-8")
    session = make_workbench().session("ana")
    session.ingest(folder)
    scandir = os.scandir

    def refusing(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    report = session.ingest(folder, sync=True)
    assert [(item.name, item.error.partition(":")[0]) for item in report.failed] == [
        ("sub", "the folder cannot be read")
    ]
    assert report.count(ItemStatus.REMOVED) == 0
    assert "note.txt" in [info.name for info in session.documents()]


def test_progress_ends_at_the_total(make_workbench: MakeWorkbench, folder: Path) -> None:
    seen: list[IngestProgress] = []
    make_workbench().session("ana").ingest(folder, progress=seen.append)
    assert [progress.done for progress in seen] == [0, 1, 2, 3]
    assert seen[0].remaining_s is None
    assert seen[-1].remaining_s == 0.0


def test_a_missing_path_is_bad_usage(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    session = make_workbench().session("ana")
    with pytest.raises(UsageError, match="no such file"):
        session.ingest(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no such file"):
        session.ingest(tmp_path / ("x" * 5_000))
    with pytest.raises(UsageError, match="no path"):
        session.ingest()


def test_labels_decide_who_sees_and_who_writes(make_workbench: MakeWorkbench, folder: Path) -> None:
    actors = {
        "ana": ActorConfig(role="analyst", labels=("hr", "internal")),
        "vic": ActorConfig(role="viewer", labels=("internal",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    ana, vic = workbench.session("ana"), workbench.session("vic")
    ana.ingest(folder / "leave.md", label="hr")
    ana.ingest(folder / "travel.txt")
    assert {hit.document for hit in ana.search("sick leave flights")} == {"leave.md", "travel.txt"}
    assert {hit.document for hit in vic.search("sick leave flights")} == {"travel.txt"}
    with pytest.raises(AccessDenied):
        vic.ingest(folder)
    with pytest.raises(AccessDenied):
        ana.ingest(folder, label="board")
    with pytest.raises(AccessDenied, match="not known"):
        workbench.session("eve")


def test_without_the_embedding_model_nothing_is_stored(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    models = Config().models.model_copy(update={"embedding": "other-embedding"})
    session = make_workbench(config=Config(models=models)).session("ana")
    with pytest.raises(ModelNotFound, match="pull"):
        session.ingest(folder)
    assert session.documents() == []


def test_reading_a_folder_has_its_own_time_limit(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    config = Config(budget=BudgetConfig(max_seconds=1e-6))
    session = make_workbench(config=config).session("ana")
    assert session.ingest(folder).count(ItemStatus.ADDED) == 3
    with pytest.raises(BudgetExceeded):
        session.search("badges")


def test_nothing_is_started_when_nothing_changed(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workbench().session("ana").ingest(folder)
    later = make_workbench()
    # As when no model server runs: asking for one would start it.
    monkeypatch.setattr(later.models, "_running_digests", dict)
    for room, call in (
        (later.models._server, "models"),
        (later.models._server, "embed"),
        (later.source._parser, "parse"),
        (later.masker, "mask_many"),
        (later.masker, "mask_name"),
    ):
        monkeypatch.setattr(room, call, lambda *_, call=call, **__: pytest.fail(call))
    report = later.session("ana").ingest(folder)
    assert report.count(ItemStatus.UNCHANGED) == 3


def test_a_new_digest_of_the_model_is_seen_once_its_server_runs(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workbench().session("ana").ingest(folder)
    later = make_workbench()
    session = later.session("ana")
    monkeypatch.setattr(later.models, "digest", lambda _: "another")
    monkeypatch.setattr(later.models, "_running_digests", dict)
    assert session.ingest(folder).count(ItemStatus.UNCHANGED) == 3
    (folder / "new.txt").write_text("Parking is free on Sundays.", encoding="utf-8")
    report = session.ingest(folder)
    assert (report.count(ItemStatus.UPDATED), report.count(ItemStatus.ADDED)) == (3, 1)
    monkeypatch.setattr(later.models, "digest", lambda _: "a third")
    monkeypatch.setattr(later.models, "_running_digests", lambda: {"all-minilm:latest": "a third"})
    assert session.ingest(folder).count(ItemStatus.UPDATED) == 4


def test_a_file_that_was_refused_is_not_tried_again_until_something_changes(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "jane.roe@example.com.pdf").write_bytes(b"%PDF-1.7 not really")
    (folder / "empty.txt").write_bytes(b"")
    workbench = make_workbench()
    session = workbench.session("ana")
    first = session.ingest(folder)

    def refused(*_: object) -> object:
        raise AssertionError("a known refusal needs no work")

    with monkeypatch.context() as patch:
        patch.setattr(workbench.source, "read", refused)
        patch.setattr(workbench.masker, "mask_name", refused)
        patch.setattr(workbench.masker, "mask_text", refused)
        again = session.ingest(folder)
    assert [(i.name, i.error) for i in again.failed] == [(i.name, i.error) for i in first.failed]
    assert len(first.failed) == 2
    tried: list[Path] = []
    read = workbench.source.read
    monkeypatch.setattr(
        workbench.source, "read", lambda path, **more: tried.append(path) or read(path, **more)
    )
    session.ingest(folder, password="of a file")
    assert [path.name for path in tried] == ["empty.txt", "jane.roe@example.com.pdf"]
    tried.clear()
    (folder / "empty.txt").write_text("Parking is free on Sundays.", encoding="utf-8")
    assert session.ingest(folder).count(ItemStatus.ADDED) == 1
    assert [path.name for path in tried] == ["empty.txt"]


def test_a_name_in_a_file_name_stands_in_no_uri_and_the_file_is_known_again(
    make_workbench: MakeWorkbench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "jane.roe@example.com.txt"
    file.write_text("The minutes of the meeting.", encoding="utf-8")
    workbench = make_workbench()
    session = workbench.session("ana")
    with monkeypatch.context() as patch:
        # As it was stored before file names were kept out of uris.
        patch.setattr(workbench.masker, "shown_uri", lambda uri, **_: uri)
        assert "jane.roe" in "".join(item.uri for item in session.ingest(folder).items)
    file.write_text("The minutes of the other meeting.", encoding="utf-8")
    report = session.ingest(folder)
    assert "jane.roe" not in repr(report)
    (info,) = [info for info in session.documents() if "<EMAIL_ADDRESS_" in info.name]
    assert info.uri.startswith(folder.as_uri())
    assert info.uri.endswith(".txt")
    assert len(session.documents()) == 4
    assert session.ingest(folder, sync=True).count(ItemStatus.UNCHANGED) == 4
    file.write_text("The minutes of a third meeting.", encoding="utf-8")
    changed = session.ingest(folder, sync=True)
    assert (changed.count(ItemStatus.UPDATED), changed.count(ItemStatus.REMOVED)) == (1, 0)
    file.unlink()
    assert session.ingest(folder, sync=True).count(ItemStatus.REMOVED) == 1
    assert len(session.documents()) == 3


def people(count: int) -> list[dict[str, object]]:
    return [
        {"id": number, "note": f"Write to p{number % 7}@example.com about badge {number}."}
        for number in range(count)
    ]


def stored_texts(session: Session) -> list[tuple[str, str]]:
    rows = session.sql("SELECT name, text FROM documents ORDER BY name").arrow().to_pylist()
    return [(row["name"], row["text"]) for row in rows]


def test_rows_are_stored_together_as_they_would_be_alone(
    make_workbench: MakeWorkbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = FakeServer()
    together = make_workbench(server=server).session("ana")
    report = together.ingest(Rows(people(250), "people", key="id"))
    assert [item.chunks for item in report.items] == [1] * 250
    assert report.corpus_version == 3
    assert len(server.texts) == 250
    (tmp_path / "workspace").rename(tmp_path / "together")
    monkeypatch.setattr("workbench.tasks.ingest.TOGETHER_ITEMS", 1)
    alone = make_workbench().session("ana")
    assert alone.ingest(Rows(people(250), "people", key="id")).corpus_version == 250
    (tmp_path / "workspace").rename(tmp_path / "alone")
    (tmp_path / "together").rename(tmp_path / "workspace")
    found = stored_texts(make_workbench().session("ana"))
    (tmp_path / "workspace").rename(tmp_path / "together")
    (tmp_path / "alone").rename(tmp_path / "workspace")
    assert found == stored_texts(make_workbench().session("ana"))


def test_of_rows_together_only_the_bad_fail(
    make_workbench: MakeWorkbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench = make_workbench(config=Config(limits=LimitsConfig(max_document_chars=200)))
    rows = people(30)
    rows[4]["note"] = "long " * 100
    rows[9]["note"] = "poison"
    mask_many = workbench.masker.mask_many

    def poisoned(documents: Sequence[Document]) -> list[MaskedDocument]:
        if any("poison" in document.text for document in documents):
            raise MaskingError("a detector failed", next_step="Report it.")
        return mask_many(documents)

    monkeypatch.setattr(workbench.masker, "mask_many", poisoned)
    session = workbench.session("ana")
    report = session.ingest(Rows(rows, "people", key="id"))
    assert [at for at, item in enumerate(report.items) if item.status is ItemStatus.FAILED] == [
        4,
        9,
    ]
    assert ["too much text" in report.items[4].error, report.items[9].error[:17]] == [
        True,
        "a detector failed",
    ]
    assert len(session.documents()) == 28


def test_rows_go_on_where_they_were_stopped(make_workbench: MakeWorkbench) -> None:
    class Stopping(FakeServer):
        def embed(self, model: str, texts: Sequence[str]):
            if any("badge 150." in text for text in texts):
                raise ModelError("the server stopped", next_step="Start it again.")
            return super().embed(model, texts)

    rows = people(250)
    with pytest.raises(ModelError):
        make_workbench(server=Stopping()).session("ana").ingest(Rows(rows, "people", key="id"))
    server = FakeServer()
    report = make_workbench(server=server).session("ana").ingest(Rows(rows, "people", key="id"))
    assert (report.count(ItemStatus.UNCHANGED), report.count(ItemStatus.ADDED)) == (100, 150)
    assert len(server.texts) == 150


def test_files_between_rows_are_stored_one_by_one(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    session = make_workbench().session("ana")
    report = session.ingest(folder, Rows(people(5), "people", key="id"))
    assert (len(report.items), report.corpus_version) == (8, 4)


def test_a_name_in_a_folders_name_stands_in_no_uri_and_its_files_are_known_and_opened(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    private = folder / "mail of jane.roe@example.com"
    private.mkdir()
    pdf, note = private / "plan.pdf", private / "note.txt"
    pdf.write_bytes(pdf_bytes([(50, 700, "The office opens on Mondays")]))
    note.write_text("A note about tea.", encoding="utf-8")
    session = make_workbench().session("ana")
    report = session.ingest(private)
    assert "jane.roe" not in repr(report) + repr(session.documents())
    assert {item.name for item in report.items} == {"plan.pdf", "note.txt"}
    assert all(item.uri.startswith(f"{folder.as_uri()}/") for item in report.items)
    assert session.ingest(folder, sync=True).count(ItemStatus.UNCHANGED) == 2
    ids = {info.name: info.id for info in session.documents()}
    text = session.document(ids["plan.pdf"]).text
    assert session.boxes(ids["plan.pdf"], 0, len(text.strip()))
    note.unlink()
    gone = session.ingest(private, sync=True)
    assert (gone.count(ItemStatus.UNCHANGED), gone.count(ItemStatus.REMOVED)) == (1, 1)
    pdf.unlink()
    assert session.ingest(folder, sync=True).count(ItemStatus.REMOVED) == 1
