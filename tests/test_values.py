from __future__ import annotations

import dataclasses

import pytest

from workbench import values
from workbench.values import Citation, Claim, MaskedDocument, Page, Scope, Usage

PAGES = (Page(1, 0, 10), Page(2, 10, 15), Page(4, 16, 20))


def test_every_value_is_frozen() -> None:
    kinds = [kind for kind in vars(values).values() if dataclasses.is_dataclass(kind)]
    assert len(kinds) > 10
    assert [kind for kind in kinds if not kind.__dataclass_params__.frozen] == []


@pytest.mark.parametrize(
    ("offset", "page"),
    [(0, 1), (9, 1), (10, 2), (14, 2), (15, None), (16, 4), (19, 4), (20, None), (-1, None)],
)
def test_page_at_is_half_open(offset: int, page: int | None) -> None:
    document = MaskedDocument("u", "n", "application/pdf", "h", "x" * 20, pages=PAGES)
    assert document.page_at(offset) == page


def test_a_document_without_pages_has_no_page() -> None:
    assert MaskedDocument("u", "n", "text/plain", "h", "text").page_at(0) is None


def test_the_default_scope_sees_nothing() -> None:
    assert not Scope().allows("")
    assert not Scope().allows("internal")


def test_a_scope_sees_its_labels_only() -> None:
    scope = Scope(frozenset({"public"}))
    assert scope.allows("public")
    assert not scope.allows("publi")
    assert Scope(unrestricted=True).allows("anything")


def test_usage_adds_up() -> None:
    total = Usage(1, 2, 0.5) + Usage(10, 20, 1.5)
    assert total == Usage(11, 22, 2.0)
    assert total.tokens == 33


def test_a_claim_without_a_citation_is_unsupported() -> None:
    citation = Citation("n", "u", None, 0, 4, "text", 1)
    assert not Claim("It is so.").supported
    assert Claim("It is so.", (citation,)).supported


def test_shared_empty_mappings_cannot_be_filled() -> None:
    document = MaskedDocument("u", "n", "text/plain", "h", "text")
    with pytest.raises(TypeError):
        document.metadata["author"] = "x"  # type: ignore[index]
    with pytest.raises(TypeError):
        document.masked["PERSON"] = 1  # type: ignore[index]
