from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.builders import ENCRYPTED_PDF, docx_bytes, paragraph, pdf_bytes, xlsx_bytes
from workbench.config import LimitsConfig
from workbench.errors import (
    CorruptFile,
    EmptyFile,
    EncryptedFile,
    FileTooLarge,
    SourceError,
    UnsupportedFormat,
    UsageError,
)
from workbench.sources.files import FileSource

Write = Callable[[str, bytes | str], Path]


def test_discover_lists_files_below_sorted_and_once(
    source: FileSource, write: Write, tmp_path: Path
) -> None:
    for name in ("b.txt", "a/z.pdf", "a/.hidden.txt", ".git/config", "a/~$z.docx", "odd.xyz"):
        write(name, "x")
    found = source.discover([tmp_path, tmp_path / "b.txt", tmp_path / "a"])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a/z.pdf", "b.txt", "odd.xyz"]


def test_discover_never_leaves_the_folder(source: FileSource, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "secret.txt").write_text("x")
    (inside / "own.txt").write_text("x")
    (inside / "escape.txt").symlink_to(outside / "secret.txt")
    (inside / "folder").symlink_to(outside)
    (inside / "dots.txt").symlink_to("../outside/secret.txt")
    (inside / "loop").symlink_to(inside)
    (inside / "dangling.txt").symlink_to("nothing")
    (inside / "again.txt").symlink_to("own.txt")
    os.mkfifo(inside / "pipe.txt")
    assert [path.resolve() for path in source.discover([inside])] == [inside / "own.txt"]


def test_discover_takes_a_named_file_as_it_is(source: FileSource, write: Write) -> None:
    path = write(".notes.txt", "x")
    assert source.discover([path]) == [path]


def test_discover_of_nothing(source: FileSource, tmp_path: Path) -> None:
    assert source.discover([tmp_path]) == []
    with pytest.raises(UsageError, match="no such file or folder"):
        source.discover([tmp_path / "missing"])


def test_fingerprint_is_the_sha256(source: FileSource, write: Write) -> None:
    path = write("a.txt", "words")
    assert source.fingerprint(path) == hashlib.sha256(b"words").hexdigest()
    assert source.read(path, label="x").content_hash == source.fingerprint(path)


def test_read_fills_the_document(source: FileSource, write: Write) -> None:
    path = write("sub folder/Größe.md", "---\ntitle: T\n---\nBody\n")
    document = source.read(path, label="hr")
    assert document.uri == path.resolve().as_uri()
    assert document.name == "Größe.md"
    assert document.media_type == "text/markdown"
    assert document.label == "hr"
    assert document.text == "# T\n\nBody"
    assert document.metadata == {"title": "T"}
    assert document.pages == ()


def test_read_names_that_are_not_utf_8(source: FileSource, tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(raw)).write_text("Body")
    document = source.read(source.discover([tmp_path])[0], label="x")
    assert document.name == "caf\ufffd.txt"
    assert document.text == "Body"
    document.uri.encode("utf-8")


HOSTILE: dict[str, tuple[bytes, type[SourceError]]] = {
    "empty.txt": (b"", EmptyFile),
    "empty.pdf": (b"", EmptyFile),
    "scan.pdf": (pdf_bytes([], []), EmptyFile),
    "truncated.pdf": (pdf_bytes([(50, 700, "Hello")])[:90], CorruptFile),
    "image.pdf": (b"\x89PNG\r\n\x1a\n" + bytes(64), CorruptFile),
    "encrypted.pdf": (ENCRYPTED_PDF.read_bytes(), EncryptedFile),
    "truncated.docx": (docx_bytes(paragraph("Hello"))[:300], CorruptFile),
    "damaged.xlsx": (xlsx_bytes(("S", [["x"]])).replace(b"PK\x01\x02", b"PK\x09\x09"), CorruptFile),
    "binary.txt": (bytes(range(256)) * 4, CorruptFile),
    "no-mail.eml": (b"Just words, no headers", CorruptFile),
    "cut.json": (b'{"a": [1, 2', CorruptFile),
    "cut.jsonl": (b'{"a": 1}\n{"a"', CorruptFile),
    "cut.parquet": (b"PAR1" + bytes(64), CorruptFile),
    "cut.rtf": (b"{\\rtf1 Hello", CorruptFile),
    "no-slides.pptx": (docx_bytes(paragraph("x")).replace(b"word/", b"pptx/"), CorruptFile),
    "outlook.msg": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), UnsupportedFormat),
    "photo.jpg": (b"\xff\xd8\xff\xe0" + bytes(64), CorruptFile),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_a_clear_error(source: FileSource, write: Write, name: str) -> None:
    data, expected = HOSTILE[name]
    with pytest.raises(expected) as caught:
        source.read(write(name, data), label="x")
    assert type(caught.value) is expected
    assert caught.value.next_step.endswith(".")


def test_a_pdf_named_txt_is_read_as_pdf(source: FileSource, write: Write) -> None:
    document = source.read(write("report.txt", pdf_bytes([(50, 700, "Hello")])), label="x")
    assert document.media_type == "application/pdf"
    assert document.pages[0].end == len("Hello")


def test_a_huge_sparse_file_is_refused_at_once(source: FileSource, tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(50 * 1024**3)
    with pytest.raises(FileTooLarge, match="larger than"):
        source.read(path, label="x")
    with pytest.raises(FileTooLarge):
        source.fingerprint(path)


def test_folders_pipes_and_missing_files(source: FileSource, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(UnsupportedFormat, match="no regular file"):
        source.read(tmp_path / "pipe.txt", label="x")
    with pytest.raises(SourceError, match="folder cannot be read"):
        source.read(tmp_path, label="x")
    with pytest.raises(SourceError, match="cannot be read"):
        source.fingerprint(tmp_path / "gone.txt")


def test_utf_16_page(source: FileSource, write: Write) -> None:
    page = "<html><head><meta charset=utf-16></head><body><h1>Größe</h1></body></html>"
    assert source.read(write("a.html", page.encode("utf-16")), label="x").text == "# Größe"


def test_a_script_without_main_guard_runs_once(tmp_path: Path, repo_root: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello")
    (tmp_path / "zipfile.py").write_text("raise SystemExit('hijacked')")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; sys.path.pop(0)\n"
        "from pathlib import Path\n"
        "from workbench.config import LimitsConfig\n"
        "from workbench.sources.files import FileSource\n"
        "print(FileSource(LimitsConfig()).read(Path('a.txt'), label='x').text)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repo_root)},
        check=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "Hello\n"


def test_small_limits_are_applied(write: Write) -> None:
    source = FileSource(LimitsConfig(max_file_bytes=10, max_document_chars=5))
    with pytest.raises(FileTooLarge, match="larger than 10 bytes"):
        source.read(write("a.txt", "x" * 11), label="x")
    with pytest.raises(FileTooLarge, match="too much text"):
        source.read(write("b.txt", "x" * 6), label="x")
    source.close()
