from __future__ import annotations

from pathlib import Path

import pytest
from llama_index.core import SimpleDirectoryReader
from llama_index.core.schema import Document

from tests.sources.places import access
from workbench.config import LimitsConfig
from workbench.errors import FileTooLarge, UsageError
from workbench.sources.readers import ReaderDocuments


def page(number: object, text: str, **more: object) -> Document:
    return Document(text=text, metadata={"page_id": number, **more})


def test_documents_of_a_reader_become_documents() -> None:
    pages = [
        page(
            12, "# Leave\r\n\r\nFour  hours.", title="Leave", url="https://ann:pw@wiki.example/12"
        ),
        page(13, "Travel", tags=["a", "b"], nothing=None),
    ]
    source = ReaderDocuments(pages, "wiki", key="page_id", media_type="text/markdown")
    listing = source.listing(access())
    first, second = (item.read("hr") for item in listing.items)
    assert (first.name, second.name) == ("Leave", "wiki 2")
    assert first.text == "# Leave\n\nFour  hours."
    assert first.media_type == "text/markdown"
    assert dict(first.metadata) == {
        "source": "reader wiki",
        "page_id": "12",
        "title": "Leave",
        "url": "https://wiki.example/12",
    }
    assert second.metadata["tags"] == '["a", "b"]'
    assert listing.covers("reader://wiki/x")


def test_the_key_makes_a_repeated_read_the_same() -> None:
    def once(text: str) -> tuple[str, str]:
        documents = [page("ann@example.com", text)]
        item = ReaderDocuments(documents, "wiki", key="page_id").listing(access()).items[0]
        return item.uri, item.fingerprint()

    assert once("One") == once("One")
    assert once("One")[0] == once("Two")[0]
    assert once("One")[1] != once("Two")[1]
    assert "ann" not in once("One")[0]


def test_a_shipped_reader(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Receipts over 75 dollars are kept.", encoding="utf-8")
    documents = SimpleDirectoryReader(str(tmp_path)).load_data()
    listing = ReaderDocuments(documents, "folder", key="file_path").listing(access())
    assert [(item.name, item.read("x").text) for item in listing.items] == [
        ("a.txt", "Receipts over 75 dollars are kept.")
    ]


@pytest.mark.parametrize("numbers", [(1, 1), (1, None)])
def test_documents_need_a_key_each(numbers: tuple[object, ...]) -> None:
    documents = [page(number, "x") for number in numbers]
    with pytest.raises(UsageError, match="key"):
        ReaderDocuments(documents, "wiki", key="page_id").listing(access())


def test_there_is_a_limit() -> None:
    tight = access(LimitsConfig(max_document_chars=10))
    with pytest.raises(FileTooLarge):
        ReaderDocuments([page(1, "x " * 20)], "wiki").listing(tight).items[0].read("x")
