from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import CorruptFile, EmptyFile, FileTooLarge
from workbench.sources import records as module
from workbench.sources.parsing import parse
from workbench.sources.records import parse_json, parse_json_lines

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def lines(text: str) -> list[str]:
    return parse_json(text.encode()).parts[0].split("\n")


def test_names_are_dotted() -> None:
    assert lines('{"team": {"name": "Blues", "cups": [2019, 1.50]}, "open": true}') == [
        "team.name: Blues",
        "team.cups: 2019, 1.50",
        "open: true",
    ]


def test_each_record_of_a_list_is_a_line() -> None:
    assert lines('[{"a": 1, "b": {"c": "x"}}, {"a": null}, {"a": 2}]') == ["a: 1; b.c: x", "a: 2"]
    assert lines('{"data": {"rows": [{"a": 1}, {"a": 2}]}}') == ["data.rows.a: 1", "data.rows.a: 2"]


def test_lists_inside_records_are_numbered() -> None:
    assert lines('[{"id": 7, "lines": [{"sku": "A"}, {"sku": "B"}]}]') == [
        "id: 7; lines.1.sku: A; lines.2.sku: B"
    ]
    assert lines("[[1, 2], [3, 4]]") == ["1, 2", "3, 4"]


def test_numbers_stay_as_written_and_names_written_twice_are_kept() -> None:
    digits = "9" * 5000
    assert lines(f'{{"n": 1.10, "n": {digits}, "e": 1E400, "x": NaN}}') == [
        "n: 1.10",
        f"n: {digits}",
        "e: 1E400",
        "x: NaN",
    ]


def test_values_stay_on_their_line() -> None:
    assert lines('{"a\\nb": "x\\n\\ny"}') == ["a b: x y"]


def test_json_lines() -> None:
    parsed = parse_json_lines('{"a": 1, "b": "x\u2028y"}\r\n\n{"a": 2}\n"words"\n'.encode())
    assert parsed.parts == ("a: 1; b: x y\na: 2\nwords",)
    assert parsed.media_type == "application/jsonl"


def test_json_lines_in_a_json_file() -> None:
    assert parse_json(b'{"a": 1}\n{"a": 2}\n').parts == ("a: 1\na: 2",)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.json", b'{"secret": ', "Expecting value"),
        ("a.json", b'{"a": 1} secret', "Extra data"),
        ("a.json", b'{"a": 1}\nsecret', "line 2: Expecting value"),
        ("a.jsonl", b'{"a": 1}\n\n{"a": secret}', "line 3: Expecting value"),
    ],
)
def test_damaged_files_say_where_and_quote_nothing(name: str, data: bytes, words: str) -> None:
    with pytest.raises(CorruptFile, match="not valid JSON") as caught:
        parse(data, name, max_chars=1000)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("depth", [module.MAX_DEPTH + 1, 100_000])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_deep_nesting_is_refused(name: str, depth: int) -> None:
    for data in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        with pytest.raises(FileTooLarge, match="nested more than 100 deep"):
            parse(data.encode(), name, max_chars=1000)


def test_text_that_grows_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS_CHARS", 1000)
    data = json.dumps({"name" * 50: [{"a": n} for n in range(10)]}).encode()
    with pytest.raises(FileTooLarge, match="over 1,000 characters"):
        parse(data, "a.json", max_chars=10_000_000)


@pytest.mark.parametrize("data", [b"{}", b"[]", b"[[], {}]", b"null", b'""'])
def test_nothing_inside(data: bytes) -> None:
    with pytest.raises(EmptyFile):
        parse(data, "a.json", max_chars=1000)


@given(_VALUES)
def test_every_value_is_in_the_text(value: object) -> None:
    text = parse_json(json.dumps(value).encode()).parts[0]
    for leaf in _leaves(value):
        assert " ".join(leaf.split()) in text


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value] if isinstance(value, str) else []
