from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.workbenches import MakeWorkbench
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.models.messages import ChatRequest
from workbench.results.summary import Verdict
from workbench.tasks.summary_checking import Checker, Point, own_words
from workbench.values import Chunk, Hit

TEXT = (
    "Employees earn 4 hours of sick leave per pay period. "
    "Unused sick leave is carried over to the following year without any limit."
)
HIT = Hit(Chunk(0, 0, len(TEXT), TEXT, id=1, document_id=1), "leave.md", "file:///leave.md", "", 0)
LOOSE = "Employees earn 4 hours of leave per pay period, and unused leave is carried over."
COPY = "Employees earn 4 hours of sick leave per pay period."
WRONG = "Employees earn 9 hours of sick leave per pay period."
FAR = "Dragons guard the travel portal."


class Strict:
    """A judge that counts what it is asked and finds everything as probable as it is told."""

    def __init__(self, probability: float, *, asks: bool = True, source: str | None = TEXT) -> None:
        self.probability = probability
        self.source = source
        self.asks = asks
        self.asked: list[str] = []

    def score(self, run: Run, claim: str, passages: Sequence[str]) -> float:
        self.asked.append(claim)
        assert self.source is None or next(iter(passages)) in {self.source, f"* {COPY}"}
        return self.probability

    def supports(self, probability: float) -> bool:
        return probability >= 0.5

    def doubts(self, probability: float) -> bool:
        return probability < 0.4


def checked(
    make_workbench: MakeWorkbench, text: str, judge: Strict, anew: str = "", *, mend: bool = True
) -> Point:
    workbench = make_workbench(lambda _: anew)
    with workbench.guard.open(workbench.session("ana").actor, Action.ASK) as run:
        return Checker(run, workbench.models, "light", judge).check(text, [HIT], mend=mend)


def checked_in(
    make_workbench: MakeWorkbench, source: str, claim: str, judge: Strict, *, start: int = 0
) -> Point:
    """A claim about a passage that begins at ``start``, where the model writes nothing anew."""
    chunk = Chunk(0, start, start + len(source), source, id=1, document_id=1)
    workbench = make_workbench(lambda _: "")
    with workbench.guard.open(workbench.session("ana").actor, Action.ASK) as run:
        checker = Checker(run, workbench.models, "light", judge)
        return checker.check(claim, [Hit(chunk, "a.md", "file:///a.md", "", 0)])


def test_the_sources_own_words_need_no_judge(make_workbench: MakeWorkbench) -> None:
    judge = Strict(0.0)
    point = checked(make_workbench, COPY, judge)
    assert (point.sentence.verdict, judge.asked) == (Verdict.SUPPORTED, [])


def test_a_negation_is_for_the_judge_if_it_reads(make_workbench: MakeWorkbench) -> None:
    text = "There is no limit on unused sick leave that is carried over."
    read = checked(make_workbench, text, Strict(0.9))
    assert (read.sentence.verdict, read.sentence.text) == (Verdict.SUPPORTED, text)
    unread = checked(make_workbench, text, Strict(0.9, asks=False))
    assert unread.sentence.text != text


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_a_copy_that_denies_its_source_is_for_the_judge_however_alike(
    make_workbench: MakeWorkbench, probability: float
) -> None:
    denied = "Employees do not earn 4 hours of sick leave per pay period."
    judge = Strict(probability)
    point = checked(make_workbench, denied, judge)
    assert judge.asked == [denied]
    assert (point.sentence.text == denied) == (probability > 0.5)


def test_other_words_stand_if_the_judge_supports_them(make_workbench: MakeWorkbench) -> None:
    judge = Strict(0.9)
    point = checked(make_workbench, LOOSE, judge)
    assert (point.sentence.verdict, point.sentence.support) == (Verdict.SUPPORTED, 0.9)
    assert judge.asked == [LOOSE]
    assert point.sentence.citations


@pytest.mark.parametrize("text", [WRONG, LOOSE])
def test_what_does_not_hold_is_written_anew_once(make_workbench: MakeWorkbench, text: str) -> None:
    point = checked(make_workbench, text, Strict(0.1), COPY)
    assert point.sentence.verdict is Verdict.REPAIRED
    assert (point.sentence.text, point.sentence.draft) == (COPY, text)


@pytest.mark.parametrize("anew", ["", WRONG, FAR])
def test_a_repair_that_does_not_hold_gives_way_to_the_source(
    make_workbench: MakeWorkbench, anew: str
) -> None:
    point = checked(make_workbench, WRONG, Strict(0.1), anew)
    assert (point.sentence.verdict, point.sentence.text) == (Verdict.REPLACED, COPY)


def test_what_no_passage_is_about_is_removed(make_workbench: MakeWorkbench) -> None:
    point = checked(make_workbench, FAR, Strict(0.9), COPY)
    assert (point.sentence.verdict, point.sentence.citations) == (Verdict.REMOVED, ())


def test_a_joined_text_is_not_mended(make_workbench: MakeWorkbench) -> None:
    point = checked(make_workbench, WRONG, Strict(0.9), COPY, mend=False)
    assert point.sentence.verdict is Verdict.REMOVED


