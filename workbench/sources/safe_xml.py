"""XML from strangers: no entity is expanded, no other file or address is opened."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


def xml_root(xml: bytes) -> etree._Element:
    """The root element; lxml itself refuses over 256 levels and text over 10 MB.

    Raises:
        lxml.etree.XMLSyntaxError: if it is not well-formed.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    return etree.fromstring(xml, parser)


def title_and_author(root: etree._Element) -> dict[str, str]:
    """The Dublin Core ``title`` and ``author`` below ``root``, where they are not blank."""
    fields = {"title": "title", "author": "creator"}
    found = {name: root.findtext(f".//{_DUBLIN_CORE}{tag}") or "" for name, tag in fields.items()}
    return {name: value.strip() for name, value in found.items() if value.strip()}


def member_root(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """The root of an XML file in an archive, if there is one of that name."""
    return xml_root(archive.read(name)) if name in archive.namelist() else None
