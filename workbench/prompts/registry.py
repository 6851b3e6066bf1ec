"""Prompts are files: a closed TOML header, a system part and a user part. Versioned by content."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from string import Template

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import ConfigError


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int = Field(ge=1)
    max_tokens: int = Field(ge=1)
    purpose: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for one task. ``version`` is "name@number+hash": any change of the file changes it.

    ``max_tokens`` bounds the reply.
    """

    name: str
    version: str
    system: str
    user: str
    max_tokens: int

    def fill(self, values: Mapping[str, str]) -> str:
        """The user part with its ``$names`` replaced; replaced text is never expanded again.

        Raises:
            ConfigError: if a name of the prompt has no value.
        """
        try:
            return Template(self.user).substitute(values)
        except (KeyError, ValueError) as error:
            raise ConfigError(
                "the prompt names an unknown value",
                value=f"{self.version}: {error}",
                next_step="Use only the names that the task documents.",
            ) from error


def load_prompt(name: str) -> Prompt:
    """Read the shipped prompt file ``<name>.md``.

    Raises:
        ConfigError: if there is no such prompt or it is not well formed.
    """
    file = resources.files("workbench.prompts") / f"{name}.md"
    if not file.is_file():
        raise ConfigError("there is no such prompt", value=name, next_step="Check the task's name.")
    return parse_prompt(file.read_text(encoding="utf-8"))


def parse_prompt(text: str) -> Prompt:
    """A prompt from the text of its file.

    Raises:
        ConfigError: if the header is missing, has unknown keys, or a part is missing.
    """
    parts = text.split("+++", 2)
    body = parts[2] if len(parts) == 3 and not parts[0].strip() else ""
    system, separator, user = body.partition("\n## User\n")
    if not separator or "## System\n" not in system:
        raise ConfigError(
            "the prompt file is not well formed",
            value=text[:60],
            next_step='Write a header between "+++" lines, then "## System" and "## User".',
        )
    try:
        header = _Header.model_validate(tomllib.loads(parts[1]))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(
            "the prompt's header is not valid",
            value=str(error).splitlines()[0],
            next_step="Give exactly name, version, max_tokens and purpose.",
        ) from error
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Prompt(
        name=header.name,
        version=f"{header.name}@{header.version}+{digest}",
        system=system.partition("## System\n")[2].strip(),
        user=user.strip(),
        max_tokens=header.max_tokens,
    )
