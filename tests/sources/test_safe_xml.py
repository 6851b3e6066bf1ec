from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from lxml import etree

from tests.sources.builders import zip_bytes
from workbench.sources.safe_xml import member_root, title_and_author, xml_root


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("opensesame")
    own = b"<!DOCTYPE d [<!ENTITY e 'opensesame'>]><d>a&e;b</d>"
    outside = f"<!DOCTYPE d [<!ENTITY e SYSTEM '{secret.as_uri()}'>]><d>a&e;b</d>".encode()
    for xml in (own, outside):
        assert "".join(map(str, xml_root(xml).itertext())) == "a&e;b"


def test_deep_nesting_and_damage_are_refused() -> None:
    for xml in (b"<a>" * 1000 + b"</a>" * 1000, b"<a><b></a>", b""):
        with pytest.raises(etree.XMLSyntaxError):
            xml_root(xml)


def test_title_and_author() -> None:
    xml = '<m xmlns:dc="http://purl.org/dc/elements/1.1/"><i><dc:title> T </dc:title>{}</i></m>'
    creator = "<dc:creator>Ann</dc:creator>"
    assert title_and_author(xml_root(xml.format(creator).encode())) == {
        "title": "T",
        "author": "Ann",
    }
    assert title_and_author(xml_root(xml.format("<dc:creator/>").encode())) == {"title": "T"}


def test_member_root() -> None:
    with zipfile.ZipFile(BytesIO(zip_bytes({"a.xml": "<a/>"}))) as archive:
        root = member_root(archive, "a.xml")
        assert root is not None
        assert root.tag == "a"
        assert member_root(archive, "b.xml") is None
