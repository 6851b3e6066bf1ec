from __future__ import annotations

from workbench.extraction.assembling import assemble
from workbench.extraction.locating import Source
from workbench.extraction.schema_sources import as_schema
from workbench.extraction.tidying import tidied

TEXT = """ACME TOOLS SDN BHD
(CO. REG. NO: 946207-D)
LOT NO : 20, LEVEL 1,
81100 JOHOR BAHRU
TEL: 03-62062378\tFAX: 03-62062379
(894996-D)
TOTAL 5.00"""
SCHEMA = as_schema({"shop": "text", "address": "text: postal address", "phone": "text: tel"})


def address(said: str, **others: str) -> str:
    leaves = {leaf.path: leaf for leaf in SCHEMA.leaves}
    source = Source(TEXT)
    found = tidied(assemble({"address": said, **others}, leaves, source), leaves, source)
    result = found["address"]
    assert TEXT[result.start : result.end] == result.quote
    return result.quote


def test_lines_of_others_at_the_edges_are_left_out() -> None:
    whole = TEXT[: TEXT.index("\nTOTAL")]
    shop = "ACME TOOLS SDN BHD"
    assert address(whole, shop=shop) == "LOT NO : 20, LEVEL 1,\n81100 JOHOR BAHRU"


def trimmed(said: str) -> str:
    source = Source(said)
    leaves = {leaf.path: leaf for leaf in SCHEMA.leaves}
    return tidied(assemble({"address": said}, leaves, source), leaves, source)["address"].quote


def test_a_name_above_a_code_is_no_part_of_an_address() -> None:
    street = "13, JALAN UTAMA 8\n57000 KL"
    assert trimmed(f"GAMMA HOUSE\n(002693-K)\n{street}") == street
    assert trimmed(f"GAMMA HOUSE\nCO. NO. :(124525-H)\n{street}") == street
    assert trimmed(f"{street}\nTEL: 1300-88-6555 FAX: 603-6203 6355\nGAMMA") == street
    assert trimmed(f"GAMMA HOUSE\n{street}") == f"GAMMA HOUSE\n{street}"


def test_a_label_before_other_words_ends_nothing() -> None:
    text = "LOT NO: 20 JALAN UTAMA\nTEL: 03-62062378 AFTER NINE\n57000 KL"
    assert trimmed(text) == text


def test_a_label_of_its_own_stays() -> None:
    leaves = {leaf.path: leaf for leaf in SCHEMA.leaves}
    source = Source("Ask us\nTEL: 03-62062378")
    found = tidied(assemble({"phone": source.text}, leaves, source), leaves, source)
    assert found["phone"].quote == source.text


def test_a_long_number_alone_on_its_line_is_left_out() -> None:
    source = Source("5, MAIN STREET\n81100 JOHOR\n03-7932 1023/0191")
    leaves = {leaf.path: leaf for leaf in SCHEMA.leaves}
    found = tidied(assemble({"address": source.text}, leaves, source), leaves, source)
    assert found["address"].quote == "5, MAIN STREET\n81100 JOHOR"
    short = Source("5, MAIN STREET\n81100")
    found = tidied(assemble({"address": short.text}, leaves, short), leaves, short)
    assert found["address"].quote == short.text


def test_one_line_is_left_as_it_is() -> None:
    assert address("TEL: 03-62062378") == "TEL: 03-62062378"
