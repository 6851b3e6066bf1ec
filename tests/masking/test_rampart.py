"""The real Rampart model: whole words, batches and windows that change nothing."""

from __future__ import annotations

from importlib import metadata

import pytest

from workbench.errors import MaskingError
from workbench.masking import rampart
from workbench.masking.rampart import Rampart


@pytest.fixture(scope="module")
def model() -> Rampart:
    return Rampart()


def likely(model: Rampart, text: str, kind: str) -> list[str]:
    return [
        text[word.start : word.end]
        for word in model.find([text])[0]
        if word.type == kind and word.score >= 0.5
    ]


def test_names_in_any_case_and_streets(model: Rampart) -> None:
    assert likely(model, "please ask tommy smith about it", "NAME_WORD") == ["tommy", "smith"]
    text = "He lives at 40 William Street, Wellesley."
    assert likely(model, text, "STREET_WORD") == ["40", "William", "Street"]


def test_words_are_never_cut(model: Rampart) -> None:
    text = "Katarzyna Zawisza-Wojciechowska shouted by helicopter."
    for word in model.find([text])[0]:
        assert not text[word.start - 1 : word.start].isalnum()
        assert not text[word.end : word.end + 1].isalnum()


def test_batches_change_nothing(model: Rampart) -> None:
    texts = [f"Number {i}: {'Jane Doe ' * (i % 7)} at {i} Elm Street" for i in range(40)]
    together = model.find(texts)
    for text, spans in zip(texts, together, strict=True):
        alone = model.find([text])[0]
        assert [(s.start, s.end, s.type) for s in spans if s.score > 0.02] == [
            (s.start, s.end, s.type) for s in alone if s.score > 0.02
        ]


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_a_name_across_a_window_is_found(model: Rampart, shift: int) -> None:
    filler = "the report covers travel and leave and so on and on "
    text = (filler * 12)[: rampart.WINDOW_CHARS - 30 + shift] + " by Tommy Smith for all"
    assert likely(model, text, "NAME_WORD")[-2:] == ["Tommy", "Smith"]


def test_text_that_is_all_tokens_fits_the_model(model: Rampart) -> None:
    assert len(model.find(["\uac01" * 2_000])) == 1
    assert model.find(["", " \n"]) == [[], []]


def test_a_missing_package_tells_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise metadata.PackageNotFoundError(rampart.PACKAGE)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(MaskingError, match="make setup"):
        Rampart().find(["x"])


def test_changed_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rampart, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(MaskingError, match="weights"):
        Rampart().find(["x"])
