from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.chunking import chunk
from workbench.config import ChunkingConfig
from workbench.values import Chunk, MaskedDocument, Page

SMALL = ChunkingConfig(max_chars=100, overlap_chars=40)
SENTENCE = "This sentence has about fifty characters in it, {}."


def document(
    text: str, *, media_type: str = "text/markdown", pages: Sequence[Page] = ()
) -> MaskedDocument:
    return MaskedDocument(
        uri="file:///a.md",
        name="a.md",
        media_type=media_type,
        content_hash="0",
        text=text,
        pages=tuple(pages),
    )


def check(text: str, chunks: Sequence[Chunk], max_chars: int) -> None:
    """What holds for every document: exact offsets, bounded size, nothing lost, in order."""
    covered = [False] * len(text)
    for ordinal, piece in enumerate(chunks):
        assert piece.ordinal == ordinal
        assert text[piece.start : piece.end] == piece.text
        assert piece.text == piece.text.strip() != ""
        assert len(piece.text) <= max_chars
        covered[piece.start : piece.end] = [True] * len(piece.text)
    assert all(done or letter.isspace() for done, letter in zip(covered, text, strict=True))
    starts = [piece.start for piece in chunks]
    ends = [piece.end for piece in chunks]
    assert starts == sorted(starts)
    assert ends == sorted(ends)


FRAGMENTS = st.sampled_from(
    [
        "word ",
        "A sentence. ",
        "Is it? ",
        "Dr. Who, e.g. <PERSON_17>, paid $1.50. ",
        "<EMAIL_ADDRESS_2>",
        "名前は太郎です。",
        "x" * 130,
        "…",
        '."',
        "\n",
        "\n\n",
        "  \t",
        "# Heading\n",
        "### Deeper\n",
        "- item\n",
        "| a | b |\n",
        "| --- | --- |\n",
        "|",
        "```\n",
        "#",
    ]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=8), max_size=60).map("".join)
TYPES = st.sampled_from(["text/markdown", "text/plain", "text/csv", "application/pdf"])


@settings(max_examples=300, deadline=None)
@given(TEXTS, TYPES, st.integers(0, 120))
def test_offsets_are_exact_and_nothing_is_lost(text: str, media_type: str, overlap: int) -> None:
    config = ChunkingConfig(max_chars=100, overlap_chars=overlap)
    check(text, chunk(document(text, media_type=media_type), config), 100)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_pages_are_never_straddled(parts: list[str]) -> None:
    text, pages = "", []
    for number, part in enumerate(parts, start=1):
        pages.append(Page(number, len(text), len(text) + len(part)))
        text += part + "\n\n"
    chunks = chunk(document(text, media_type="application/pdf", pages=pages), SMALL)
    check(text, chunks, 100)
    for piece in chunks:
        page = pages[(piece.page or 0) - 1]
        assert page.start <= piece.start < piece.end <= page.end


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["<PERSON_17>", "<US_SSN_123456>", "x", ".", "<", "_7>"])))
def test_placeholders_are_never_cut(parts: list[str]) -> None:
    text = "".join(parts * 9)
    chunks = chunk(document(text), SMALL)
    check(text, chunks, 100)
    for name in ("<PERSON_17>", "<US_SSN_123456>"):
        start = text.find(name)
        while start >= 0:
            end = start + len(name)
            assert any(c.start <= start and end <= c.end for c in chunks)
            start = text.find(name, start + 1)


def test_heading_path_and_headings_stay_with_their_text() -> None:
    text = "# Leave\n\n## Sick leave\n\nStay home.\n\n## Annual\n\nGo out.\n\n# Pay\n\nMonthly."
    found = [(piece.heading, piece.text) for piece in chunk(document(text), ChunkingConfig())]
    assert found == [
        ("Leave > Sick leave", "# Leave\n\n## Sick leave\n\nStay home."),
        ("Leave > Annual", "## Annual\n\nGo out."),
        ("Pay", "# Pay\n\nMonthly."),
    ]


def test_number_signs_in_plain_text_are_no_headings() -> None:
    text = "# 12 items\nTotal 5\n\n# 13 items\nTotal 6"
    (piece,) = chunk(document(text, media_type="text/plain"), ChunkingConfig())
    assert piece.heading == ""
    assert piece.text == text


def test_code_fences_hide_headings() -> None:
    text = "# Real\n\n```\n# comment\n```\n\nAfter."
    (piece,) = chunk(document(text), ChunkingConfig())
    assert piece.heading == "Real"


def test_sentences_are_whole_and_overlap() -> None:
    sentences = [SENTENCE.format(word) for word in ("one", "two", "three", "four")]
    config = ChunkingConfig(max_chars=120, overlap_chars=60)
    found = [piece.text for piece in chunk(document(" ".join(sentences)), config)]
    assert found == [" ".join(sentences[i : i + 2]) for i in range(3)]


def test_no_overlap_when_none_is_asked_for() -> None:
    text = " ".join(SENTENCE.format(n) for n in range(6))
    chunks = chunk(document(text), ChunkingConfig(max_chars=120, overlap_chars=0))
    assert all(a.end <= b.start for a, b in pairwise(chunks))


def test_abbreviations_and_numbers_end_no_sentence() -> None:
    text = "We met Dr. Smith at 3.15 p.m. Monday for the U.S. Treasury case No. 7 in St. Louis."
    config = ChunkingConfig(max_chars=100, overlap_chars=0)
    follow = " Then " + "we talked " * 4 + "more."
    found = [piece.text for piece in chunk(document(text + follow), config)]
    assert found == [text, follow.strip()]


def test_table_rows_are_whole_and_know_their_header() -> None:
    rows = [f"| Team number {n} | {n * 100} points |" for n in range(6)]
    text = "# Season\n\n| Team | Points |\n| --- | --- |\n" + "\n".join(rows)
    first, *others = chunk(document(text), ChunkingConfig(max_chars=120, overlap_chars=40))
    assert first.heading == "Season"
    assert "| Team | Points |" in first.text
    assert {piece.heading for piece in others} == {"Season > Team | Points"}
    assert [line for piece in (first, *others) for line in piece.text.splitlines()][4:] == rows


def test_rows_of_a_table_file_are_whole() -> None:
    rows = [f"Name: Person {n}; Town: Some place; Sum: {n}.50" for n in range(9)]
    chunks = chunk(document("\n".join(rows), media_type="text/csv"), SMALL)
    assert [line for piece in chunks for line in piece.text.splitlines()] == rows


def test_long_lines_are_cut_between_words() -> None:
    text = "word" + " word" * 99
    chunks = chunk(document(text), SMALL)
    check(text, chunks, 100)
    assert {word for piece in chunks for word in piece.text.split()} == {"word"}


def test_long_headings_are_shortened_in_the_path_only() -> None:
    text = "# " + "very " * 100 + "\n\nBody."
    chunks = chunk(document(text), ChunkingConfig())
    assert max(len(piece.heading) for piece in chunks) <= 120
    check(text, chunks, 800)


def test_nothing_gives_nothing() -> None:
    assert chunk(document(""), ChunkingConfig()) == ()
    assert chunk(document(" \n\n\t"), ChunkingConfig()) == ()


@pytest.mark.parametrize(
    "evil", [".", "# ", "|", "a", '. "', "- ", "\n", "`", "<", "。", "x\n", ".\n"]
)
def test_time_grows_with_the_length_and_not_its_square(evil: str) -> None:
    text = evil * (200_000 // len(evil))
    before = time.process_time()
    check(text, chunk(document(text), ChunkingConfig()), 800)
    assert time.process_time() - before < 5
