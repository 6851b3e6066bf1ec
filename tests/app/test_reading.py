from __future__ import annotations

import importlib
import re
from html import unescape
from types import ModuleType

import pytest

from workbench import Citation, Claim, MaskedDocument, Page
from workbench.errors import ModelNotFound

TEXT = "# Leave\n\nYou may carry over **240** hours, see [the table](x.md).\r\nAsk <PERSON_12>.\n"


@pytest.fixture
def reading() -> ModuleType:
    return importlib.import_module("reading")


def document(text: str, *pages: Page) -> MaskedDocument:
    return MaskedDocument("file:///a", "a", "text/plain", "hash", text, pages=pages)


def marked(html: str) -> str:
    return unescape("".join(re.findall(r"<mark>(.*?)</mark>", html)))


def test_the_marked_words_are_those_of_the_offsets(reading: ModuleType) -> None:
    text = "Müller & Söhne <b>\nsecond line ends\n\nthird"
    part = reading.Part(0, len(text))
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            html = reading.source_html(text, part, [(start, end)])
            assert marked(html) == text[start:end].replace("\n", "")


def test_offsets_count_in_the_whole_text_not_in_the_part(reading: ModuleType) -> None:
    text = "first page\nsecond page"
    html = reading.source_html(text, reading.Part(11, 22), [(11, 17)])
    assert html == "<div><mark>second</mark> page</div>"
    assert "<mark>" not in reading.source_html(text, reading.Part(0, 11), [(11, 17)])


def test_markdown_is_read_as_text_with_some_form(reading: ModuleType) -> None:
    html = reading.source_html(TEXT, reading.Part(0, len(TEXT)), [])
    assert '<div class="wb-heading">Leave</div>' in html
    assert "<strong>240</strong>" in html
    assert "see <u>the table</u>." in html
    assert "Person 12</span>" in html
    assert "href" not in html


def test_markup_in_a_source_is_escaped(reading: ModuleType) -> None:
    evil = "# <img src=x onerror=a()>\n**<script>b()</script>** [<i>x</i>](javascript:c) <PERSON_1"
    html = reading.source_html(evil, reading.Part(0, len(evil)), [(3, 9), (30, 45)])
    assert {tag.strip("/") for tag in re.findall(r"<(/?\w+)", html)} <= {
        "div",
        "mark",
        "strong",
        "u",
    }
    assert unescape(re.sub(r"</?(div|mark|strong|u)\b[^>]*>", "", html)).startswith("<img src=x")


def test_pages_are_the_parts_of_a_document(reading: ModuleType) -> None:
    parts = reading.parts(document("one\ntwo", Page(1, 0, 4), Page(2, 4, 7)))
    assert [(part.start, part.end) for part in parts] == [(0, 4), (4, 7)]
    assert reading.part_of(parts, 5) == 1
    assert reading.part_of(parts, 99) == 0


@pytest.mark.parametrize("text", ["", "short", "x" * 100_000, "a line of words\n" * 6_000])
def test_parts_cover_the_text_without_gaps(reading: ModuleType, text: str) -> None:
    parts = reading.parts(document(text))
    assert "".join(text[part.start : part.end] for part in parts) == text
    assert all(part.end - part.start <= 1.5 * reading.PART_CHARS for part in parts)
    assert len(parts) == 1 or all(part.end > part.start for part in parts)


def test_an_answer_numbers_its_sources_and_marks_the_rest(reading: ModuleType) -> None:
    one, two = (Citation("a", "file:///a", None, n, n + 1, "q", 1) for n in (0, 1))
    claims = (Claim("First.", (two, one)), Claim("Second <b>."))
    html = reading.answer_html(claims, (one, two))
    assert html.startswith("First.<sup>[2]</sup><sup>[1]</sup> ")
    assert '<span class="wb-unsupported">Second &lt;b&gt;.</span>' in html


def test_labels_hold_no_markdown(reading: ModuleType) -> None:
    assert reading.label("a_[b](c) :red[d]\n`e` <PERSON_3>.pdf") == (
        r"a\_\[b\]\(c\) \:red\[d\] \`e\` Person 3\.pdf"
    )


def test_clipping_keeps_words_and_placeholders_whole(reading: ModuleType) -> None:
    assert reading.clipped("one  two\nthree", 40) == "one two three"
    assert reading.clipped("see <PERSON_12> today", 12) == "see…"
    assert reading.clipped("x" * 30, 10) == "x" * 9 + "…"


def test_prose_drops_the_marks_of_markdown(reading: ModuleType) -> None:
    assert reading.prose("### Leave\n**240** [hours](h.md) ![i](j)") == "Leave\n240 hours ![i](j)"
    assert reading.prose("See the [leave page]({% page") == "See the leave page"


def test_an_error_says_what_and_what_next(reading: ModuleType) -> None:
    error = ModelNotFound("no such model", value="<x>", next_step="Run `pull <x>`.")
    html = reading.error_html(error)
    assert "<strong>No such model: &lt;x&gt;</strong>" in html
    assert "Run <code>pull &lt;x&gt;</code>." in html


def test_bars_put_the_largest_first(reading: ModuleType) -> None:
    html = reading.bars_html({"small": 1, "large & wide": 2_000})
    assert html.index("large &amp; wide") < html.index("small")
    assert "2,000" in html
    assert "width:100%" in html


@pytest.mark.parametrize(
    ("given", "shown"),
    [(0.2, "under a second"), (1.2, "1 second"), (75.6, "76 seconds")],
)
def test_durations_in_words(reading: ModuleType, given: float, shown: str) -> None:
    assert reading.duration(given) == shown


def test_kinds_and_masked_types_in_words(reading: ModuleType) -> None:
    assert reading.kind("application/pdf") == "PDF"
    assert reading.kind("image/x-new") == "x-new"
    assert reading.masked_words("PERSON") == "Names of people"
    assert reading.masked_words("UK_NEW_ID") == "UK new id"


def test_an_answer_says_when_its_first_words_came(reading: ModuleType) -> None:
    assert reading.written_in(12.2, 3.1) == "12 seconds, the first words after 3 seconds"
    assert reading.written_in(0.5, 0.2) == "under a second"
    assert reading.written_in(5.0, None) == "5 seconds"
