from __future__ import annotations

import pytest

from workbench.errors import InvalidReply
from workbench.tasks.summary_writing import parse_items


def test_a_broken_reply_is_an_error_and_an_unfinished_one_is_not() -> None:
    assert parse_items('{"points": [{"passage": 1, "sentence": "a"}, {"pas')[0]["sentence"] == "a"
    with pytest.raises(InvalidReply):
        parse_items("no json")
