"""A query as it may be kept: what stands between quotes or in a comment is masked."""

from __future__ import annotations

import re

from workbench.masking.masker import Masker

# Strings, and comments to the end of the line or between marks. Names of columns stay.
_WORDS = re.compile(r"'((?:[^']|'')*)'|--([^\n]*)|/\*(.*?)\*/", re.DOTALL)


def masked_query(masker: Masker, query: str) -> str:
    """``query`` with placeholders where it names people. It finds the same: so do documents.

    Raises:
        MaskingError: if anything failed.
    """

    def replaced(match: re.Match[str]) -> str:
        whole = match.group()
        words = next((group for group in match.groups() if group), "")
        return whole.replace(words, masker.mask_text(words)) if words.strip() else whole

    return _WORDS.sub(replaced, query)
