"""PowerPoint presentations: one page a slide, with its tables and notes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from workbench.sources.parsed import Parsed

if TYPE_CHECKING:
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide
    from pptx.table import Table
    from pptx.text.text import TextFrame


def parse_pptx(data: bytes) -> Parsed:
    """The slides of a presentation as markdown, each title a heading.

    Its library raises what its XML and zip readers raise; ``parsing.parse`` translates that.
    """
    from pptx import Presentation

    presentation = Presentation(io.BytesIO(data))
    properties = presentation.core_properties
    metadata = {"title": properties.title, "author": properties.author}
    return Parsed(
        media_type="application/vnd.openxmlformats-officedocument.presentationml.presentation",
        parts=tuple(_slide_text(slide) for slide in presentation.slides),
        paged=True,
        metadata={name: value.strip() for name, value in metadata.items() if value.strip()},
    )


def _slide_text(slide: Slide) -> str:
    title = slide.shapes.title
    heading = _one_line(title.text_frame.text) if title is not None else ""
    shapes = (shape for shape in slide.shapes if title is None or shape != title)
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    blocks = [f"# {heading}" if heading else "", *_blocks(shapes)]
    if notes is not None and notes.text.strip():
        blocks.append(f"Notes: {notes.text}")
    return "\n\n".join(block for block in blocks if block.strip())


def _blocks(shapes: Iterable[BaseShape]) -> Iterator[str]:
    """The texts of the shapes, those in groups included, in the order they are stored."""
    from pptx.enum.shapes import PP_PLACEHOLDER
    from pptx.shapes.autoshape import Shape
    from pptx.shapes.graphfrm import GraphicFrame
    from pptx.shapes.group import GroupShape

    for shape in shapes:
        if shape.is_placeholder and shape.placeholder_format.type == PP_PLACEHOLDER.SLIDE_NUMBER:
            continue
        if isinstance(shape, GroupShape):
            yield from _blocks(shape.shapes)
        elif isinstance(shape, GraphicFrame) and shape.has_table:
            yield _table_text(shape.table)
        elif isinstance(shape, Shape):
            yield "\n".join(_paragraphs(shape.text_frame))


def _paragraphs(frame: TextFrame) -> Iterator[str]:
    """Paragraphs; indented ones are items of a list below the one above."""
    for paragraph in frame.paragraphs:
        text = _one_line(paragraph.text)
        if text:
            yield "  " * (paragraph.level - 1) + "- " + text if paragraph.level else text


def _table_text(table: Table) -> str:
    rows = [[_one_line(cell.text_frame.text) for cell in row.cells] for row in table.rows]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if rows:
        lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())
