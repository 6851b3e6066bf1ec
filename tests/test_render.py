from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from workbench import render
from workbench.values import Chunk, Citation, Claim, Hit

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>"
CITATION = Citation(ATTACK, "file:///x", 2, 0, 5, ATTACK, 1)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)


def tags(html: str) -> set[str]:
    parser = _Tags()
    parser.feed(html)
    return parser.seen


def test_hostile_text_is_shown_not_run() -> None:
    hit = Hit(Chunk(0, 0, 1, ATTACK, heading=ATTACK), ATTACK, ATTACK, "internal", 1.0)
    claims = (Claim(ATTACK, (CITATION,)), Claim(ATTACK))
    pages = [
        render.answer_html("partial", ATTACK, claims, ATTACK),
        render.hits_html(ATTACK, [hit]),
        render.table_html([ATTACK], [[ATTACK]], ATTACK),
        render.highlight_html(ATTACK, [(0, 4)]),
    ]
    for page in pages:
        assert tags(page).isdisjoint({"script", "img"})
        assert "&lt;script&gt;" in page or "&lt;scr" in page


def test_citations_are_numbered_once_and_unsupported_claims_are_marked() -> None:
    claims = (Claim("One.", (CITATION,)), Claim("Two.", (CITATION,)), Claim("Three."))
    html = render.answer_html("partial", "One. Two.", claims, "model")
    assert html.count("[1]") == 3
    assert "[2]" not in html
    assert 'title="no source"' in html
    text = render.answer_text("partial", "One. Two.", claims)
    assert "page 2" in text


def test_an_abstention_shows_its_text() -> None:
    html = render.answer_html("abstained", "The sources do not answer.", (), "model")
    assert "The sources do not answer." in html
    assert "Not in the sources" in html


@given(st.text(), st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5))
def test_highlighting_keeps_every_character(text: str, pairs: list[tuple[int, int]]) -> None:
    spans = [(min(a, b, len(text)), min(max(a, b), len(text))) for a, b in pairs]
    html = render.highlight_html(text, spans)
    collected: list[str] = []

    class Collect(HTMLParser):
        def handle_data(self, data: str) -> None:
            collected.append(data)

    parser = Collect()
    parser.feed(html)
    parser.close()
    # The parser folds line ends as HTML does, so compare without them.
    fold = str.maketrans("", "", "\r\n\x00")
    assert "".join(collected).translate(fold) == text.translate(fold)


def test_overlapping_spans_are_merged() -> None:
    assert render.merge_spans([(5, 9), (0, 3), (2, 6), (12, 13)]) == [(0, 9), (12, 13)]


def test_a_hit_shows_where_the_query_stands_in_it_and_how_it_was_found() -> None:
    text = (
        "Hours! "
        + "filler " * 200
        + "You can carry over 240 <b>hours</b> of leave. "
        + "more " * 200
    )
    hit = Hit(Chunk(0, 0, len(text), text), "a.md", "file:///a.md", "internal", 1.0, vector_rank=3)
    html = render.hits_html("How many hours can I carry over?", [hit])
    assert len(html) < render.SNIPPET_CHARS + 1_000
    assert html.count("<mark ") == 3
    assert ">hours</mark>" in html
    assert "&lt;b&gt;" in html
    assert "by meaning #3" in html


def test_a_short_hit_is_shown_whole() -> None:
    hit = Hit(Chunk(0, 0, 9, "One\n two."), "a.md", "file:///a.md", "internal", 1.0)
    html = render.hits_html("three", [hit])
    assert "One two.</li>" in html
    assert "…" not in html
