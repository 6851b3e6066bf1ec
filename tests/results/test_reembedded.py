from __future__ import annotations

from workbench.results.reembedded import Reembedded


def test_it_says_what_changed() -> None:
    changed = str(Reembedded("all-minilm", 1_200, 30, 4.25, "run"))
    assert changed == "30 documents now use all-minilm; 1,200 chunks embedded in 4.2 s"
    assert str(Reembedded("all-minilm", 0, 0, 0.1, "run")) == (
        "every document is embedded by all-minilm already"
    )
