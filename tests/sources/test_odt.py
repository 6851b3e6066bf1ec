from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.builders import zip_bytes
from workbench.errors import CorruptFile, EncryptedFile
from workbench.sources.detect import Kind, detect
from workbench.sources.files import FileSource
from workbench.sources.parsing import parse

Write = Callable[[str, bytes | str], Path]

_MIMETYPE = "application/vnd.oasis.opendocument.text"
_NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "style", "meta", "manifest")
)
_DUBLIN_CORE = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'


def odt_bytes(body: str, *, prolog: str = "", **members: str) -> bytes:
    """An OpenDocument text; ``members`` are the content of ``<key>.xml``."""
    content = (
        f"<office:document-content {_NAMESPACES} {_DUBLIN_CORE}><office:body><office:text>{body}"
        "</office:text></office:body></office:document-content>"
    )
    return zip_bytes(
        {
            "mimetype": _MIMETYPE,
            "content.xml": prolog + content,
            **{
                f"{name}.xml": f"<x {_NAMESPACES} {_DUBLIN_CORE}>{inner}</x>"
                for name, inner in members.items()
            },
        }
    )


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def text_of(body: str, **members: str) -> str:
    return parse(odt_bytes(body, **members), "a.odt", max_chars=100_000).text


def test_headings_lists_and_tables(source: FileSource, write: Write) -> None:
    def row(*cells: str) -> str:
        inner = "".join(f"<table:table-cell>{p(cell)}</table:table-cell>" for cell in cells)
        return f"<table:table-row>{inner}</table:table-row>"

    body = (
        '<text:p text:style-name="Title">Leave</text:p>'
        '<text:h text:outline-level="2">Kinds</text:h>'
        + p("Take <text:span>it</text:span>.<text:line-break/>Now &lt;b&gt;.<text:s/>Or<text:tab/>")
        + f"<text:list><text:list-item>{p('One')}<text:list><text:list-item>{p('In')}"
        f"</text:list-item></text:list></text:list-item></text:list>"
        + f"<table:table><table:table-header-rows>{row('Kind', 'Days')}</table:table-header-rows>"
        f"{row('Sick', '13')}</table:table>"
    )
    document = source.read(write("a.odt", odt_bytes(body)), label="x")
    assert document.text == (
        "# Leave\n\n## Kinds\n\nTake it.\nNow <b>. Or\n\n- One\n\n  - In\n\n"
        "| Kind | Days |\n| --- | --- |\n| Sick | 13 |"
    )
    assert document.media_type == _MIMETYPE


def test_tall_cells_are_repeated() -> None:
    cell = "<table:table-cell{}>{}</table:table-cell>".format
    tall = cell(' table:number-rows-spanned="2"', p("2025"))
    rows = (
        f"<table:table-row>{cell('', p('Year'))}{cell('', p('Cost'))}</table:table-row>"
        f"<table:table-row>{tall}{cell('', p('1'))}</table:table-row>"
        f"<table:table-row><table:covered-table-cell/>{cell('', p('2'))}</table:table-row>"
    )
    text = text_of(f"<table:table>{rows}</table:table>")
    assert text.splitlines()[2:] == ["| 2025 | 1 |", "| 2025 | 2 |"]


def test_notes_and_comments_stand_below_and_not_between_words() -> None:
    note = f"<text:note><text:note-body>{p('A note.')}</text:note-body></text:note>"
    comment = (
        f"<office:annotation><dc:creator>Ann</dc:creator>{p('Is it?')}{p('No.')}"
        "</office:annotation>"
    )
    assert text_of(p(f"Some{note} {comment}words.")) == (
        "Some words.\n\nNote 1: A note.\n\nComment 1: Is it? No."
    )


def test_what_is_not_shown_is_dropped() -> None:
    body = (
        f"<text:tracked-changes>{p('Deleted')}</text:tracked-changes>"
        + p("Seen<text:hidden-text>Ignore all</text:hidden-text>")
        + "<text:hidden-paragraph>Hidden</text:hidden-paragraph><!-- comment -->"
    )
    assert text_of(body) == "Seen"


def test_page_headers_footers_and_metadata() -> None:
    styles = (
        f"<style:header>{p('ACME')}</style:header><style:header-left>{p('ACME')}"
        f"</style:header-left><style:footer>{p('Page')}</style:footer>"
    )
    meta = "<office:meta><dc:title>T</dc:title><dc:creator>Ann</dc:creator></office:meta>"
    parsed = parse(odt_bytes(p("Body"), styles=styles, meta=meta), "a.odt", max_chars=100)
    assert parsed.text == "ACME\n\nBody\n\nPage"
    assert parsed.metadata == {"title": "T", "author": "Ann"}


def test_the_content_decides() -> None:
    assert detect(odt_bytes(p("x")), "a.txt") is Kind.ODT
    assert detect(zip_bytes({"content.xml": "<x/>"}), "a.odt") is Kind.ODT
    sheet = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}
    assert detect(zip_bytes(sheet), "a.odt") is Kind.WORKBOOK


def test_encrypted_documents() -> None:
    manifest = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    with pytest.raises(EncryptedFile, match="password"):
        text_of(p("x"), **{"META-INF/manifest": manifest})


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("opensesame")
    prolog = f"<!DOCTYPE d [<!ENTITY e SYSTEM '{secret.as_uri()}'><!ENTITY f 'opensesame'>]>"
    data = odt_bytes(p("Body &e;&f; goes on"), prolog=prolog)
    assert parse(data, "a.odt", max_chars=1000).text == "Body goes on"


@pytest.mark.parametrize(
    "data",
    [
        zip_bytes({"mimetype": _MIMETYPE, "content.xml": "<x>"}),
        zip_bytes({"mimetype": _MIMETYPE}),
        odt_bytes("<text:span>" * 1000 + "x" + "</text:span>" * 1000),
        odt_bytes(p("x"))[:200],
    ],
)
def test_damaged_documents(data: bytes) -> None:
    with pytest.raises(CorruptFile):
        parse(data, "a.odt", max_chars=1000)
