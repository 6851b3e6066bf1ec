from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.sources.builders import zip_bytes
from workbench.errors import CorruptFile, EncryptedFile, FileTooLarge
from workbench.sources import detect as detect_module
from workbench.sources.detect import Kind, detect
from workbench.sources.files import FileSource
from workbench.sources.parsing import parse

Write = Callable[[str, bytes | str], Path]

_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
)
_METADATA = (
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title>'
    "<dc:creator>Ann</dc:creator></metadata>"
)
CHAPTERS = {
    "two words.xhtml": "<h1>Second</h1><p>Then.</p><script>no()</script>",
    "one.xhtml": "<h1>First</h1><p>Once.</p>",
}


def page(body: str) -> str:
    return f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'


def epub_bytes(
    *spine: str, chapters: Mapping[str, str] = CHAPTERS, **members: str | bytes
) -> bytes:
    """A book of ``chapters`` read in the order of ``spine``; ``members`` lie in META-INF."""
    items = "".join(
        f'<item id="{name}" href="text/{name.replace(" ", "%20")}" '
        'media-type="application/xhtml+xml"/>'
        for name in chapters
    )
    references = "".join(f'<itemref idref="{name}"/>' for name in spine or ("one.xhtml",))
    return zip_bytes(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": _CONTAINER,
            "OPS/book.opf": f'<package xmlns="http://www.idpf.org/2007/opf">{_METADATA}<manifest>'
            f'{items}<item id="cover" href="c.svg" media-type="image/svg+xml"/></manifest>'
            f"<spine>{references}</spine></package>",
            **{f"OPS/text/{name}": page(body) for name, body in chapters.items()},
            **{f"META-INF/{name}.xml": content for name, content in members.items()},
        }
    )


def test_chapters_come_in_the_order_of_the_spine(source: FileSource, write: Write) -> None:
    data = epub_bytes("cover", "one.xhtml", "two words.xhtml", "one.xhtml")
    document = source.read(write("a.epub", data), label="x")
    assert document.text == "# First\n\nOnce.\n\n# Second\n\nThen."
    assert document.media_type == "application/epub+zip"
    assert document.metadata == {"title": "The Book", "author": "Ann"}
    assert document.pages == ()


def test_the_content_decides() -> None:
    assert detect(epub_bytes(), "a.zip") is Kind.EPUB


def test_protected_chapters_but_not_fonts() -> None:
    template = (
        '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData><e:CipherData>'
        '<e:CipherReference URI="{}"/></e:CipherData></e:EncryptedData></encryption>'
    )
    font = epub_bytes(encryption=template.format("OPS/font.otf"))
    assert "Once." in parse(font, "a.epub", max_chars=1000).text
    with pytest.raises(EncryptedFile, match="protected against copying"):
        parse(epub_bytes(encryption=template.format("OPS/text/one.xhtml")), "a", max_chars=1000)


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("opensesame")
    prolog = f"<!DOCTYPE d [<!ENTITY e SYSTEM '{secret.as_uri()}'><!ENTITY f 'opensesame'>]>"
    container = prolog + _CONTAINER.replace("<rootfiles>", "<rootfiles>&e;&f;")
    chapters = {"one.xhtml": "<p>Once &e;&f;</p>"}
    text = parse(epub_bytes(chapters=chapters, container=container), "a.epub", max_chars=1000).text
    assert "Once" in text
    assert "opensesame" not in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (epub_bytes("missing.xhtml"), "a chapter is missing"),
        (epub_bytes().replace(b"OPS/text/one", b"OPS/text/eno"), "a chapter is missing"),
        (epub_bytes().replace(b"OPS/book.opf", b"OPS/koob.opf"), "the list of chapters is missing"),
        (epub_bytes(container="<x/>"), "the list of chapters is missing"),
        (epub_bytes(container="<x"), "cannot be parsed"),
        (epub_bytes(chapters={"one.xhtml": "x" * 999})[:-300], "damaged"),
        (zip_bytes({"mimetype": "application/epub+zip"}), "holds no EPUB"),
    ],
)
def test_damaged_books(data: bytes, words: str) -> None:
    with pytest.raises(CorruptFile, match=words):
        parse(data, "a.epub", max_chars=10_000)


def test_names_never_lead_out_of_the_archive() -> None:
    chapters = {"../../../etc/hostname": "x"}
    with pytest.raises(CorruptFile, match="a chapter is missing"):
        parse(epub_bytes("../../../etc/hostname", chapters=chapters), "a.epub", max_chars=1000)


def test_a_book_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_module, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(FileTooLarge, match="unpacks to more"):
        parse(epub_bytes(chapters={"one.xhtml": "x" * 200_000}), "a.epub", max_chars=1000)
