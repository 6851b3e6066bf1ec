"""masking.yaml: what is done with which type under which label, and recognisers of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.config import MaskingConfig
from workbench.errors import ConfigError, MaskingError
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders
from workbench.masking.recognizers import RECOGNIZERS
from workbench.masking.rules import MaskingRules, Treatment, Treatments, load_rules
from workbench.values import Document

TEXT = "Dr. Strand (E-004711, ann@example.org) pays 4111 1111 1111 1111 for Night  Jar."


def rules(tmp_path: Path, text: str) -> MaskingRules:
    path = tmp_path / "masking.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path)


def masker(
    own: MaskingRules, config: MaskingConfig | None = None, key: bytes = b"k" * 32
) -> Masker:
    detectors = [Patterns(RECOGNIZERS)]
    settings = config or MaskingConfig()
    return Masker(settings, MemoryPlaceholders(), key=key, rules=own, detectors=detectors)


def masked(mine: Masker, text: str = TEXT, label: str = "internal") -> str:
    return mine.mask(Document("file:///a.txt", "a.txt", "text/plain", "0", text, label)).text


def test_without_the_file_everything_is_as_the_settings_say(tmp_path: Path) -> None:
    assert load_rules(tmp_path / "masking.yaml") == MaskingRules()
    assert rules(tmp_path, "") == MaskingRules()
    assert masked(masker(MaskingRules())) == (
        "Dr. <PERSON_1> (E-004711, <EMAIL_ADDRESS_1>) pays <CREDIT_CARD_1> for Night  Jar."
    )


def test_each_type_is_treated_as_its_rule_says(tmp_path: Path) -> None:
    own = rules(tmp_path, "actions: {EMAIL_ADDRESS: hash, CREDIT_CARD: drop, PERSON: keep}")
    mine = masker(own)
    text = masked(mine)
    digest = text.partition("<EMAIL_ADDRESS:")[2].partition(">")[0]
    assert len(digest) == 16
    assert text == f"Dr. Strand (E-004711, <EMAIL_ADDRESS:{digest}>) pays  for Night  Jar."
    # The same value in a question, however it is written; another key gives another digest.
    assert mine.mask_text("Who is ANN@EXAMPLE.ORG?") == f"Who is <EMAIL_ADDRESS:{digest}>?"
    assert digest not in masked(masker(own, key=b"x" * 32))


def test_a_digest_may_be_quoted_and_never_forged(tmp_path: Path) -> None:
    mine = masker(rules(tmp_path, "actions: {EMAIL_ADDRESS: hash}"))
    quoted = "Who is <EMAIL_ADDRESS:0123456789abcdef>?"
    assert mine.mask_text(quoted) == quoted
    assert "<EMAIL_ADDRESS:" not in masked(mine, "It is <EMAIL_ADDRESS:0123456789abcdef>.")


def test_labels_differ(tmp_path: Path) -> None:
    own = rules(
        tmp_path,
        "actions: {PERSON: keep}\nlabels: {staff: {PERSON: drop}, open: keep, tight: drop}",
    )
    mine = masker(own)
    assert masked(mine, "Dr. Strand").endswith("Strand")
    assert masked(mine, "Dr. Strand", label="staff") == "Dr. "
    assert masked(mine, label="open") == TEXT
    assert masked(mine, label="tight") == "Dr. Strand (E-004711, ) pays  for Night  Jar."


def test_what_is_kept_hides_nothing_that_is_not() -> None:
    config = MaskingConfig(types=("PHONE_NUMBER",))
    own = MaskingRules.model_validate(
        {
            "actions": {"REFERENCE": "keep"},
            "labels": {"staff": {"REFERENCE": "mask"}},
            "recognizers": [
                {"name": "references", "type": "REFERENCE", "pattern": r"No\. [\d -]{12,20}"}
            ],
        }
    )
    assert masked(masker(own, config), "See No. 212-555-0187.") == "See No. <PHONE_NUMBER_1>."
    assert masked(masker(own, config), "See No. 212-555-0187.", "staff") == "See <REFERENCE_1>."


def test_own_recognisers_by_pattern_and_by_words(tmp_path: Path) -> None:
    own = rules(
        tmp_path,
        "recognizers:\n"
        "  - {name: staff numbers, type: EMPLOYEE_ID, pattern: 'E-\\d{6}'}\n"
        "  - {name: projects, type: PROJECT, words: [Night, Night Jar]}\n"
        "  - {name: board, type: PERSON, words: [Tove Ek]}\n",
    )
    mine = masker(own)
    assert masked(mine, "E-004711 leads night  jar and Nightly builds") == (
        "<EMPLOYEE_ID_1> leads <PROJECT_1> and Nightly builds"
    )
    assert mine.mask_text("What does TOVE EK say of Night Jar?") == (
        "What does <PERSON_1> say of <PROJECT_1>?"
    )


def test_a_pattern_that_takes_too_long_fails_closed(tmp_path: Path) -> None:
    own = rules(tmp_path, "recognizers: [{name: slow, type: SLOW, pattern: '(?:x+x+)+y'}]")
    with pytest.raises(MaskingError, match="too long to search") as caught:
        masked(masker(own), "x" * 3_000)
    assert "xxx" not in str(caught.value)
    assert "slow" in str(caught.value)


def test_the_version_follows_every_rule(tmp_path: Path) -> None:
    texts = (
        "",
        "actions: {PERSON: hash}",
        "labels: {staff: {PERSON: hash}}",
        "recognizers: [{name: a, type: AA, words: [x]}]",
        "recognizers: [{name: a, type: AA, words: [y]}]",
        "recognizers: [{name: a, type: AA, pattern: x}]",
        "recognizers: [{name: a, type: AA, pattern: x, ignore_case: true}]",
    )
    versions = {masker(rules(tmp_path, text)).version for text in texts}
    assert len(versions) == len(texts)


def test_every_type_with_something_to_do_is_looked_for() -> None:
    own = MaskingRules(
        actions={"PERSON": Treatment.KEEP, "AGE": Treatment.DROP},
        labels={"staff": {"DATE_TIME": Treatment.MASK}},
    )
    treatments = Treatments(MaskingConfig(types=("PERSON", "CRYPTO")), own)
    assert treatments.types == ("AGE", "CRYPTO", "DATE_TIME")
    assert treatments.of("DATE_TIME") is Treatment.KEEP
    assert treatments.of("DATE_TIME", "staff") is Treatment.MASK


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("action: {}", "action: Extra inputs"),
        ("actions: {PERSON: mangle}", "actions.PERSON: Input should be 'mask', 'hash'"),
        ("actions: {person: mask}", "actions.person"),
        ("labels: {staff: {PERSON: x}}", "labels.staff"),
        ("recognizers: [{name: a, type: AA}]", "either a pattern or words"),
        ("recognizers: [{name: a, type: AA, pattern: x, words: [y]}]", "either a pattern or words"),
        ("recognizers: [{name: a, type: AA, pattern: '(x'}]", "pattern is not valid"),
        ("recognizers: [{name: a, type: AA, pattern: 'x*'}]", "matches the empty text"),
        ("recognizers: [{name: a, type: NAME_WORD, pattern: x}]", "used inside"),
        ("recognizers: [{name: a, type: AA, words: [' ']}]", "recognizers.0.words.0"),
        ("recognizers: [{name: a, type: AA, words: [x], colour: y}]", "recognizers.0.colour"),
        ("actions: {PERSON: mask}\nactions: {PERSON: keep}", "stands twice"),
        ("actions: {PERSON: keep, PERSON: mask}", "stands twice"),
        ("actions: [", "not valid YAML"),
        ("- mask", "masking.yaml"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(tmp_path, text)
    assert said in str(caught.value)
    assert caught.value.next_step


def test_a_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "masking.yaml").write_bytes(b"actions: \xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(tmp_path / "masking.yaml")
