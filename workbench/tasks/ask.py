"""A question to a checked answer: retrieve, draft from passages, locate, attribute, or abstain."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pydantic_core

from workbench.config import Config
from workbench.errors import InvalidReply
from workbench.guard.run import Run
from workbench.masking.masker import Masker
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import Prompt, load_prompt
from workbench.results import ABSTENTION, Answer
from workbench.store.corpus import Corpus
from workbench.tasks.attribute import Draft, attribute
from workbench.tasks.relevance import is_answerable
from workbench.tasks.retrieve import require_question, retrieve
from workbench.values import Claim, Hit, Support

HITS = 8
"""How many passages are retrieved; the best of them that fit are shown to the model."""

NOT_FOUND = "NOT FOUND"
_MAX_PASSAGE_CHARS = 2_400
_CHARS_PER_TOKEN = 3

_SCHEMA = {
    "type": "object",
    "properties": {
        "quotes": {
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "items": {"type": "string"},
        },
        "answer": {"type": "string"},
    },
    "required": ["quotes", "answer"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class AskRooms:
    """The collaborators of an answer."""

    config: Config
    masker: Masker
    models: Models
    corpus: Corpus


def ask(
    run: Run, rooms: AskRooms, question: str, *, model: str | None = None
) -> Generator[str, None, Answer]:
    """Yield pieces of the draft as they come; return the Answer, which is stored by then.

    Raises:
        UsageError: if the question is empty or too long.
        ModelError, StoreError, MaskingError, BudgetExceeded.
    """
    plain = require_question(question, rooms.config.limits.max_question_chars)
    masked = rooms.masker.mask_text(plain)
    hits = retrieve(run, rooms.corpus, rooms.models, masked, k=HITS)
    prompt = load_prompt("answer")
    chosen = model or rooms.config.models.chat
    claims: tuple[Claim, ...] = ()
    if is_answerable(run, rooms.models, masked, hits, model=chosen):
        shown = fitting(hits, prompt, rooms.config.models.num_ctx, question=masked)
        request = _request(prompt, masked, shown, model=chosen)
        draft = yield from _draft(run, rooms, request)
        claims = check(draft, masked, shown)
    answer = Answer(
        question=masked,
        text=" ".join(claim.text for claim in claims if claim.supported) or ABSTENTION,
        status=support(claims),
        claims=claims,
        hits=hits,
        model=rooms.models.resolve(chosen),
        run_id=run.id,
        usage=run.meter.usage,
        prompt_version=prompt.version,
        corpus_version=rooms.corpus.version(run),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return replace(answer, id=rooms.corpus.save_answer(run, answer))


def fitting(hits: Sequence[Hit], prompt: Prompt, num_ctx: int, *, question: str) -> tuple[Hit, ...]:
    """The best hits whose texts fit the context beside prompt and reply; at least one."""
    taken = len(prompt.system) + len(question)
    room = (num_ctx - prompt.max_tokens) * _CHARS_PER_TOKEN - taken
    left = min(_MAX_PASSAGE_CHARS, room)
    chosen: list[Hit] = []
    for hit in hits:
        left -= len(hit.chunk.text)
        if chosen and left < 0:
            break
        chosen.append(hit)
    return tuple(chosen)


def check(draft: Draft, question: str, shown: Sequence[Hit]) -> tuple[Claim, ...]:
    """The draft's claims with their citations; empty if the draft abstains or nothing holds."""
    quotes = tuple(quote for quote in draft.quotes if not _declines(quote))
    if not quotes:
        return ()
    answer = "" if _declines(draft.answer) else draft.answer
    claims = attribute(Draft(quotes, answer), question, shown)
    return claims if any(claim.supported for claim in claims) else ()


def support(claims: Sequence[Claim]) -> Support:
    """All claims supported, some of them, or none at all."""
    if not claims:
        return Support.ABSTAINED
    return Support.SUPPORTED if all(claim.supported for claim in claims) else Support.PARTIAL


def parse_draft(reply: str) -> Draft:
    """The model's JSON as a draft. Of an unfinished reply, what is there of it so far.

    Raises:
        InvalidReply: if it is not the JSON that was asked for.
    """
    try:
        data = pydantic_core.from_json(reply, allow_partial="trailing-strings")
    except ValueError as error:
        raise _invalid(reply) from error
    if not isinstance(data, dict):
        raise _invalid(reply)
    quotes = data.get("quotes", [])
    answer = data.get("answer", "")
    if not isinstance(quotes, list) or not isinstance(answer, str):
        raise _invalid(reply)
    return Draft(tuple(quote for quote in quotes if isinstance(quote, str)), answer)


def _declines(text: str) -> bool:
    # In capitals, or alone: a source may speak of things that are not found.
    return NOT_FOUND in text or text.strip(" .\"'").upper() == NOT_FOUND


def _request(prompt: Prompt, question: str, shown: Sequence[Hit], *, model: str) -> ChatRequest:
    sources = "\n\n".join(f"## {_title(hit)}\n{hit.chunk.text}" for hit in shown)
    return ChatRequest(
        model=model,
        system=prompt.system,
        user=prompt.fill({"sources": sources, "question": question}),
        schema=_SCHEMA,
        max_tokens=prompt.max_tokens,
        prompt_version=prompt.version,
        cache_parts={"chunks": [hit.chunk.id for hit in shown]},
    )


def _title(hit: Hit) -> str:
    return f"{hit.document}: {hit.chunk.heading}" if hit.chunk.heading else hit.document


def _draft(run: Run, rooms: AskRooms, request: ChatRequest) -> Generator[str, None, Draft]:
    reply = ""
    shown_chars = 0
    for delta in rooms.models.stream(run, request):
        reply += delta.text
        answer = _so_far(reply)
        if len(answer) > shown_chars:
            yield answer[shown_chars:]
            shown_chars = len(answer)
    return parse_draft(reply)


def _so_far(reply: str) -> str:
    try:
        return parse_draft(reply).answer
    except InvalidReply:
        # An unfinished escape or number is no error yet; the whole reply is judged at its end.
        return ""


def _invalid(reply: str) -> InvalidReply:
    return InvalidReply(
        "the model's reply is not the JSON it was asked for",
        value=f"{len(reply)} characters",
        next_step="Ask again, or choose another model.",
    )
