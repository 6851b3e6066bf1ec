from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench
from workbench.errors import AccessDenied
from workbench.evaluation.groundedness import (
    YES,
    Calibration,
    Groundedness,
    calibration_of,
    judge,
)
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.models.catalog import load_catalog
from workbench.models.fake import FakeServer
from workbench.models.home import models_directory
from workbench.models.messages import ChatRequest, ModelInfo, ServerPiece
from workbench.workbench import Workbench, open_workbench

PASSAGE = "The office opened in 1998. Ann Lee leads the office and hires four clerks every year."
TRUE = "Ann Lee leads the office."
FALSE = "Ann Lee closed the office in 2004."


class Doubting(FakeServer):
    """Finds a yes as probable as 0.8."""

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        self.requests.append(request)
        yes = math.log(0.8)
        likely = (("Yes", yes), ("No", math.log1p(-math.exp(yes))))
        yield ServerPiece("Yes", likely=likely)
        yield ServerPiece("", done_reason="length", prompt_tokens=500, output_tokens=1)


def evaluating(workbench: Workbench) -> AbstractContextManager[Run]:
    actor = workbench.session("ana").actor
    return workbench.guard.open(actor, Action.EVALUATE)


def test_the_odds_of_a_yes_are_read(make_workbench: MakeWorkbench) -> None:
    server = Doubting()
    workbench = make_workbench(server=server)
    with evaluating(workbench) as run:
        odds = Groundedness(workbench.models, "light").asked(run, TRUE, PASSAGE)
    assert odds == pytest.approx(math.log(4))
    [request] = server.requests
    # The text comes first, so that a server that keeps the prompt reads it once for many claims.
    assert request.user.index(PASSAGE) < request.user.index(TRUE)


def test_a_claim_scores_higher_than_one_with_another_number(make_workbench: MakeWorkbench) -> None:
    workbench = make_workbench(server=Doubting())
    scorer = judge(workbench.models)
    with evaluating(workbench) as run:
        true, false = (scorer.score(run, claim, [PASSAGE]) for claim in (TRUE, FALSE))
    assert 0 <= false < true <= 1
    assert scorer.supports(scorer.threshold)
    assert not scorer.supports(scorer.threshold - 0.01)
    with pytest.raises(AccessDenied, match="ended"):
        scorer.score(run, TRUE, [PASSAGE])


class Speechless(Doubting):
    """A server that has the embedding model only."""

    def models(self) -> list[ModelInfo]:
        return [info for info in super().models() if "minilm" in info.name]


@pytest.mark.parametrize("writer", ["default", "light", "some-other-model"])
def test_a_calibrated_model_judges_whoever_wrote(
    make_workbench: MakeWorkbench, writer: str
) -> None:
    server = Doubting()
    workbench = make_workbench(server=server)
    scorer = judge(workbench.models, writer)
    with evaluating(workbench) as run:
        scorer.score(run, TRUE, [PASSAGE])
    assert scorer.asks
    [request] = server.requests
    assert calibration_of(request.model).judged


def test_without_a_judging_model_words_decide(make_workbench: MakeWorkbench) -> None:
    server = Speechless()
    workbench = make_workbench(server=server)
    scorer = judge(workbench.models)
    with evaluating(workbench) as run:
        assert scorer.score(run, TRUE, [PASSAGE]) > scorer.score(run, FALSE, [PASSAGE])
    assert server.requests == []


def test_the_shipped_calibrations_agree_with_common_sense() -> None:
    shipped = calibration_of(load_catalog().resolve("light"))
    assert shipped.judged
    against = {name: weight for name, weight in shipped.weights.items() if name != YES}
    assert shipped.weights[YES] > 0
    assert against
    assert max(against.values()) <= 0
    assert 0 < shipped.threshold < 1
    assert not calibration_of("some-other-model").judged


def test_extreme_signals_are_no_overflow() -> None:
    plain = Calibration(0.0, 0.5, {"number": -1e9})
    assert plain.probability({"number": 1.0}) == pytest.approx(0, abs=1e-9)
    assert plain.probability({"number": -1.0}) == pytest.approx(1)


@pytest.mark.models
def test_the_real_judge_tells_a_claim_from_its_opposite(tmp_path: Path) -> None:
    if not load_catalog().get("light").is_present(models_directory(os.environ)):
        pytest.fail("run `workbench models pull light` first", pytrace=False)
    workbench = open_workbench(tmp_path / "workspace")
    with workbench.guard.open(workbench.session("ana").actor, Action.EVALUATE) as run:
        scorer = Groundedness(workbench.models, "light")
        true, false = (scorer.score(run, claim, [PASSAGE]) for claim in (TRUE, FALSE))
    workbench.close()
    assert scorer.supports(true)
    assert false < true - 0.1
