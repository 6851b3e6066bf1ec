from __future__ import annotations

from pathlib import Path

from workbench.sources.names import shown_name, shown_text


def test_names_are_made_printable() -> None:
    assert shown_name(Path("folder/Größe 1.txt")) == "Größe 1.txt"
    assert shown_text("a\x1b[2Jb\nc\u202etxt.exe") == "a\ufffd[2Jb\ufffdc\ufffdtxt.exe"
