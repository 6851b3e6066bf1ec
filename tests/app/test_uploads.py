from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.app


@dataclass
class Upload:
    name: str
    data: bytes = b"text"

    def getbuffer(self) -> memoryview:
        return memoryview(self.data)


@pytest.fixture
def uploads() -> Any:
    return importlib.import_module("uploads")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\cv.docx", "cv.docx"),
        ("a\x00b\nc.txt", "a_b_c.txt"),
        (".hidden", "hidden"),
        ("..", "file"),
        ("", "file"),
        ("gnp\u202etxt.exe", "gnp_txt.exe"),
        ("<img src=x>.txt", "_img src=x_.txt"),
    ],
)
def test_names_are_only_names(uploads: Any, name: str, expected: str) -> None:
    assert uploads.safe_name(name) == expected


def test_long_names_keep_their_kind(uploads: Any) -> None:
    name = uploads.safe_name("x" * 400 + ".pdf")
    assert len(name) == uploads.MAX_NAME_CHARS
    assert name.endswith(".pdf")


def test_files_stay_in_their_folder_and_replace_their_namesakes(
    uploads: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "uploads"
    first = uploads.keep([Upload("../a.txt", b"1"), Upload("b.txt", b"2")], folder)
    again = uploads.keep([Upload("a.txt", b"3")], folder)
    assert first == [folder / "a.txt", folder / "b.txt"]
    assert again == [folder / "a.txt"]
    assert (folder / "a.txt").read_bytes() == b"3"
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["uploads"]
