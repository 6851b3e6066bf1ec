from __future__ import annotations

import contextlib

import pytest

from tests.sources.builders import pdf_bytes, xlsx_bytes
from workbench.errors import CorruptFile, EmptyFile, FileTooLarge
from workbench.sources import parsing
from workbench.sources.detect import Kind
from workbench.sources.parsed import Parsed
from workbench.sources.parsing import parse


def test_every_kind_has_a_parser() -> None:
    assert set(parsing._PARSERS) == set(Kind)


def test_a_scan_says_so() -> None:
    with pytest.raises(EmptyFile, match="probably a scan: 2 pages"):
        parse(pdf_bytes([], []), "scan.pdf", max_chars=100)


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.txt", b" \n\t ** "), ("a.xlsx", xlsx_bytes(("S", []))), ("a.html", b"<html></html>")],
)
def test_no_text(name: str, data: bytes) -> None:
    with pytest.raises(EmptyFile, match="holds no text"):
        parse(data, name, max_chars=100)


def test_too_much_text() -> None:
    with pytest.raises(FileTooLarge, match="101 characters, allowed are 100"):
        parse(b"x" * 101, "a.txt", max_chars=100)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (RecursionError("deep"), CorruptFile),
        (ValueError("secret words of the document"), CorruptFile),
        (MemoryError(), FileTooLarge),
    ],
)
def test_whatever_a_parser_raises_is_translated(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type[Exception]
) -> None:
    def parser(_data: bytes) -> Parsed:
        raise raised

    monkeypatch.setattr(parsing, "_PARSERS", {Kind.TEXT: parser})
    with pytest.raises(expected) as caught:
        parse(b"x", "a.txt", max_chars=100)
    assert "secret" not in str(caught.value)


def test_deeply_nested_html_is_parsed_or_refused_but_never_crashes() -> None:
    page = b"<html>" + b"<div>" * 50_000 + b"deep words" + b"</div>" * 50_000
    with contextlib.suppress(CorruptFile, EmptyFile):
        assert "deep words" in parse(page, "a.html", max_chars=1000).text
