"""What is done with each type of personal data, by document label: ``masking.yaml``.

actions:                  # by entity type; what is not named is masked as the settings say
  DATE_TIME: keep         # stays readable
  EMAIL_ADDRESS: hash     # becomes a keyed digest: comparable, never revealed
  SECRET: drop            # nothing stands in its place
labels:                   # what is different for the documents of one label
  public: keep
  staff: {PERSON: hash}
recognizers:              # values that only this organisation knows
  - {name: staff numbers, type: EMPLOYEE_ID, pattern: 'E-\\d{6}'}
  - {name: projects, type: PROJECT, words: [Bluebird, Night Jar]}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from workbench.config import MaskingConfig
from workbench.errors import ConfigError
from workbench.masking.fusion import GUESS
from workbench.masking.recognizers import Recognizer

RULES_FILE = "masking.yaml"

_MOST_PATTERN_CHARS = 2_000
_MOST_WORDS = 10_000
_PATTERN_TIMEOUT_S = 2.0


class Treatment(StrEnum):
    """``mask``: a numbered placeholder. ``hash``: a digest with the workspace's key, the same for
    the same value. ``drop``: nothing is left. ``keep``: the value stays."""

    MASK = "mask"
    HASH = "hash"
    DROP = "drop"
    KEEP = "keep"


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


EntityType = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z_]{0,38}[A-Z]$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CustomRecognizer(_Closed):
    """Values of ``type`` by a ``pattern`` (the ``regex`` package's) or by a list of ``words``.

    Words match whole and in any case. A text that the pattern cannot search in two seconds is not
    ingested: it must not pass as clean.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    type: EntityType
    pattern: Annotated[str, StringConstraints(max_length=_MOST_PATTERN_CHARS)] | None = None
    words: tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)], ...] = (
        Field((), max_length=_MOST_WORDS)
    )
    score: float = Field(0.96, gt=0, le=1)
    ignore_case: bool = False

    @model_validator(mode="after")
    def _is_searchable(self) -> Self:
        import regex

        if (self.pattern is None) == (not self.words):
            raise ValueError("give either a pattern or words")
        if self.type.endswith("_WORD") or self.type == GUESS:
            raise ValueError(f"the type {self.type} is used inside; choose another name")
        if self.pattern is not None:
            try:
                compiled = regex.compile(self.pattern)
            except regex.error as error:
                raise ValueError(f"the pattern is not valid: {error}") from None
            if compiled.fullmatch("", timeout=_PATTERN_TIMEOUT_S) is not None:
                raise ValueError("the pattern matches the empty text")
        return self

    def recognizer(self) -> Recognizer:
        """The recogniser that searches for it."""
        if self.pattern is not None:
            return Recognizer(
                self.name,
                self.type,
                self.pattern,
                self.score,
                ignore_case=self.ignore_case,
                timeout_s=_PATTERN_TIMEOUT_S,
            )
        # The longest first: of "Night" and "Night Jar", the text may hold the latter.
        words = sorted(set(self.words), key=lambda word: (-len(word), word))
        choice = "|".join(r"\s+".join(map(re.escape, word.split())) for word in words)
        return Recognizer(
            self.name, self.type, rf"(?<!\w)(?:{choice})(?!\w)", self.score, ignore_case=True
        )


class MaskingRules(_Closed):
    """The whole of ``masking.yaml``."""

    actions: dict[EntityType, Treatment] = Field(default_factory=dict)
    labels: dict[Label, Treatment | dict[EntityType, Treatment]] = Field(default_factory=dict)
    recognizers: tuple[CustomRecognizer, ...] = ()


class Treatments:
    """What is done with a value of a type in a document of a label; settings and rules in one."""

    def __init__(self, config: MaskingConfig, rules: MaskingRules) -> None:
        self._actions = dict.fromkeys(config.types, Treatment.MASK)
        self._actions |= dict.fromkeys((r.type for r in rules.recognizers), Treatment.MASK)
        self._actions |= rules.actions
        self._labels: dict[str, Treatment | dict[str, Treatment]] = {
            **dict.fromkeys(config.keep_labels, Treatment.KEEP),
            **rules.labels,
        }
        self.types = tuple(sorted(set(self._looked_for())))
        """Every type that is looked for: something is done with it somewhere."""

    def _looked_for(self) -> Iterable[str]:
        own = [what for what in self._labels.values() if isinstance(what, dict)]
        for actions in (self._actions, *own):
            yield from (kind for kind, what in actions.items() if what is not Treatment.KEEP)

    def of(self, kind: str, label: str | None = None) -> Treatment:
        """The treatment of values of type ``kind``; without a label, that of a question."""
        general = self._actions.get(kind, Treatment.KEEP)
        special = self._labels.get(label) if label is not None else None
        if isinstance(special, Treatment):
            # "mask" for a whole label is what happens anyway, to the types that are masked.
            if special is Treatment.KEEP or general is not Treatment.KEEP:
                return special
            return general
        return special.get(kind, general) if special is not None else general

    def keeps(self, label: str | None) -> bool:
        """Whether nothing at all is masked under ``label``."""
        return label is not None and self._labels.get(label) is Treatment.KEEP


def load_rules(path: Path) -> MaskingRules:
    """Read ``masking.yaml``; without the file, nothing differs from the settings.

    Raises:
        ConfigError: if it cannot be read, is not YAML, names a key twice, or holds an unknown key
            or value.
    """
    import yaml

    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506
    except (FileNotFoundError, NotADirectoryError):
        return MaskingRules()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the masking rules cannot be read",
            value=f"{path.name}: {type(error).__name__}",
            next_step="Check the workspace's path, your right to read this file, and its encoding.",
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            "the masking rules are not valid YAML",
            value=f"{path.name}: {' '.join(str(error).split())}",
            next_step="Correct the line named above.",
        ) from error
    try:
        return MaskingRules.model_validate({} if data is None else data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(_steps(first["loc"]))
        raise ConfigError(
            "the masking rules are not valid",
            value=f"{where or path.name}: {first['msg']}",
            next_step=f"Correct or remove it in {RULES_FILE}; until then nothing is ingested.",
        ) from error


def _steps(place: Iterable[Any]) -> Iterator[str]:
    """The keys on the way to a fault, without pydantic's names of its own."""
    for step in place:
        text = str(step)
        if not re.match(r"dict\[|lite|enum|function|constrained", text):
            yield text


def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML's own loader lets the last of two equal keys win, silently."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            doubled = next((key for key in keys if keys.count(key) > 1), None)
            if doubled is not None:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {doubled!r} stands twice", node.start_mark
                )
            return super().construct_mapping(node, deep)

    return Loader
