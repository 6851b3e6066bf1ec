"""Word documents: headings, lists, tables, text boxes, notes and comments, through HTML."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from workbench.sources.html import html_to_markdown
from workbench.sources.parsed import Parsed
from workbench.sources.safe_xml import member_root, title_and_author, xml_root

_STYLES = "comment-reference => sup\np[style-name='Title'] => h1:fresh"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADERS = re.compile(r"word/header\d*\.xml")
_FOOTERS = re.compile(r"word/footer\d*\.xml")
_CORE = "docProps/core.xml"
_BACK_LINK = re.compile(r" ?↑")


def parse_docx(data: bytes) -> Parsed:
    """A Word document as markdown, its page headers before the body and footers after it.

    Its libraries raise what their XML and zip readers raise; ``parsing.parse`` translates that.
    """
    import mammoth

    result = mammoth.convert_to_html(io.BytesIO(data), style_map=_STYLES, convert_image=_drop)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        headers = _lines(archive, _HEADERS)
        footers = _lines(archive, _FOOTERS)
        metadata = _properties(archive)
    body = _BACK_LINK.sub("", html_to_markdown(result.value))
    return Parsed(
        media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        parts=("\n\n".join(part for part in (headers, body, footers) if part),),
        metadata=metadata,
    )


def _drop(_image: object) -> list[object]:
    return []


def _lines(archive: zipfile.ZipFile, wanted: re.Pattern[str]) -> str:
    """The different paragraphs of the parts with such a name; pages repeat them, the text not."""
    lines: dict[str, None] = {}
    for name in sorted(archive.namelist()):
        if wanted.fullmatch(name):
            lines.update(dict.fromkeys(_paragraphs(archive.read(name))))
    return "\n".join(lines)


def _paragraphs(xml: bytes) -> Iterator[str]:
    for paragraph in xml_root(xml).iter(f"{_WORD}p"):
        text = "".join(str(part.text or "") for part in paragraph.iter(f"{_WORD}t")).strip()
        if text:
            yield text


def _properties(archive: zipfile.ZipFile) -> dict[str, str]:
    root = member_root(archive, _CORE)
    return {} if root is None else title_and_author(root)
