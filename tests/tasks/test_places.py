from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.builders import pdf_bytes
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, SourceError


def test_a_citation_leads_to_its_place(make_workbench: MakeWorkbench, folder: Path) -> None:
    path = folder / "staff.pdf"
    path.write_bytes(pdf_bytes([(50, 700, "Write to ann@example.com on Mondays")]))
    actors = {
        "ana": ActorConfig(role="analyst", labels=("internal",)),
        "vic": ActorConfig(role="viewer", labels=("other",)),
    }
    workbench = make_workbench(config=Config(actors=actors))
    session = workbench.session("ana")
    session.ingest(folder)
    ids = {info.name: info.id for info in session.documents()}
    document = session.document(ids["staff.pdf"])
    start = document.text.index("<EMAIL_ADDRESS_1>")
    (box,) = session.boxes(document.id, start, start + len("<EMAIL_ADDRESS_1>"))
    assert box.number == 1
    assert 0 < box.left < box.right < 1
    assert session.boxes(ids["leave.md"], 0, 5) == []
    with pytest.raises(AccessDenied):
        workbench.session("vic").boxes(document.id, 0, 5)
    path.write_bytes(pdf_bytes([(50, 700, "Something else")]))
    with pytest.raises(SourceError, match="changed since"):
        session.boxes(document.id, 0, 5)
    path.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        session.boxes(document.id, 0, 5)
