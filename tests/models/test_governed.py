from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from workbench.config import ModelsConfig
from workbench.errors import AccessDenied, BudgetExceeded, InvalidReply, ModelNotFound
from workbench.models.fake import FakeServer
from workbench.models.governed import Models, NoCache, estimate_tokens
from workbench.models.messages import ChatRequest, ServerPiece
from workbench.values import Scope, Usage

from .conftest import OpenRun

REQUEST = ChatRequest("light", "Be brief.", "Where is the river?", None, 20, "v1")


class DictCache(dict[str, str]):
    def put(self, key: str, reply: str) -> None:
        self[key] = reply


def models(server: FakeServer | None = None, cache: Any = None, **config: Any) -> Models:
    cache = NoCache() if cache is None else cache
    server = server or FakeServer(lambda _: "In the valley.")
    return Models(server, ModelsConfig(**config), cache)


def test_chat_resolves_the_alias_and_settles_the_usage(open_run: OpenRun) -> None:
    run = open_run()
    server = FakeServer(lambda _: "In the valley.")
    reply = models(server).chat(run, REQUEST)
    assert (reply.text, reply.model, reply.cached) == (
        "In the valley.",
        "qwen2.5-coder:0.5b",
        False,
    )
    assert (reply.usage.prompt_tokens, reply.usage.output_tokens) == (6, 3)
    assert (run.meter.usage.prompt_tokens, run.meter.usage.output_tokens) == (6, 3)
    assert (run.counts.model_calls, run.counts.cache_hits) == (1, 0)
    assert server.requests[0].model == "qwen2.5-coder:0.5b"


def test_stream_gives_pieces_and_usage_last(open_run: OpenRun) -> None:
    deltas = list(models().stream(open_run(), REQUEST))
    assert [delta.text for delta in deltas] == ["In ", "the ", "valley.", ""]
    assert [delta.usage is not None for delta in deltas] == [False, False, False, True]


def test_closed_run_opens_no_door(open_run: OpenRun) -> None:
    run = open_run()
    door = models()
    pieces = door.stream(run, REQUEST)
    run.close()
    for call in (
        lambda: door.chat(run, REQUEST),
        lambda: door.stream(run, REQUEST),
        lambda: next(pieces),
        lambda: door.embed(run, ["x"]),
    ):
        with pytest.raises(AccessDenied, match="the run has ended"):
            call()


def test_run_that_is_closed_meanwhile_gets_no_further_piece(open_run: OpenRun) -> None:
    run = open_run()
    pieces = models().stream(run, REQUEST)
    next(pieces)
    run.close()
    with pytest.raises(AccessDenied):
        next(pieces)


def test_budget_is_reserved_before_the_call(open_run: OpenRun) -> None:
    server = FakeServer()
    run = open_run(max_tokens=estimate_tokens(REQUEST) + REQUEST.max_tokens - 1)
    with pytest.raises(BudgetExceeded):
        models(server).chat(run, REQUEST)
    assert server.requests == []
    assert run.meter.usage.tokens == 0


