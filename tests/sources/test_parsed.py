from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench import chunking
from workbench.sources.parsed import ROW_TYPES, Parsed
from workbench.sources.parsing import assemble


def test_parts_without_pages_have_no_pages() -> None:
    result = assemble(Parsed(media_type="text/plain", parts=("a", "b")))
    assert result.text == "a\n\nb"
    assert result.pages == ()
    assert result.metadata == {}


def test_metadata_is_cleaned_like_the_text() -> None:
    parsed = Parsed(media_type="text/html", parts=("x",), metadata={"title": " a\u200bb\x00 "})
    assert assemble(parsed).metadata == {"title": "ab"}


def test_chunking_keeps_the_rows_of_all_types_of_rows_whole() -> None:
    assert set(chunking._ROW_TYPES) == ROW_TYPES


@given(st.lists(st.text(), max_size=6))
def test_pages_cover_the_text(parts: list[str]) -> None:
    result = assemble(Parsed(media_type="application/pdf", parts=tuple(parts), paged=True))
    assert [page.number for page in result.pages] == list(range(1, len(parts) + 1))
    joined = "\n\n".join(result.text[page.start : page.end] for page in result.pages)
    assert joined == result.text