def test_a_repair_is_written_from_the_nearest_sentences_alone(
    make_workbench: MakeWorkbench,
) -> None:
    text = f"Parking is free. Is leave paid? {COPY} Badges are blue. Lunch is at noon."
    hit = Hit(Chunk(0, 40, 40 + len(text), text, id=1, document_id=1), "a.md", "f:///a", "", 0)
    shown: list[str] = []

    def reply(request: ChatRequest) -> str:
        shown.append(request.user)
        return f"- {COPY} And more."

    workbench = make_workbench(reply)
    with workbench.guard.open(workbench.session("ana").actor, Action.ASK) as run:
        point = Checker(run, workbench.models, "light", Strict(0.9)).check(WRONG, [hit])
    assert (point.sentence.verdict, point.sentence.text) == (Verdict.REPAIRED, COPY)
    (prompt,) = shown
    assert f"Is leave paid? {COPY} Badges are blue." in prompt
    assert not any(word in prompt for word in ("Parking", "Lunch", WRONG))


def test_marks_of_a_list_are_no_part_of_the_sources_words(make_workbench: MakeWorkbench) -> None:
    text = "* Employees earn 4 hours of sick leave per pay period."
    point = checked_in(make_workbench, text, WRONG, Strict(0.9))
    assert (point.sentence.verdict, point.sentence.text) == (Verdict.REPLACED, COPY)
    assert point.sentence.citations[0].quote == text


def test_a_question_states_nothing(make_workbench: MakeWorkbench) -> None:
    text = "Doctor: Do you take any medication? Patient: I take aspirin."
    point = checked_in(make_workbench, text, "Do you take any medication?", Strict(0.9))
    assert point.sentence.text != "Doctor: Do you take any medication?"
    assert point.sentence.verdict in {Verdict.REPLACED, Verdict.REMOVED}


def test_a_turn_that_says_next_to_nothing_is_no_sentence(make_workbench: MakeWorkbench) -> None:
    text = "Designer: I like cows.\n\nDesigner: Cows in green fields sell original covers."
    thin, full = (
        checked_in(make_workbench, text, claim, Strict(0.9)) for claim in text.split("\n\n")
    )
    assert thin.sentence.text == full.sentence.text
    assert (thin.sentence.verdict, full.sentence.verdict) == (Verdict.REPLACED, Verdict.SUPPORTED)


def test_who_speaks_is_no_likeness(make_workbench: MakeWorkbench) -> None:
    """Words of the right speaker about something else are no source of a sentence."""
    text = "Industrial Designer: I like cows in green fields.\n\nMarketing: Fashion sells."
    claim = "The Industrial Designer likes original buttons on a cover."
    point = checked_in(make_workbench, text, claim, Strict(0.1, asks=False))
    assert point.sentence.verdict is Verdict.REMOVED


TRANSCRIPT = (
    "Doctor: Do you ever smoke cigars?\nPatient: No.\n"
    "Doctor: Any pain at night?\nPatient: In my left knee."
)


def of_transcript(make_workbench: MakeWorkbench, claim: str) -> Point:
    return checked_in(make_workbench, TRANSCRIPT, claim, Strict(0.1, asks=False), start=9)


def test_a_reply_is_shown_with_its_question(make_workbench: MakeWorkbench) -> None:
    point = of_transcript(make_workbench, "She has 2 pains in her knee at night.")
    assert point.sentence.text == "Doctor: Any pain at night? Patient: In my left knee."
    (citation,) = point.sentence.citations
    assert TRANSCRIPT[citation.start - 9 : citation.end - 9] == citation.quote


def test_the_last_resort_is_what_is_nearest_however_far(make_workbench: MakeWorkbench) -> None:
    point = of_transcript(make_workbench, "Nobody in the whole family of Ann buys big cigars.")
    assert point.sentence.verdict is Verdict.REMOVED
    own = own_words(point)
    assert own is not None
    assert (own.sentence.verdict, own.sentence.draft) == (Verdict.REPLACED, point.sentence.text)
    assert own.sentence.text == "Doctor: Do you ever smoke cigars? Patient: No."
    far = of_transcript(make_workbench, FAR)
    assert own_words(far) is None


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("Revenue decreased by 12 percent in 2024.", "Revenue increased by 12 percent in 2024."),
        (
            "Acme signed the lease of the office in March 2024.",
            "Globex signed the lease of the office in March 2024.",
        ),
        (
            "Revenue of Acme grew to 12 million in 2023. Costs were 8 million in 2024.",
            "The revenue of Acme grew to 12 million in 2024.",
        ),
    ],
)
def test_what_has_a_word_of_its_own_is_for_the_judge(
    make_workbench: MakeWorkbench, source: str, claim: str
) -> None:
    judge = Strict(0.1, source=source)
    point = checked_in(make_workbench, source, claim, judge)
    assert judge.asked == [claim]
    assert point.sentence.text != claim


def test_passages_that_overlap_may_cut_a_sentence_elsewhere(make_workbench: MakeWorkbench) -> None:
    text = (
        "Badges are blue. Employees earn 4 hours of sick leave\nper pay period. Lunch is at noon."
    )
    cut = text.index("sick leave")
    hits = [
        Hit(
            Chunk(n, start, start + len(part), part, id=n + 1, document_id=1),
            "a.md",
            "f:///a",
            "",
            0,
        )
        for n, (start, part) in enumerate([(0, text[: cut + 10]), (cut, text[cut:])])
    ]
    workbench = make_workbench(lambda _: "")
    with workbench.guard.open(workbench.session("ana").actor, Action.ASK) as run:
        checker = Checker(run, workbench.models, "light", Strict(0.1, source=None))
        for claim in ("Sick leave is 9 hours per pay period.", WRONG, "Lunch per pay period."):
            for order in (hits, hits[::-1]):
                (*citations,) = checker.check(claim, order).sentence.citations
                assert all(text[c.start : c.end] == c.quote for c in citations)
