"""The models that Workbench can fetch and serve itself, with their digests, sizes and licences."""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workbench.errors import ModelNotFound

_SHA256 = Field(pattern="^[0-9a-f]{64}$")


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Closed):
    """A piece of a file: ``member`` inside a wheel of ``package``. ``size`` in bytes."""

    package: str
    version: str
    member: str
    sha256: str = _SHA256
    size: int = Field(gt=0)


class ModelFile(_Closed):
    """One file of a model; its parts in order give its bytes. ``size`` in bytes."""

    name: str = Field(pattern=r"^[\w.-]+$")
    sha256: str = _SHA256
    size: int = Field(gt=0)
    parts: tuple[Part, ...]

    @model_validator(mode="after")
    def _parts_fill_the_file(self) -> Self:
        if sum(part.size for part in self.parts) != self.size:
            raise ValueError(f"the parts of {self.name} do not add up to {self.size} bytes")
        return self


class CatalogModel(_Closed):
    """A model by its Ollama name. ``context_length`` in tokens; ``dimensions`` of embeddings."""

    name: str
    alias: str
    kind: Literal["chat", "embedding"]
    license: str
    license_file: str
    origin: str
    context_length: int
    family: str
    parameter_size: str
    quantization: str
    dimensions: int | None = None
    ollama: str
    hub: str
    files: tuple[ModelFile, ...] = Field(min_length=1)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 of the only file, or of the list of all files' digests."""
        if len(self.files) == 1:
            return self.files[0].sha256
        lines = "".join(f"{file.name} {file.sha256}\n" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    def directory(self, models: Path) -> Path:
        """Where the model's files live below the models directory."""
        return models / self.name.replace(":", "-")

    def paths(self, models: Path) -> tuple[Path, ...]:
        """The model's files, in the catalogue's order."""
        return tuple(self.directory(models) / file.name for file in self.files)

    def is_present(self, models: Path) -> bool:
        """Whether every file is there in full; a file gets its name only once it is verified."""
        return all(
            path.is_file() and path.stat().st_size == file.size
            for path, file in zip(self.paths(models), self.files, strict=True)
        )

    def license_text(self) -> str:
        """The full text of the licence, which ships with Workbench."""
        folder = resources.files("workbench.models") / "licenses"
        return (folder / self.license_file).read_text(encoding="utf-8")


class Catalog(_Closed):
    """All known models."""

    model: tuple[CatalogModel, ...]

    def find(self, name: str) -> CatalogModel | None:
        """The model by Ollama name or alias ("default", "light", "embedding"), or None."""
        for model in self.model:
            if name == model.alias or full_name(name) == full_name(model.name):
                return model
        return None

    def resolve(self, name: str) -> str:
        """The Ollama name for an alias; any other name as it is."""
        found = self.find(name)
        return found.name if found else name

    def get(self, name: str) -> CatalogModel:
        """The model by name or alias.

        Raises:
            ModelNotFound: if the catalogue does not have it.
        """
        found = self.find(name)
        if found is None:
            known = ", ".join(f"{model.name} ({model.alias})" for model in self.model)
            raise ModelNotFound(
                "the catalogue does not have this model",
                value=name,
                next_step=f"Choose one of {known}, or run Ollama and `ollama pull {name}`.",
            )
        return found


def full_name(name: str) -> str:
    """The name with its tag, as Ollama lists it: ``all-minilm`` is ``all-minilm:latest``."""
    return name if ":" in name else f"{name}:latest"


def load_catalog(path: Path | None = None) -> Catalog:
    """The catalogue that ships with Workbench, or the one at ``path``."""
    if path is not None:
        text = path.read_text(encoding="utf-8")
    else:
        shipped = resources.files("workbench.models") / "catalog.toml"
        text = shipped.read_text(encoding="utf-8")
    return Catalog.model_validate(tomllib.loads(text))
