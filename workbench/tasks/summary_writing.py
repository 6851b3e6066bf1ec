"""The model's part of a summary: points from passages, points into a text; each one checked."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from workbench.errors import InvalidReply
from workbench.guard.run import Run
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.prompts.registry import load_prompt
from workbench.tasks.attribute import coverage
from workbench.tasks.summary_checking import Checker, Point
from workbench.tasks.summary_replies import written_sentences
from workbench.values import Citation, Hit

T = TypeVar("T")

_SAID = 0.6
_JOINED_BYTES = 6_000
_REQUEST = re.compile(r"in at most (?:one|\d+) sentences?\b", re.IGNORECASE)  # the request, copied


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
            InvalidReply: if the model writes no sentence.
            ModelError, BudgetExceeded.
        """
        for text in self._written("summary", {"passages": _shown(passages)}, count):
            yield self._checker.check(text, _nearest(text, passages))

    def join(self, points: Sequence[Point], count: int) -> Generator[Point, None, None]:
        """The points as one text of ``count`` sentences or fewer, each once it is checked; what is
        to be removed from it has no citations.

        Points that the text leaves without any supported sentence stand for themselves if there
        is room, as do those that do not fit the prompt.

        Raises:
            InvalidReply: if the model writes no sentence.
            ModelError, BudgetExceeded.
        """
        blocks = [
            f"[{n}] {point.sentence.text}\nSource: {_quoted(point.sentence.citations)}"
            for n, point in _numbered(points)
        ]
        sizes = accumulate(len(block.encode()) for block in blocks)
        fitting = [
            block for block, size in zip(blocks, sizes, strict=True) if size <= _JOINED_BYTES
        ]
        shown = "\n\n".join(fitting or blocks[:1])
        passages = tuple(dict.fromkeys(hit for point in points for hit in point.passages[:2]))
        joined = []
        for text in self._written("summary_merge", {"points": shown}, count):
            point = self._checker.check(text, _nearest(text, passages), mend=False)
            joined.extend([point] if point.sentence.citations else [])
            yield point
        said = " ".join(point.sentence.text for point in joined)
        for point in points:
            if len(joined) < count and coverage(point.sentence.text, said) < _SAID:
                joined.append(point)
                yield point

    def _written(self, name: str, shown: Mapping[str, str], count: int) -> list[str]:
        """The sentences that the model writes; not JSON, because small models tell less in it."""
        prompt = load_prompt(name)
        request = ChatRequest(
            model=self.model,
            system=prompt.system,
            user=prompt.fill({**shown, "count": _sentences(count), "focus": self._focus}),
            schema=None,
            max_tokens=prompt.max_tokens,
            prompt_version=prompt.version,
        )
        reply = self._models.chat(self._run, request).text
        written = written_sentences(reply)
        if not written:
            raise InvalidReply(
                "the model wrote no sentence",
                value=f"{len(reply)} characters",
                next_step="Summarise again, or choose another model.",
            )
        return [text for text in written if not _REQUEST.search(text)][:count]


def _sentences(count: int) -> str:
    return "one sentence" if count == 1 else f"{count} sentences"


def _nearest(text: str, passages: Sequence[Hit]) -> list[Hit]:
    """The passages, those first that hold most of the sentence's words."""
    return sorted(passages, key=lambda hit: -coverage(text, hit.chunk.text))


def _shown(passages: Sequence[Hit]) -> str:
    """The texts under their headings, each of which stands once; not numbered, because small models
    then tell of passages instead of what they say."""
    several = len({hit.chunk.document_id for hit in passages}) > 1
    parts, last = [], ""
    for hit in passages:
        names = (hit.document if several else "", hit.chunk.heading)
        title = ": ".join(filter(None, names))
        parts.append(f"# {title}\n{hit.chunk.text}" if title not in ("", last) else hit.chunk.text)
        last = title
    return "\n\n".join(parts)


def _quoted(citations: Sequence[Citation]) -> str:
    return " … ".join(" ".join(citation.quote.split()) for citation in citations)


def _numbered(items: Sequence[T]) -> list[tuple[int, T]]:
    return list(enumerate(items, start=1))
