"""The model's part of a summary: points from passages, points into a text; each one checked."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

import pydantic_core

from workbench.errors import InvalidReply
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt
from workbench.tasks.attribute import coverage
from workbench.tasks.summary_checking import Checker, Point
from workbench.values import Citation, Hit

T = TypeVar("T")

_SAID = 0.6
_LABEL = re.compile(
    r"^(?:Sources?:|\[\d+\]|\W*#+ )\s*"
)  # what small models copy from a prompt's layout
_REQUEST = "one sentence each"  # the request's last words, which they copy after its focus


class Writer:
    """Writes for one run with one model; the checker judges. ``focus`` is masked already."""

    def __init__(self, run: Run, models: Models, checker: Checker, focus: str) -> None:
        self._run = run
        self._models = models
        self._checker = checker
        self.model = checker.model
        self._focus = f" about this: {focus}" if focus else ""

    def write(self, passages: Sequence[Hit], count: int) -> Generator[Point, None, None]:
        """``count`` points or fewer from the passages, each once it is checked; the unsupported
        have no citations.

        Raises:
            InvalidReply: if the reply is not the JSON that was asked for.
            ModelError, BudgetExceeded.
        """
        shown = "\n\n".join(f"[{n}] {_title(h)}\n{h.chunk.text}" for n, h in _numbered(passages))
        values = {"passages": shown, "count": str(count), "focus": self._focus}
        reply = self._ask("summary", values, _schema("passage", len(passages), count))
        for item in reply[:count]:
            number: Any = item.get("passage")
            known = isinstance(number, int) and 1 <= number <= len(passages)
            hit = passages[number - 1] if known else passages[0]
            # The model's number is a hint: the sentence may stand in another passage it was shown.
            ordered = (hit, *(other for other in passages if other is not hit))
            text = _plain(item.get("sentence"))
            if text and _REQUEST not in text.casefold():
                yield self._checker.check(text, ordered)

    def join(self, points: Sequence[Point], count: int) -> Generator[Point, None, None]:
        """The points as one text of ``count`` sentences or fewer, each once it is checked; what is
        to be removed from it has no citations.

        Points that the text leaves without any supported sentence stand for themselves if there
        is room.

        Raises:
            ModelError, BudgetExceeded.
        """
        shown = "\n\n".join(
            f"[{n}] {point.sentence.text}\nSource: {_quoted(point.sentence.citations)}"
            for n, point in _numbered(points)
        )
        values = {"points": shown, "count": str(count), "focus": self._focus}
        reply = self._ask("summary_merge", values, _schema("points", len(points), count))
        joined = []
        for item in reply[:count]:
            numbers = [n for n in _ints(item.get("points")) if 1 <= n <= len(points)]
            used = [points[n - 1] for n in numbers] or list(points)
            passages = tuple(dict.fromkeys(hit for point in used for hit in point.passages[:2]))
            if text := _plain(item.get("sentence")):
                point = self._checker.check(text, passages, mend=False)
                joined.extend([point] if point.sentence.citations else [])
                yield point
        said = " ".join(point.sentence.text for point in joined)
        for point in points:
            if len(joined) < count and coverage(point.sentence.text, said) < _SAID:
                joined.append(point)
                yield point

    def _ask(
        self, name: str, values: Mapping[str, str], schema: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        prompt = load_prompt(name)
        request = ChatRequest(
            model=self.model,
            system=prompt.system,
            user=prompt.fill(values),
            schema=schema,
            max_tokens=prompt.max_tokens,
            prompt_version=prompt.version,
        )
        return parse_items(self._models.chat(self._run, request).text)


def parse_items(reply: str) -> list[dict[str, Any]]:
    """The items of the model's JSON list; of an unfinished reply, the finished ones.

    Raises:
        InvalidReply: if it is not the JSON that was asked for.
    """
    try:
        data = pydantic_core.from_json(reply, allow_partial=True)
        items = data["points"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidReply(
            "the model's reply is not the JSON it was asked for",
            value=f"{len(reply)} characters",
            next_step="Summarise again, or choose another model.",
        ) from error
    if not isinstance(items, list):
        return []
    return [item for item in items if isinstance(item, dict)]


def _plain(sentence: object) -> str:
    return _LABEL.sub("", " ".join(str(sentence or "").split()))


def _title(hit: Hit) -> str:
    return f"{hit.document}: {hit.chunk.heading}" if hit.chunk.heading else hit.document


def _quoted(citations: Sequence[Citation]) -> str:
    return " … ".join(" ".join(citation.quote.split()) for citation in citations)


def _numbered(items: Sequence[T]) -> list[tuple[int, T]]:
    return list(enumerate(items, start=1))


def _ints(value: object) -> list[int]:
    return [v for v in value if isinstance(v, int)] if isinstance(value, list) else []


def _schema(key: str, most: int, count: int) -> dict[str, object]:
    number: dict[str, object] = {"type": "integer", "minimum": 1, "maximum": most}
    source = number if key == "passage" else {"type": "array", "items": number, "maxItems": 4}
    item = {
        "type": "object",
        "properties": {key: source, "sentence": {"type": "string"}},
        "required": [key, "sentence"],
        "additionalProperties": False,
    }
    points = {"type": "array", "items": item, "minItems": 1, "maxItems": count}
    return {
        "type": "object",
        "properties": {"points": points},
        "required": ["points"],
        "additionalProperties": False,
    }
