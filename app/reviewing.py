"""One person's way through the values that wait to be checked. Nothing here knows Streamlit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import extracting

from workbench import Session
from workbench.errors import UsageError

Place = tuple[int, int, int, str]


@dataclass
class Walk:
    """What was judged and put off so far, and what somebody went back to.

    A queue is looked at anew only now and then: ``done`` are places that it may still hold.
    """

    judged: list[Any] = field(default_factory=list)
    done: set[Place] = field(default_factory=set)
    later: list[Place] = field(default_factory=list)
    again: Any = None

    def waiting(self, queue: Sequence[Any]) -> list[Any]:
        """What of a queue was not judged meanwhile."""
        return [item for item in queue if place(item) not in self.done]

    def next(self, queue: Sequence[Any], extraction_id: int) -> Any:
        """The value to look at: the one gone back to, else the least certain, at last those put
        off; None if nothing is left."""
        if self.again is not None and self.again.extraction_id == extraction_id:
            return self.again
        waiting = self.waiting(queue)
        fresh = next((item for item in waiting if place(item) not in self.later), None)
        return fresh or min(waiting, key=lambda item: self.later.index(place(item)), default=None)

    def judge(self, session: Session, item: Any, judgement: str, value: str = "") -> None:
        """Keep a judgement ("accept", "correct" or "reject"); the next value comes up.

        Raises:
            UsageError: if ``value`` cannot be the right one.
            AccessDenied, StoreError.
        """
        if judgement == "correct":
            session.correct(item, value)
        elif judgement == "accept":
            session.accept(item)
        else:
            session.reject(item)
        self.again = None
        self.judged.append(item)
        self.done.add(place(item))

    def put_off(self, item: Any) -> None:
        """Look at it once all others were seen."""
        self.again = None
        if place(item) in self.later:
            self.later.remove(place(item))
        self.later.append(place(item))

    def back(self) -> None:
        """Return to what was judged last; it can be judged anew."""
        self.again = self.judged.pop()

    def can_go_back(self, extraction_id: int) -> bool:
        """Whether something of this extraction was judged here."""
        return bool(self.judged) and self.judged[-1].extraction_id == extraction_id


def place(item: Any) -> Place:
    """What tells a value from all others."""
    return (item.extraction_id, item.document_id, item.ordinal, item.field.name)


def kind_of(item: Any, kinds: Mapping[str, str]) -> str:
    """The kind of value that a field takes."""
    return kinds.get(re.sub(r"\[\d+\]", "[]", item.field.name), "text")


def refused(value: str, kind: str) -> UsageError:
    """That a value cannot be the right one, in the reviewer's words."""
    return UsageError(
        f"this is not {extracting.expected_words(kind)}",
        value=value or None,
        next_step="Write it so, or take the value out if the document states none.",
    )
