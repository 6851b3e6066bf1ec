"""Finds personal data in texts of any length: every detector on every window, united."""

from __future__ import annotations

import hashlib
import re
import threading
import traceback
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from workbench.errors import MaskingError
from workbench.masking.fusion import fuse
from workbench.masking.recognizers import Recognizer
from workbench.masking.spans import Span
from workbench.masking.view import View, plain_view

CORE_CHARS = 12_000
"""Margins are read twice, which costs less the longer a core is."""
MARGIN_CHARS = 300
"""A window shows the detectors this much before and behind its core; no entity is longer."""
REMEMBERED_WINDOWS = 8_192

_BREAKS = tuple(map(re.compile, (r"\n\s*\n", r"\n", r"(?<=[.!?;])\s", r"\s")))


class Detector(Protocol):
    """Finds spans in texts; one list of spans for each text, in order."""

    @property
    def version(self) -> str:
        """Changes whenever the findings can change."""
        ...

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans in each text."""
        ...


class Patterns:
    """Our own recognisers as one detector."""

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        self._recognizers = tuple(recognizers)

    @property
    def version(self) -> str:
        rules = "\n".join(f"{r.name}|{r.type}|{r.pattern}|{r.score}" for r in self._recognizers)
        return f"patterns-{hashlib.sha256(rules.encode()).hexdigest()[:12]}"

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """See ``Detector.find``."""
        return [[s for r in self._recognizers for s in r.spans(text)] for text in texts]


@dataclass(frozen=True, slots=True)
class Window:
    """Characters ``start`` to ``end`` of a text; findings count if they touch its core."""

    start: int
    end: int
    core_start: int
    core_end: int


class Detection:
    """The union of the detectors. Findings on equal windows are remembered, the windows are not."""

    def __init__(
        self, detectors: Sequence[Detector], types: Sequence[str], threshold: float
    ) -> None:
        self._detectors = tuple(detectors)
        self._types = frozenset(types)
        self._threshold = threshold
        self._lock = threading.Lock()
        self._seen: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()

    @property
    def version(self) -> str:
        return "+".join(detector.version for detector in self._detectors)

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """What is found in each text; spans may overlap. Offsets are those of the texts given.

        Raises:
            MaskingError: if any detector failed: nothing may pass as clean that was not read.
        """
        views = [plain_view(text) for text in texts]
        plans = [list(windows(view.text)) for view in views]
        wanted = {
            view.text[window.start : window.end]
            for view, plan in zip(views, plans, strict=True)
            for window in plan
        }
        findings = self._findings(sorted(wanted))
        return [_united(view, plan, findings) for view, plan in zip(views, plans, strict=True)]

    def _findings(self, parts: Sequence[str]) -> dict[str, tuple[Span, ...]]:
        keys = {
            part: hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest() for part in parts
        }
        with self._lock:
            known = {part: self._seen[key] for part, key in keys.items() if key in self._seen}
        unread = [part for part in parts if part not in known]
        found = dict(zip(unread, self._detect(unread), strict=True))
        known.update(found)
        with self._lock:
            self._seen.update({keys[part]: spans for part, spans in found.items()})
            while len(self._seen) > REMEMBERED_WINDOWS:
                self._seen.popitem(last=False)
        return known

    def _detect(self, parts: Sequence[str]) -> list[tuple[Span, ...]]:
        if not parts or not self._detectors:
            return [() for _ in parts]
        # Rampart computes outside the interpreter's lock: it takes the second core.
        with ThreadPoolExecutor(len(self._detectors)) as pool:
            results = list(pool.map(partial(_find, parts), self._detectors))
        return [
            tuple(
                span
                for span in fuse(part, [span for spans in of_part for span in spans])
                if span.type in self._types and span.score >= self._threshold
            )
            for part, of_part in zip(parts, zip(*results, strict=True), strict=True)
        ]


def _find(parts: Sequence[str], detector: Detector) -> list[list[Span]]:
    try:
        found = detector.find(parts)
    except MaskingError:
        raise
    except Exception as error:  # noqa: BLE001
        # The one border: whatever a detector throws, the text is not masked. The message could
        # quote the text and stays out.
        raise MaskingError(
            "a detector of personal data failed",
            value=f"{type(detector).__name__}: {type(error).__name__}{_place(error)}",
            next_step="Nothing was stored. Run workbench doctor; report it if it persists.",
        ) from None
    if len(found) != len(parts):
        raise MaskingError(
            "a detector of personal data left texts unread",
            value=f"{type(detector).__name__}: {len(found)} of {len(parts)}",
            next_step="Nothing was stored. Run workbench doctor; report it if it persists.",
        )
    return found


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def windows(text: str) -> Iterator[Window]:
    """Cut ``text`` into cores at paragraph, line or sentence breaks, each with its margins."""
    start = 0
    while start < len(text):
        end = _break_before(text, start)
        yield Window(max(0, start - MARGIN_CHARS), min(len(text), end + MARGIN_CHARS), start, end)
        start = end


def _break_before(text: str, start: int) -> int:
    limit = start + CORE_CHARS
    if limit >= len(text):
        return len(text)
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, limit - CORE_CHARS // 2, limit)]
        if ends:
            return ends[-1]
    return limit


def _united(
    view: View, plan: Sequence[Window], findings: dict[str, tuple[Span, ...]]
) -> list[Span]:
    spans: dict[tuple[int, int, str], Span] = {}
    for window in plan:
        for found in findings[view.text[window.start : window.end]]:
            span = found.moved(window.start)
            if span.end <= window.core_start or span.start >= window.core_end:
                continue
            moved = Span(view.start(span.start), view.end(span.end), span.type, span.score)
            key = (moved.start, moved.end, moved.type)
            if key not in spans or spans[key].score < moved.score:
                spans[key] = moved
    return list(spans.values())
