"""Real documents: the sample corpus, and a larger set where it lies beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.config import LimitsConfig
from workbench.errors import EmptyFile, EncryptedFile, SourceError
from workbench.sources import ocr
from workbench.sources.files import FileSource

SCANS = (
    "docling/ocr_test.pdf",
    "unstructured/loremipsum-flat.pdf",
    "unstructured/table-multi-row-column-cells.pdf",
    "markitdown/MEDRPT-2024-PAT-3847_medical_report_scan.pdf",
)
FOLDERS = ("handbook", "invoices", "receipts", "tables", "web")


def test_the_whole_sample_corpus_is_read(source: FileSource, sample_folder: Path) -> None:
    paths = source.discover([sample_folder / folder for folder in FOLDERS])
    assert len(paths) > 60
    for path in paths:
        document = source.read(path, label="sample")
        assert len(document.text) > 50, path
        assert bool(document.pages) == (path.suffix == ".pdf"), path


def test_sample_questions_are_answered_by_their_documents(
    source: FileSource, sample_folder: Path
) -> None:
    paths = {path.name: path for path in sample_folder.rglob("*") if path.is_file()}
    lines = (sample_folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    assert sum(question["answerable"] for question in questions) >= 12
    assert sum(not question["answerable"] for question in questions) >= 3
    for question in questions:
        if question["answerable"]:
            document = source.read(paths[question["document"]], label="sample")
            assert question["passage"] in document.text, question


def test_sample_corpus_is_small(sample_folder: Path) -> None:
    sizes = [path.stat().st_size for path in sample_folder.rglob("*") if path.is_file()]
    assert sum(sizes) < 3_000_000


def test_parsers_set(shared_data: Path) -> None:
    folder = shared_data / "docs-parsers-a"
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    source = FileSource(LimitsConfig())
    refused: dict[str, type[SourceError]] = {}
    for entry in map(json.loads, lines):
        try:
            text = source.read(folder / entry["file"], label="x").text
        except SourceError as error:
            refused[entry["file"]] = type(error)
        else:
            assert text.strip(), entry["file"]
            assert [s for s in entry["must_include"] if s not in text] == [], entry["file"]
    source.close()
    assert len(lines) == 101
    if ocr.is_installed():  # the scans are read then
        refused |= dict.fromkeys(SCANS, EmptyFile)
    assert refused == {
        "docling/ocr_test.pdf": EmptyFile,
        "docling/2206.01062_pg3_password.pdf": EncryptedFile,
        "unstructured/password.pdf": EncryptedFile,
        "unstructured/loremipsum-flat.pdf": EmptyFile,
        "unstructured/table-multi-row-column-cells.pdf": EmptyFile,
        "unstructured/empty.eml": EmptyFile,
        "unstructured/empty.xlsx": EmptyFile,
        "unstructured/fake-encrypted.eml": EncryptedFile,
        "unstructured/password_protected.xlsx": EncryptedFile,
        "markitdown/MEDRPT-2024-PAT-3847_medical_report_scan.pdf": EmptyFile,
    }
