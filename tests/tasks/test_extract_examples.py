from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sources.builders import pdf_bytes
from tests.tasks.receipts import SCHEMA, reads, receipts, shown
from tests.workbenches import MakeWorkbench
from workbench.config import Config, MaskingConfig, ModelsConfig
from workbench.errors import UsageError
from workbench.models.fake import FakeServer
from workbench.models.messages import ChatRequest
from workbench.session import Session
from workbench.values import FieldStatus


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(reads)


@pytest.fixture
def session(make_workbench: MakeWorkbench, server: FakeServer, tmp_path: Path) -> Session:
    made = make_workbench(server=server).session("ana")
    made.ingest(receipts(tmp_path))
    return made


def taught(count: int) -> list[dict[str, object]]:
    found = []
    for number in range(count):
        total = f"RM {number}.50"
        text = (
            f"SHOP {number}\nDATE 0{1 + number % 9}/03/2019\nTOTAL {total}\nTO PAY RM {number}.60"
        )
        found.append({"text": text, "values": {"total": f"RM {number}.60"}})
    return found


def test_reviewed_examples_move_a_value_to_where_reviewers_put_it(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    text = "DELTA DELI\nDATE 04/03/2019\nTOTAL RM 8.50\nTO PAY RM 8.60"
    session = make_workbench(server=FakeServer(reads)).session("ana")
    session.ingest(receipts(tmp_path, {"d.txt": text}))
    plain = session.extract("all", SCHEMA).records[0]
    assert plain["total"].quote == "RM 8.50"
    record = session.extract("all", SCHEMA, examples=taught(12)).records[0]
    assert record["total"].quote == "RM 8.60"
    assert record["total"].signals["moved"] == 1
    assert 0.5 < record["total"].signals["taught"] <= 1
    assert record["shop"].value == "DELTA DELI"


def test_an_example_does_not_teach_about_itself(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    session = make_workbench(server=FakeServer(reads)).session("ana")
    session.ingest(receipts(tmp_path))
    own = session.documents()[0].id
    six = [*taught(5), {"document_id": own, "values": {"total": "RM 10.00"}}]
    # Without the document itself five examples are left, too few to move anything.
    record = session.extract(own, SCHEMA, examples=six).records[0]
    assert record["total"].quote == "RM 9.00"
    assert "taught" not in record["total"].signals


def test_examples_of_another_form_are_refused(session: Session) -> None:
    for wrong in ([{"text": "x"}], ["x"], "x", [{"values": {}}], 3):
        with pytest.raises(UsageError):
            session.extract("all", SCHEMA, examples=wrong)


def test_the_estimate_asks_no_model(session: Session, server: FakeServer) -> None:
    estimate = session.estimate_extraction("all", SCHEMA)
    assert (estimate.documents, estimate.fits) == (3, True)
    assert estimate.prompt_tokens > 100
    assert server.requests == []
    assert "3 documents" in str(estimate)


def test_masked_words_are_extracted_as_they_stand(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    def answer(request: ChatRequest) -> str:
        return json.dumps({"mail": shown(request).removeprefix("Write to ")})

    session = make_workbench(server=FakeServer(answer)).session("ana")
    session.ingest(receipts(tmp_path, {"a.txt": "Write to ann@example.org"}))
    record = session.extract("all", {"mail": "text"}).records[0]
    assert record["mail"].value == "<EMAIL_ADDRESS_1>"


def test_kept_labels_keep_their_words(make_workbench: MakeWorkbench, tmp_path: Path) -> None:
    def answer(request: ChatRequest) -> str:
        return json.dumps({"mail": shown(request).removeprefix("Write to ")})

    config = Config(masking=MaskingConfig(keep_labels=("public",)), models=ModelsConfig())
    session = make_workbench(server=FakeServer(answer), config=config).session("ana")
    session.ingest(receipts(tmp_path, {"a.txt": "Write to ann@example.org"}), label="public")
    assert session.extract("public", {"mail": "text"}).records[0]["mail"].value == "ann@example.org"


def test_a_field_of_a_pdf_has_its_page_and_box(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    server = FakeServer(lambda _: json.dumps({"total": "9.00"}))
    session = make_workbench(server=server).session("ana")
    folder = receipts(tmp_path, {})
    (folder / "a.pdf").write_bytes(pdf_bytes([(50, 700, "ACME"), (50, 600, "TOTAL 9.00")]))
    session.ingest(folder)
    field = session.extract("all", {"total": "money"}).records[0]["total"]
    assert field.page == 1
    assert field.box is not None
    left, top, right, bottom = field.box
    assert 0 < left < right < 1
    assert 0 < top < bottom < 1
    (folder / "a.pdf").unlink()
    # Another schema, so that it is read again: located still, though there is no page to look at.
    field = session.extract("all", {"total": "money: again"}).records[0]["total"]
    assert (field.status, field.box) == (FieldStatus.LOCATED, None)


def test_an_example_that_the_model_fails_at_still_teaches(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    def answer(request: ChatRequest) -> str:
        return "I am sorry." if "SHOP" in shown(request) else reads(request)

    text = "DELTA DELI\nDATE 04/03/2019\nTOTAL RM 8.50\nTO PAY RM 8.60"
    session = make_workbench(server=FakeServer(answer)).session("ana")
    session.ingest(receipts(tmp_path, {"d.txt": text}))
    record = session.extract("all", SCHEMA, examples=taught(12)).records[0]
    assert record["total"].quote == "RM 8.60"
