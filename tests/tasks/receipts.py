"""Receipts, and a model that reads them: for the tests of extraction."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.models.messages import ChatRequest

SCHEMA = {
    "shop": {"type": "text", "required": True},
    "issued": "date: date of the receipt",
    "total": "money: amount to pay",
}
RECEIPTS = {
    "a.txt": "ACME TOOLS\nDATE 25/12/2018\nTOTAL RM 9.00\nCASH RM 10.00",
    "b.txt": "BETA BOOKS\nDATE 03/01/2019\nTOTAL RM 7.50\nCASH RM 10.00",
    "c.txt": "GAMMA GRILL\nDATE 04/02/2019\nTOTAL RM 1.20\nCASH RM 10.00",
}


def shown(request: ChatRequest) -> str:
    """The document part of a request."""
    return request.user.partition("\nDocument:\n")[2].rpartition("\n\n")[0]


def reads(request: ChatRequest) -> str:
    """A model that reads these receipts well."""
    lines = shown(request).splitlines()
    said = {"shop": lines[0], "issued": lines[1][5:], "total": lines[2][6:]}
    assert request.schema is not None
    wanted = request.schema["properties"]
    assert isinstance(wanted, dict)
    return json.dumps({name: said.get(name, "") for name in wanted})


def receipts(tmp_path: Path, texts: dict[str, str] = RECEIPTS) -> Path:
    folder = tmp_path / "receipts"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
