from __future__ import annotations

from workbench.sources.layout import Box, is_scrambled, reading_order


def box(left: float, bottom: float, text: str, *, width: float | None = None) -> Box:
    return Box(left, bottom, left + (width or 6 * len(text)), bottom + 10, text)


def column(left: float, words: list[str], *, width: float | None = None) -> list[Box]:
    return [box(left, 700 - 15 * i, word, width=width) for i, word in enumerate(words)]


def test_reading_order_goes_by_line_then_left() -> None:
    boxes = [*column(200, ["1", "2"]), *column(50, ["one", "two"])]
    assert reading_order(boxes) == "one\t1\ntwo\t2"


def test_near_words_are_one_cell() -> None:
    assert reading_order([box(50, 700, "in"), box(65, 700, "line")]) == "in line"


def test_slightly_raised_text_stays_on_its_line() -> None:
    assert reading_order([box(65, 702, "b"), box(50, 700, "a"), box(50, 680, "c")]) == "a b\nc"


def test_drawn_top_to_bottom_is_in_order() -> None:
    assert not is_scrambled(column(50, ["a", "b", "c", "d"]))
    assert not is_scrambled([])


def test_values_drawn_before_labels_are_scrambled() -> None:
    values, labels, items = (column(left, ["a", "b", "c"]) for left in (300, 200, 50))
    assert is_scrambled([*items, *values, *labels])


def test_columns_of_prose_are_not_read_across() -> None:
    line = "a line of prose that is long"
    columns = [column(left, [line] * 10, width=160) for left in (50, 220, 390)]
    assert not is_scrambled([piece for pieces in columns for piece in pieces])


def test_columns_of_prose_that_are_drawn_out_of_order_are_not_read_across() -> None:
    def column(left: float, shift: float) -> list[Box]:
        words = "a line of prose that is long enough"
        return [
            Box(left, 700 - 20 * n - shift, left + 200, 712 - 20 * n - shift, words)
            for n in range(12)
        ]

    first, second = column(50, 0), column(300, 9)
    jumping = [*first[6:], *first[:6], *second[4:], *second[:4], *first[:1]]
    assert not is_scrambled(jumping)
    cells = [Box(box.left, box.bottom, box.left + 30, box.top, "12.50") for box in jumping]
    assert is_scrambled(cells)
