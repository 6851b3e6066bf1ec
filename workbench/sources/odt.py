"""OpenDocument texts: headings, lists, tables, notes and comments, through HTML."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING

from workbench.errors import EncryptedFile
from workbench.sources.html import html_to_markdown
from workbench.sources.parsed import Parsed
from workbench.sources.safe_xml import member_root, title_and_author, xml_root

if TYPE_CHECKING:
    from lxml import etree

_NAMESPACE = "{urn:oasis:names:tc:opendocument:xmlns:"
_TEXT = f"{_NAMESPACE}text:1.0}}"
_TABLE = f"{_NAMESPACE}table:1.0}}"
_OFFICE = f"{_NAMESPACE}office:1.0}}"
_STYLE = f"{_NAMESPACE}style:1.0}}"
_ENCRYPTION = f"{_NAMESPACE}manifest:1.0}}encryption-data"
_TAGS = {
    f"{_TEXT}p": "p",
    f"{_TEXT}list": "ul",
    f"{_TEXT}list-header": "li",
    f"{_TEXT}list-item": "li",
    f"{_TEXT}line-break": "br",
    f"{_TABLE}table": "table",
    f"{_TABLE}table-row": "tr",
    f"{_TABLE}table-cell": "td",
}
_SPANS = {"rowspan": f"{_TABLE}number-rows-spanned", "colspan": f"{_TABLE}number-columns-spanned"}
_NOTE, _COMMENT = f"{_TEXT}note", f"{_OFFICE}annotation"
# Deleted text, text that is not shown, and what is written out below the body.
_SKIPPED = frozenset(
    (
        *(f"{_TEXT}tracked-changes", f"{_TEXT}hidden-text", f"{_TEXT}hidden-paragraph"),
        *(f"{_OFFICE}forms", _NOTE, _COMMENT),
    )
)
_SPACES = frozenset((f"{_TEXT}s", f"{_TEXT}tab"))


def parse_odt(data: bytes) -> Parsed:
    """An OpenDocument text as markdown: page headers, body, notes, comments, page footers.

    Raises:
        EncryptedFile: if it needs a password. Other errors are translated by ``parsing.parse``.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = member_root(archive, "META-INF/manifest.xml")
        if manifest is not None and next(manifest.iter(_ENCRYPTION), None) is not None:
            raise EncryptedFile(
                "the document is protected by a password",
                next_step="Save a copy without the password and ingest the copy.",
            )
        content = xml_root(archive.read("content.xml"))
        styles = member_root(archive, "styles.xml")
        meta = member_root(archive, "meta.xml")
    body = html_to_markdown("".join(_html(part) for part in content.iter(f"{_OFFICE}text")))
    parts = (
        _page_lines(styles, "header"),
        body,
        "\n".join(_aside(content, _NOTE, "Note")),
        "\n".join(_aside(content, _COMMENT, "Comment")),
        _page_lines(styles, "footer"),
    )
    return Parsed(
        media_type="application/vnd.oasis.opendocument.text",
        parts=("\n\n".join(part for part in parts if part.strip()),),
        metadata={} if meta is None else title_and_author(meta),
    )


def _html(element: etree._Element) -> str:
    if element.tag in _SKIPPED or not isinstance(element.tag, str):
        return ""
    if element.tag in _SPACES:
        return " "
    inner = escape(element.text or "") + "".join(
        _html(child) + escape(child.tail or "") for child in element
    )
    tag = _tag(element)
    return f"<{tag}{_spans(element)}>{inner}</{tag}>" if tag else inner


def _tag(element: etree._Element) -> str:
    if element.tag == f"{_TEXT}h":
        level = element.get(f"{_TEXT}outline-level", "1")
        return f"h{level}" if level in "123456" else "h6"
    if element.tag == f"{_TEXT}p" and element.get(f"{_TEXT}style-name") == "Title":
        return "h1"
    return _TAGS.get(str(element.tag), "")


def _spans(element: etree._Element) -> str:
    if element.tag != f"{_TABLE}table-cell":
        return ""
    found = {name: element.get(attribute, "") for name, attribute in _SPANS.items()}
    return "".join(f' {name}="{count}"' for name, count in found.items() if count.isdecimal())


def _aside(content: etree._Element, tag: str, word: str) -> Iterator[str]:
    for number, element in enumerate(content.iter(tag), start=1):
        lines = " ".join(_paragraphs(element.iter(f"{_TEXT}p")))
        if lines:
            yield f"{word} {number}: {lines}"


def _page_lines(styles: etree._Element | None, place: str) -> str:
    """The different paragraphs of the pages' headers or footers."""
    if styles is None:
        return ""
    areas = styles.iter(f"{_STYLE}{place}", f"{_STYLE}{place}-left", f"{_STYLE}{place}-first")
    lines = (line for area in areas for line in _paragraphs(area.iter(f"{_TEXT}p")))
    return "\n".join(dict.fromkeys(lines))


def _paragraphs(elements: Iterable[etree._Element]) -> Iterator[str]:
    for element in elements:
        text = " ".join("".join(map(str, element.itertext())).split())
        if text:
            yield text
