from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from workbench.extraction.windows import (
    GAP,
    HEAD_CHARS,
    Passage,
    Window,
    chosen,
    consecutive,
    merged,
    read_share,
)

SIZE = 100
WORDS = ["lorem ipsum dolor"] * 60
WORDS[40] = "governed by the laws of Florida"
WORDS[50] = "expires on December 31"
TEXT = "".join(f"{part:<{SIZE - 1}}\n" for part in WORDS)
PASSAGES = [Passage(n * SIZE, (n + 1) * SIZE) for n in range(60)]


def test_a_short_text_is_one_window() -> None:
    assert chosen("short", [], ["q"], max_chars=100, most=3) == [Window(((0, 5),))]


def test_of_a_long_text_the_head_and_what_each_query_ranks_first_is_shown() -> None:
    queries = ["which laws govern", "when does it expire"]
    first, *_ = chosen(TEXT, PASSAGES, queries, max_chars=1_600, most=1)
    shown = first.shown(TEXT)
    assert "Florida" in shown
    assert "December 31" in shown
    assert shown.startswith("lorem")
    assert GAP in shown
    assert first.chars <= 1_600
    assert any(start == 0 and end >= HEAD_CHARS - SIZE for start, end in first.spans)


def test_likeness_counts_as_words_do() -> None:
    close = [Passage(p.start, p.end, (1.0 if n == 30 else 0.0,)) for n, p in enumerate(PASSAGES)]
    first, *_ = chosen(TEXT, close, ["zzz"], max_chars=1_600, most=1)
    assert any(start <= 30 * SIZE < end for start, end in first.spans)


def test_further_windows_show_something_else() -> None:
    windows = chosen(TEXT, PASSAGES, ["laws"], max_chars=1_500, most=3)
    spans = [span for window in windows for span in window.spans]
    assert len(windows) == 3
    assert sum(end - start for start, end in spans) <= 4_500
    assert all(a[1] <= b[0] for a, b in pairwise(sorted(spans)))


def test_consecutive_windows_cover_the_text_and_share_a_passage() -> None:
    windows = consecutive(TEXT, PASSAGES, ["laws"], max_chars=1_000, most=99)
    assert read_share(windows, TEXT) == 1.0
    for left, right in pairwise(windows):
        assert right.spans[0][0] < left.spans[-1][1]
    few = consecutive(TEXT, PASSAGES, ["laws"], max_chars=1_000, most=2)
    assert len(few) == 2
    assert any("Florida" in window.shown(TEXT) for window in few)
    assert read_share(few, TEXT) < 0.5


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=40),
    st.integers(100, 900),
    st.integers(1, 4),
)
def test_no_window_is_too_large_or_outside(sizes: list[int], room: int, most: int) -> None:
    passages, start = [], 0
    for size in sizes:
        passages.append(Passage(start, start + size))
        start += size
    text = "x" * start
    for window in chosen(text, passages, ["q"], max_chars=room, most=most):
        assert window.chars > 0
        assert window.chars <= room or len(window.spans) == 1
        assert all(0 <= a < b <= len(text) for a, b in window.spans)


def test_merged_spans() -> None:
    # A blank or line end between two spans does not part them.
    assert merged([(5, 9), (0, 3), (8, 12)]) == ((0, 12),)
    assert merged([(0, 3), (6, 9)]) == ((0, 3), (6, 9))
