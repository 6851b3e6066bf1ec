from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from workbench.extraction.candidates import candidates
from workbench.extraction.locating import Source
from workbench.extraction.parsing import Locale
from workbench.extraction.schema import Schema
from workbench.extraction.schema_sources import as_schema
from workbench.extraction.teaching import MIN_EXAMPLES, Choice, Example, learn, same

SCHEMA = as_schema({"shop": "text", "total": "money", "issued": "date"})


def bill(number: int, *, dated: bool = True) -> tuple[str, dict[str, object]]:
    """A bill whose total is neither its largest amount nor its first nor its last."""
    net, total = f"{10 + number}.00", f"{10 + number}.60"
    shop = f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[number % 26]}ONE {number} LTD"
    date = f"DATE {1 + number % 28:02d}/05/2018\n" if dated else ""
    text = f"WELCOME\n{shop}\n{date}NETT\t{net}\nTOTAL\t{total}\nCASH\t50.00\nCHANGE\t1.00"
    issued = datetime.date(2018, 5, 1 + number % 28) if dated else None
    return text, {"shop": shop, "total": total, "issued": issued}


def chosen(examples: list[Example], text: str, name: str) -> Choice:
    choice = learn(SCHEMA, examples)[name].choose(Source(text), {})
    assert choice is not None
    return choice


def examples(count: int, *, schema: Schema = SCHEMA) -> list[Example]:
    return [Example(*bill(number)) for number in range(count)]


def test_what_reviewers_chose_is_chosen_again() -> None:
    text, values = bill(77)
    for name in ("shop", "total"):
        place = chosen(examples(12), text, name).place
        assert place is not None
        assert text[place.start : place.end] == values[name]


def test_a_field_that_is_not_there_is_not_found() -> None:
    known = [Example(*bill(n, dated=n % 2 == 0)) for n in range(16)]
    with_date, _ = bill(40)
    place = chosen(known, with_date, "issued").place
    assert place is not None
    # A bill without any date has no candidates, so that there is nothing to choose among.
    without, _ = bill(41, dated=False)
    assert learn(SCHEMA, known)["issued"].choose(Source(without), {}) is None


def test_the_model_is_followed_where_it_was_right_and_not_where_it_was_wrong() -> None:
    def said(number: int, words: str) -> Example:
        text, values = bill(number)
        return Example(text, values, {"total": words})

    text, values = bill(90)
    wrong = [said(n, f"{10 + n}.00") for n in range(12)]
    ranking = learn(SCHEMA, wrong)["total"]
    choice = ranking.choose(Source(text), {"total": "100.00"})
    assert choice is not None
    assert choice.place is not None
    assert text[choice.place.start : choice.place.end] == values["total"]


def test_few_examples_teach_nothing() -> None:
    assert learn(SCHEMA, examples(MIN_EXAMPLES - 1)) == {}
    assert learn(SCHEMA, []) == {}


def test_candidates_are_spans_of_the_text() -> None:
    text, _ = bill(3)
    for spec in SCHEMA.fields:
        found = candidates(spec, Source(text), {})
        assert found[-1].start == -1
        for candidate in found[:-1]:
            assert 0 <= candidate.start < candidate.end <= len(text)


def test_a_long_text_is_not_compared_span_by_span() -> None:
    text = "\n".join(f"line {number}" for number in range(3_000))
    assert candidates(SCHEMA.fields[0], Source(text), {}) == []


@pytest.mark.parametrize(
    ("name", "value", "words", "equal"),
    [
        ("shop", "A & B Ltd.", "a&b  LTD", True),
        ("shop", "A", "B", False),
        ("total", "9.00", "RM 9.00", True),
        ("total", 9, "9.00", True),
        ("total", Decimal("9.10"), "9.00", False),
        ("issued", datetime.date(2018, 5, 3), "03/05/2018", True),
        ("issued", "3 May 2018", "03/05/2018", True),
        ("issued", "3 May 2018", "none", False),
    ],
)
def test_same_value(name: str, value: object, words: str, equal: bool) -> None:
    spec = next(field for field in SCHEMA.fields if field.name == name)
    assert same(spec, value, words, Locale()) is equal
