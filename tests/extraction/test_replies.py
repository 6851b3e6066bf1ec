from __future__ import annotations

import json

import pytest

from workbench.errors import InvalidReply
from workbench.extraction.replies import (
    GROUP_LEAVES,
    described,
    groups,
    parse_reply,
    reply_schema,
    reply_tokens,
)
from workbench.extraction.schema_sources import as_schema

SCHEMA = as_schema(
    {
        "shop": "text: the shop's name",
        "kind": ["invoice", "receipt"],
        "paid": "boolean",
        "seller": {"fields": {"name": "text", "city": "text"}},
        "lines": {"type": "list", "fields": {"what": "text", "price": "money"}},
    }
)


def test_the_model_is_asked_for_words_only() -> None:
    asked = reply_schema(SCHEMA.fields, many=False)
    assert asked["required"] == ["shop", "kind", "paid", "seller", "lines"]
    assert asked["properties"]["shop"] == {"type": "string"}
    assert asked["properties"]["kind"]["enum"] == ["invoice", "receipt", ""]
    price = asked["properties"]["lines"]["items"]["properties"]["price"]
    assert price == {"type": "string"}
    assert reply_schema(SCHEMA.fields, many=True)["properties"]["records"]["items"] == asked


def test_fields_are_described_with_what_they_are() -> None:
    text = described(SCHEMA.fields)
    assert "- shop: the shop's name" in text
    assert "- kind (one of: invoice, receipt): kind" in text
    assert "  - price (amount of money, as written): price" in text


def test_many_fields_are_asked_for_in_groups() -> None:
    wide = as_schema({f"field_{number}": "text" for number in range(369)})
    parts = groups(wide.fields)
    assert sum(len(part) for part in parts) == 369
    assert max(len(part) for part in parts) == GROUP_LEAVES
    deep = as_schema({"a": {"fields": {f"f{n}": "text" for n in range(30)}}, "b": "text"})
    names = [[f.name for f in part] for part in groups(deep.fields)]
    assert names == [["a"], ["a"], ["a", "b"]]
    assert reply_tokens(wide.fields[:12], many=False) < 1_000


def test_a_reply_is_words_by_path() -> None:
    reply = {
        "shop": " A & B ",
        "kind": "invoice",
        "paid": True,
        "seller": {"name": "Ann", "city": "N/A"},
        "lines": [{"what": "pen", "price": 1.5}, {"what": "", "price": ""}, {"what": "ink"}],
    }
    parsed = parse_reply(json.dumps(reply), SCHEMA.fields, many=False)
    assert parsed.whole
    assert parsed.records == (
        {
            "shop": "A & B",
            "kind": "invoice",
            "paid": "yes",
            "seller.name": "Ann",
            "seller.city": "",
            "lines[0].what": "pen",
            "lines[0].price": "1.5",
            "lines[1].what": "ink",
            "lines[1].price": "",
        },
    )


def test_of_a_reply_that_was_cut_the_whole_strings_count() -> None:
    parsed = parse_reply('{"shop": "A & B", "kind": "inv', SCHEMA.fields, many=False)
    assert not parsed.whole
    assert parsed.records[0]["shop"] == "A & B"
    assert parsed.records[0]["kind"] == ""
    rows = parse_reply('{"records": [{"shop": "A"}, {"shop": "B"}, {"sh', SCHEMA.fields, many=True)
    assert [row["shop"] for row in rows.records] == ["A", "B"]
    assert not rows.whole


@pytest.mark.parametrize("text", ["", "I cannot do that.", "[1]", "{", '"x"', "null"])
def test_what_is_no_json_object_is_refused_or_empty(text: str) -> None:
    try:
        reply = parse_reply(text, SCHEMA.fields, many=False)
    except InvalidReply:
        return
    assert not any(reply.records[0].values())


def test_values_of_another_form_do_no_harm() -> None:
    reply = parse_reply(
        '{"shop": {"x": 1}, "lines": "none", "seller": 3}', SCHEMA.fields, many=False
    )
    assert not any(reply.records[0].values())
    with pytest.raises(InvalidReply):
        parse_reply('{"records": 7}', SCHEMA.fields, many=True)
