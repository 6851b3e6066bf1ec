"""Reviewed examples shown in the prompt: those most like the document, in their own words."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workbench.extraction.assembling import assemble, plain
from workbench.extraction.locating import Source
from workbench.extraction.parsing import Locale, evidence
from workbench.extraction.schema import Schema
from workbench.extraction.teaching import Example
from workbench.extraction.windows import GAP

SHOT_CHARS = 1_200
"""Of a longer example two thirds of this are its beginning and one third is its end."""


def similar(examples: Sequence[Example], text: str, most: int) -> list[Example]:
    """The ``most`` examples whose words are most like those of ``text``, the best one last, where
    a model heeds it most: by the cosine of tf-idf. The document itself is never among them."""
    others = [e for e in examples if e.text != text and e.text.strip()]
    if not others or most <= 0:
        return []
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Parts of words, which survive what OCR does to some of their letters.
    rows = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True).fit_transform(
        [text, *(example.text for example in others)]
    )
    likeness = (rows[1:] @ rows[0].T).toarray()[:, 0]
    return [others[index] for index in likeness.argsort(kind="stable")[::-1][:most][::-1]]


def worked(examples: Sequence[Example], schema: Schema, *, many: bool) -> str:
    """The examples for the prompt: each one's text and the reply it should get."""
    parts = []
    for example in examples:
        words = _words(example, schema)
        reply = json.dumps({"records": [words]} if many else words, ensure_ascii=False)
        parts.append(
            f"\nExample document:\n{_shortened(example.text)}\n\nExample reply:\n{reply}\n"
        )
    return "".join(parts)


def _words(example: Example, schema: Schema) -> dict[str, str]:
    """The reviewed values as the example's text states them, which is how they are asked for."""
    leaves = {leaf.path: leaf for leaf in schema.leaves}
    said = {
        name: "" if value is None else str(plain(value))
        for name, value in example.values.items()
        if name in leaves
    }
    found = assemble(said, leaves, Source(example.text, evidence(example.text, Locale())))
    return {name: found[name].quote or words for name, words in said.items()}


def _shortened(text: str) -> str:
    if len(text) <= SHOT_CHARS:
        return text
    return f"{text[: SHOT_CHARS * 2 // 3]}{GAP}{text[-SHOT_CHARS // 3 :]}"