def test_budget_of_time_ends_a_reply(open_run: OpenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_run(max_seconds=50)
    pieces = models().stream(run, REQUEST)
    next(pieces)
    monkeypatch.setattr("workbench.guard.budget.time.monotonic", lambda: 1e12)
    with pytest.raises(BudgetExceeded, match="time"):
        next(pieces)
    with pytest.raises(BudgetExceeded, match="time"):
        models().embed(run, ["x"])


def test_abandoned_stream_settles_what_was_used(open_run: OpenRun) -> None:
    run = open_run(max_tokens=100)
    pieces: Any = models().stream(run, REQUEST)
    next(pieces)
    pieces.close()
    assert run.meter.usage.output_tokens == 1
    # Nothing stays reserved: the rest of the budget can be reserved again.
    run.meter.reserve(100 - run.meter.usage.tokens)


def test_failed_call_releases_its_reservation(open_run: OpenRun) -> None:
    run = open_run(max_tokens=60)
    with pytest.raises(ModelNotFound):
        models().chat(run, replace(REQUEST, model="llama9", temperature=1))
    run.meter.reserve(60 - run.meter.usage.tokens)


def test_same_question_comes_from_the_cache(open_run: OpenRun) -> None:
    server, cache, run = FakeServer(lambda _: "In the valley."), DictCache(), open_run()
    door = models(server, cache)
    first = door.chat(run, REQUEST)
    again = door.chat(run, REQUEST)
    assert (again.text, again.cached, again.usage) == (first.text, True, Usage())
    assert len(server.requests) == 1
    assert (run.counts.model_calls, run.counts.cache_hits) == (1, 1)
    assert run.meter.usage.prompt_tokens == first.usage.prompt_tokens


@pytest.mark.parametrize(
    "change",
    [
        {"prompt_version": "v2"},
        {"user": "Where is the lake?"},
        {"system": ""},
        {"schema": {"type": "string"}},
        {"max_tokens": 21},
        {"seed": 1},
        {"stop": ("x",)},
        {"model": "default"},
        {"cache_parts": {"corpus": 2}},
    ],
)
def test_whatever_changes_the_reply_changes_the_key(
    open_run: OpenRun, change: dict[str, Any]
) -> None:
    server = FakeServer(lambda _: "In the valley.")
    door = models(server, DictCache())
    door.chat(open_run(), REQUEST)
    door.chat(open_run(), replace(REQUEST, **change))
    assert len(server.requests) == 2


def test_scopes_share_no_replies(open_run: OpenRun) -> None:
    server = FakeServer(lambda _: "In the valley.")
    door = models(server, DictCache())
    for scope in (Scope(unrestricted=True), Scope(frozenset({"hr"})), Scope(frozenset({"it"}))):
        door.chat(open_run(scope=scope), REQUEST)
    assert len(server.requests) == 3


def test_random_and_cut_replies_are_not_cached(open_run: OpenRun) -> None:
    cache = DictCache()
    door = models(cache=cache)
    door.chat(open_run(), replace(REQUEST, temperature=0.7))
    door.chat(open_run(), replace(REQUEST, max_tokens=1))
    assert cache == {}


def test_unknown_model_says_how_to_get_it() -> None:
    with pytest.raises(ModelNotFound, match="Run `workbench models pull llama9`"):
        models().digest("llama9")
    assert models().digest("embedding") == models().digest("all-minilm:latest")


def test_prompt_that_cannot_fit_is_refused_at_once(open_run: OpenRun) -> None:
    server = FakeServer()
    with pytest.raises(InvalidReply, match="too long"):
        models(server, num_ctx=512).chat(open_run(), replace(REQUEST, user="word " * 513))
    assert server.requests == []


def test_prompt_that_the_server_cut_silently_is_an_error(open_run: OpenRun) -> None:
    class Cutting(FakeServer):
        def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
            yield ServerPiece("In the valley.")
            yield ServerPiece("", done_reason="stop", prompt_tokens=100, output_tokens=4)

    cache = DictCache()
    with pytest.raises(InvalidReply, match="only a part of the prompt"):
        models(Cutting(), cache).chat(open_run(), replace(REQUEST, user="word " * 500))
    assert cache == {}


def test_a_vector_without_a_direction_is_refused(open_run: OpenRun) -> None:
    class Silent(FakeServer):
        def embed(self, model: str, texts: Any) -> Any:
            return np.zeros((len(texts), 3), dtype=np.float32)

    with pytest.raises(InvalidReply, match="without a direction"):
        models(Silent()).embed(open_run(), ["text"])


def test_embed_normalises_in_order_and_counts(open_run: OpenRun) -> None:
    class Long(FakeServer):
        def embed(self, model: str, texts: Any) -> Any:
            return super().embed(model, texts) * 7

    run = open_run()
    texts = [f"word{n} again" for n in range(150)]
    vectors = models(Long()).embed(run, texts)
    assert vectors.shape == (150, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        vectors[149], FakeServer().embed("all-minilm", texts[149:])[0], rtol=1e-5
    )
    assert run.counts.model_calls == 3
    assert run.meter.usage.tokens == 0


def test_embed_nothing(open_run: OpenRun) -> None:
    run = open_run()
    assert len(models().embed(run, [])) == 0
    assert run.counts.model_calls == 0


def test_estimate_grows_with_bytes() -> None:
    assert estimate_tokens(replace(REQUEST, user="é" * 400)) > estimate_tokens(
        replace(REQUEST, user="e" * 400)
    )


class Likely(FakeServer):
    """Tells how likely its first token was."""

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        self.requests.append(request)
        likely = (("Yes", -0.5), ("No", -1.5), (" yes", -3.0), ("Maybe", -9.0))
        yield ServerPiece("Yes", likely=likely)
        yield ServerPiece("", done_reason="length", prompt_tokens=9, output_tokens=1)


def test_words_are_weighed_by_their_probability(open_run: OpenRun) -> None:
    run, server, cache = open_run(), Likely(), DictCache()
    door = models(server, cache)
    yes, no = door.weigh(run, REQUEST, ("yes", "no"))
    told = math.exp(-0.5) + math.exp(-3.0)
    assert yes == pytest.approx(told / (told + math.exp(-1.5)))
    assert yes + no == pytest.approx(1)
    assert (server.requests[0].max_tokens, server.requests[0].top_logprobs) == (1, 20)
    assert run.meter.usage.prompt_tokens == 9
    assert door.weigh(run, REQUEST, ("yes", "no")) == (yes, no)
    assert (len(server.requests), run.counts.cache_hits) == (1, 1)
    unlikely = door.weigh(run, REQUEST, ("never", "yes"))[0]
    assert unlikely == pytest.approx(math.exp(-9.0) / (math.exp(-9.0) + told))


@pytest.mark.parametrize(("reply", "share"), [("no", 0.0), ("yes", 1.0), ("perhaps", 0.5)])
def test_a_server_without_probabilities_counts_by_its_word(
    open_run: OpenRun, reply: str, share: float
) -> None:
    assert models(FakeServer(lambda _: reply)).weigh(open_run(), REQUEST, ("yes", "no")) == (
        share,
        1 - share,
    )


def test_weighing_needs_an_open_run_and_a_budget(open_run: OpenRun) -> None:
    run = open_run()
    run.close()
    with pytest.raises(AccessDenied):
        models().weigh(run, REQUEST, ("yes", "no"))
