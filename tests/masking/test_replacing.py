from __future__ import annotations

from workbench.masking.replacing import Read, masked_document, replaced, texts_of, values_of
from workbench.masking.spans import Span
from workbench.values import Document, Page

TEXT = "Ann Lee and Bo met Ann Lee."
SPANS = [Span(0, 7, "PERSON", 1.0), Span(12, 14, "PERSON", 1.0), Span(19, 26, "PERSON", 1.0)]


def test_offsets_move_with_what_is_shown_instead() -> None:
    part = replaced(TEXT, SPANS, ["<PERSON_1>", "<PERSON_2>", "<PERSON_1>"])
    assert part.text == "<PERSON_1> and <PERSON_2> met <PERSON_1>."
    assert dict(part.counts) == {"PERSON": 3}
    assert [part.moved(at) for at in (0, 8, 12, 15, len(TEXT))] == [0, 11, 15, 26, len(part.text)]
    # In the middle of a value: behind its placeholder.
    assert part.moved(3) == len("<PERSON_1>")


def test_a_document_is_made_of_its_texts_parts() -> None:
    document = Document(
        uri="file:///a",
        name="Ann Lee.txt",
        media_type="text/plain",
        content_hash="",
        text=TEXT,
        label="internal",
        pages=(Page(1, 0, 14), Page(2, 14, len(TEXT))),
        metadata={"author": "Bo", "Ann Lee's age": "41"},
    )
    texts = texts_of(document)
    assert texts == [TEXT, "Ann Lee.txt", "Bo", "41", "Ann Lee's age"]
    ann = [Span(0, 7, "PERSON", 1.0)]
    parts = [
        replaced(texts[0], SPANS, ["<A>", "<B>", "<A>"]),
        replaced(texts[1], ann, ["<A>"]),
        replaced(texts[2], [Span(0, 2, "PERSON", 1.0)], ["<B>"]),
        replaced(texts[3], [], []),
        replaced(texts[4], ann, ["<A>"]),
    ]
    masked = masked_document(document, parts)
    assert (masked.name, masked.text) == ("<A>.txt", "<A> and <B> met <A>.")
    assert masked.metadata == {"author": "<B>", "<A>'s age": "41"}
    assert masked.masked == {"PERSON": 6}
    assert [(page.start, page.end) for page in masked.pages] == [(0, 11), (11, 20)]


def test_the_fullest_spelling_is_kept_and_the_forgotten_have_none() -> None:
    texts = ["Mr Lee", "Ann  Lee", "Bo"]
    spans = [[Span(0, len(text), "PERSON", 1.0)] for text in texts]
    one, bo = ("PERSON", "digest of ann"), ("PERSON", "digest of bo")
    read = [Read(texts[:1], spans[:1], None, None), Read(texts[1:], spans[1:], None, None)]
    values = values_of(read, [[[one]], [[one], [bo]]], {one: 7, bo: 0})
    assert values == {("PERSON", 7): "Ann Lee"}
