from __future__ import annotations

from itertools import pairwise

from workbench.sources.markdown import parse_markdown


def test_front_matter_becomes_metadata_and_title_a_heading() -> None:
    parsed = parse_markdown(
        b"---\ntitle: Leave types\nkeywords: [vacation, sick]\nnested: {a: 1}\n---\n\n## Annual\n"
    )
    assert parsed.metadata == {"title": "Leave types", "keywords": "vacation, sick"}
    assert parsed.parts[0].startswith("# Leave types\n\n")
    assert "nested" not in parsed.parts[0]
    assert parsed.parts[0].rstrip().endswith("## Annual")


def test_own_main_heading_is_not_doubled() -> None:
    parsed = parse_markdown(b"---\ntitle: Leave\n---\n# All leave\n")
    assert parsed.parts == ("# All leave\n",)


def test_a_rule_is_no_front_matter() -> None:
    text = b"---\nJust a line between rules\n---\nBody"
    parsed = parse_markdown(text)
    assert parsed.parts == (text.decode(),)
    assert parsed.metadata == {}


def test_broken_yaml_stays_in_the_text() -> None:
    parsed = parse_markdown(b"---\ntitle: [unclosed\n---\nBody")
    assert "unclosed" in parsed.parts[0]


def test_yaml_aliases_do_not_multiply() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for above, name in pairwise("abcdefgh"):
        lines.append(f"{name}: &{name} [{','.join(['*' + above] * 9)}]")
    parsed = parse_markdown(("---\n" + "\n".join(lines) + "\n---\nBody").encode())
    assert parsed.metadata == {"a": "x, x, x, x, x, x, x, x, x"}
    assert parsed.parts == ("Body",)


def test_windows_line_ends() -> None:
    assert parse_markdown(b"---\r\ntitle: T\r\n---\r\nBody").metadata == {"title": "T"}
