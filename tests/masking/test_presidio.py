"""The real analyzer: offline, trimmed without changing names, loud about timeouts."""

from __future__ import annotations

import logging
import socket

import pytest

from workbench.config import MaskingConfig
from workbench.errors import MaskingError
from workbench.masking.fusion import GUESS
from workbench.masking.presidio import SPACY_MODEL, Presidio

TEXTS = [
    "Tommy Smith met Angela Merkel in Berlin on 3 May 2019.",
    "Call 212-555-0187 about the account of Jane Doe at Acme Corporation.",
    "Maria Garcia lives in Paris. Her driver license is AC432223.",
]


@pytest.fixture(scope="module")
def presidio() -> Presidio:
    return Presidio(MaskingConfig().types, 0.4)


def test_names_numbers_and_context_words(presidio: Presidio) -> None:
    first, second, third = (
        {(text[s.start : s.end], s.type) for s in spans}
        for text, spans in zip(TEXTS, presidio.find(TEXTS), strict=True)
    )
    assert {("Tommy Smith", GUESS), ("Angela Merkel", GUESS), ("Berlin", "LOCATION")} <= first
    assert ("212-555-0187", "PHONE_NUMBER") in second
    # Found only with its context word: the surface words stand in for the lemmas.
    assert ("AC432223", "US_DRIVER_LICENSE") in third


def test_the_trimmed_pipeline_finds_the_same_names(presidio: Presidio) -> None:
    import spacy

    full = spacy.load(SPACY_MODEL)
    for text, spans in zip(TEXTS, presidio.find(TEXTS), strict=True):
        wanted = {e.text for e in full(text).ents if e.label_ == "PERSON"}
        assert {text[s.start : s.end] for s in spans if s.type == GUESS} == wanted


def test_batches_change_nothing(presidio: Presidio) -> None:
    assert presidio.find(TEXTS) == [presidio.find([text])[0] for text in TEXTS]


def test_an_email_fetches_nothing(presidio: Presidio, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    text = "mail jane@example.org"
    assert any(s.type == "EMAIL_ADDRESS" for s in presidio.find([text])[0])


def test_nothing_of_the_text_is_logged(
    presidio: Presidio, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        presidio.find(["Tommy Smith, GB29NWBK60161331926818, 4111 1111 1111 1112"])
    assert "Smith" not in caplog.text
    assert "GB29" not in caplog.text
    assert "4111" not in caplog.text


def test_a_timeout_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from presidio_analyzer import pattern_recognizer

    monkeypatch.setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", 1e-9)
    with pytest.raises(MaskingError, match="too long"):
        Presidio(("EMAIL_ADDRESS",), 0.4).find(["a." * 3_000 + "@example.org"])
