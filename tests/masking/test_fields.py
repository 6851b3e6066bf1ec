"""File names as words, and fields that name people."""

from __future__ import annotations

import pytest

from workbench.masking.fields import PLAIN_FIELD, person_field, readable_name


def test_a_file_name_keeps_its_length() -> None:
    assert readable_name("Tommy_Smith-CV.pdf") == "Tommy Smith CV    "


@pytest.mark.parametrize("name", ["author", "From", "Last-Modified-By", "message.cc"])
def test_a_field_of_people_names_people(name: str) -> None:
    text = "Tommy Smith; Jane Doe <jane@example.org>"
    found = [text[span.start : span.end].strip() for span in person_field(name, text)]
    assert found == ["Tommy Smith", "Jane Doe"]


@pytest.mark.parametrize("name", ["title", "subject", "authority"])
def test_other_fields_do_not(name: str) -> None:
    assert person_field(name, "Tommy Smith") == []


@pytest.mark.parametrize(
    ("key", "plain"), [("author", True), ("0.title", True), ("Tommy Smith", False)]
)
def test_what_counts_as_the_name_of_a_field(key: str, plain: bool) -> None:
    assert bool(PLAIN_FIELD.fullmatch(key)) is plain
