"""HTML to markdown: headings, lists and tables stay, scripts and styling go."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from workbench.sources.parsed import Parsed
from workbench.sources.text import decode

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_DROPPED = ("script", "style", "noscript", "template", "svg", "head", "iframe", "object", "nav")
# What a reader cannot see must not speak to the model.
_HIDDEN = '[hidden], [style*="display:none" i], [style*="display: none" i]'
# Marks inside a sentence would stand between the words of a quotation.
_UNMARKED = (
    *("a", "img", "b", "strong", "i", "em", "u", "s", "del", "ins", "mark", "q"),
    *("code", "kbd", "samp", "sub", "sup"),
)
_TABLE_PARTS = ("table", "thead", "tbody", "tfoot", "tr", "td", "th")


def parse_html(data: bytes) -> Parsed:
    """A web page as markdown, under its title if it has no main heading of its own."""
    from bs4 import BeautifulSoup
    from bs4.dammit import EncodingDetector

    declared = EncodingDetector.find_declared_encoding(data[:4096], is_html=True)
    soup = BeautifulSoup(decode(data, declared=declared), "lxml")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    has_heading = soup.find("h1") is not None
    body = to_markdown(soup)
    heading = f"# {title}\n\n" if title and not has_heading and body.strip() else ""
    return Parsed(
        media_type="text/html",
        parts=(heading + body,),
        metadata={"title": title} if title else {},
    )


def html_to_markdown(html: str) -> str:
    """An HTML fragment as markdown."""
    from bs4 import BeautifulSoup

    return to_markdown(BeautifulSoup(html, "lxml"))


def to_markdown(soup: BeautifulSoup) -> str:
    """A parsed page as markdown. The soup is changed."""
    from markdownify import MarkdownConverter

    for element in [*soup(_DROPPED), *soup.select(_HIDDEN)]:
        element.decompose()
    for table in soup("table"):
        if _is_layout(table):
            _unwrap(table)
        else:
            _repeat_tall_cells(table)
    converter = MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        strip=list(_UNMARKED),
        table_infer_header=True,
        escape_asterisks=False,
        escape_underscores=False,
        escape_misc=False,
    )
    return str(converter.convert_soup(soup))


def _is_layout(table: Tag) -> bool:
    """A table that holds tables, or one column only, arranges the page; it is not data."""
    if table.find("table") is not None:
        return True
    return all(len(_cells(row)) <= 1 for row in table("tr"))


def _unwrap(table: Tag) -> None:
    for part in [table, *(t for t in table(_TABLE_PARTS) if t.find_parent("table") is table)]:
        part.name = "div"


def _repeat_tall_cells(table: Tag) -> None:
    """Write a cell that spans rows into each of them, so that every row reads alone."""
    rows = table("tr")
    for number, row in enumerate(rows):
        column = 0
        for cell in _cells(row):
            for below in rows[number + 1 : number + _span(cell, "rowspan")]:
                copied = copy(cell)
                del copied["rowspan"]
                _insert(below, copied, column)
            column += _span(cell, "colspan")


def _insert(row: Tag, cell: Tag, column: int) -> None:
    position = 0
    for present in _cells(row):
        if position >= column:
            present.insert_before(cell)
            return
        position += _span(present, "colspan")
    row.append(cell)


def _cells(row: Tag) -> list[Tag]:
    return list(row(["td", "th"], recursive=False))


def _span(cell: Tag, attribute: str) -> int:
    value = str(cell.get(attribute, "1"))
    return int(value) if value.isdecimal() else 1
