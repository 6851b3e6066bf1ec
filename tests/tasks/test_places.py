from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.builders import pdf_bytes, pictured_pdf_bytes
from tests.workbenches import MakeWorkbench
from workbench.config import ActorConfig, Config, MaskingConfig
from workbench.errors import AccessDenied, SourceError, UsageError
from workbench.session import Session


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


ACTORS = {
    "root": ActorConfig(role="admin", labels=("*",)),
    "ana": ActorConfig(role="analyst", labels=("internal", "public")),
    "olga": ActorConfig(role="viewer", labels=("internal",), may=("original",)),
    "vic": ActorConfig(role="viewer", labels=("other",), may=("original",)),
}
MASKED = pdf_bytes([(50, 700, "Write to ann@example.com on Mondays")])
PLAIN = pdf_bytes([(50, 700, "The office opens on Mondays")])


def id_of(session: Session, name: str) -> int:
    return {info.name: info.id for info in session.documents()}[name]


def test_a_masked_page_is_shown_to_who_may_see_originals(
    make_workbench: MakeWorkbench, folder: Path
) -> None:
    path = folder / "staff.pdf"
    path.write_bytes(MASKED)
    workbench = make_workbench(config=Config(actors=ACTORS))
    root, ana = workbench.session("root"), workbench.session("ana")
    root.ingest(folder)
    staff = id_of(root, "staff.pdf")
    png = root.page_image(staff, 1)
    assert png.startswith(b"\x89PNG")
    assert workbench.session("olga").page_image(staff, 1) == png
    assert root.may_see_originals
    assert not ana.may_see_originals
    with pytest.raises(AccessDenied, match="masked for you"):
        ana.page_image(staff, 1)
    with pytest.raises(AccessDenied, match="in your scope"):
        workbench.session("vic").page_image(staff, 1)
    rows = root.sql(
        "SELECT actor, action, outcome FROM runs WHERE resource LIKE 'page 1 %' ORDER BY sequence"
    ).df()
    assert rows.to_numpy().tolist() == [
        ["root", "original", "done"],
        ["olga", "original", "done"],
        ["ana", "read", "failed"],
        ["vic", "original", "failed"],
    ]
    with pytest.raises(UsageError, match="no such page"):
        root.page_image(staff, 2)
    with pytest.raises(UsageError, match="no such page"):
        root.page_image(id_of(root, "leave.md"), 1)
    path.write_bytes(PLAIN)
    with pytest.raises(SourceError, match="changed since"):
        root.page_image(staff, 1)
    workbench.close()


def test_what_is_public_anyway_is_shown_to_everybody(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    files = {
        "plain.pdf": PLAIN,
        "masked.pdf": MASKED,
        "logo.pdf": pictured_pdf_bytes("Opening hours"),
    }
    for label in ("internal", "public"):
        (tmp_path / label).mkdir()
        for name, data in files.items():
            (tmp_path / label / f"{label}-{name}").write_bytes(data)
    masking = MaskingConfig(keep_labels=("public",))
    workbench = make_workbench(config=Config(actors=ACTORS, masking=masking))
    for label in ("internal", "public"):
        assert not workbench.session("root").ingest(tmp_path / label, label=label).failed
    ana = workbench.session("ana")

    def shown(name: str) -> bool:
        try:
            return bool(ana.page_image(id_of(ana, name), 1))
        except AccessDenied:
            return False

    assert [shown(f"internal-{name}") for name in files] == [True, False, False]
    assert [shown(f"public-{name}") for name in files] == [True, True, True]
    workbench.close()
