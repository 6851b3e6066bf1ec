"""Closed, typed settings. An unknown key is an error; there is no global instance."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.errors import ConfigError

CONFIG_FILE = "workbench.toml"


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelsConfig(_Closed):
    """Which models, and where. ``host`` is an Ollama address; None looks for one and otherwise
    starts the embedded server. Times in seconds."""

    chat: str = "qwen2.5-coder:1.5b"
    embedding: str = "all-minilm"
    host: str | None = None
    num_ctx: int = Field(4096, ge=512, le=131072)
    timeout_s: float = Field(300, gt=0)
    idle_stop_s: float = Field(900, gt=0)


class MaskingConfig(_Closed):
    """What is masked. ``keep_labels`` names document labels whose text is public and kept as is."""

    types: tuple[str, ...] = (
        "PERSON",
        "EMAIL_ADDRESS",
        "PHONE_NUMBER",
        "CREDIT_CARD",
        "IBAN_CODE",
        "US_SSN",
        "IP_ADDRESS",
        "STREET_ADDRESS",
        "US_PASSPORT",
        "US_DRIVER_LICENSE",
        "US_BANK_NUMBER",
        "US_ITIN",
        "UK_NHS",
        "CRYPTO",
        "MEDICAL_LICENSE",
        "SECRET",
    )
    threshold: float = Field(0.4, ge=0, le=1)
    keep_labels: tuple[str, ...] = ()


class ChunkingConfig(_Closed):
    """Chunk size in characters; the embedding model reads 256 tokens, about 900 characters."""

    max_chars: int = Field(800, ge=100, le=8000)
    overlap_chars: int = Field(100, ge=0)


class LimitsConfig(_Closed):
    """Bounds on input."""

    max_file_bytes: int = Field(200 * 1024 * 1024, gt=0)
    max_document_chars: int = Field(20_000_000, gt=0)
    max_question_chars: int = Field(2_000, gt=0)
    parse_timeout_s: float = Field(120, gt=0)


class BudgetConfig(_Closed):
    """What one run may use, and one actor on one day (UTC; None is without bound).

    Reading a large folder takes longer than any question.
    """

    max_tokens: int = Field(200_000, gt=0)
    max_seconds: float = Field(3_600, gt=0)
    ingest_max_seconds: float = Field(86_400, gt=0)
    max_tokens_per_day: int | None = Field(None, ge=0)
    max_seconds_per_day: float | None = Field(None, ge=0)


class VaultConfig(_Closed):
    """Whether values behind placeholders are kept, encrypted, and where their key lives.

    The key is in the environment variable WORKBENCH_VAULT_KEY, in the keyring of the operating
    system, or in ``key_file``, which is meant from the workspace's folder where it is relative. An
    actor is shown at most ``reveals_per_hour`` values.
    """

    enabled: bool = False
    key: Literal["environment", "keyring", "file"] = "environment"
    key_file: Path | None = None
    reveals_per_hour: int = Field(200, ge=0)

    @model_validator(mode="after")
    def _file_is_named(self) -> Self:
        if (self.key == "file") != (self.key_file is not None):
            raise ValueError('key = "file" and key_file go together')
        return self


class StoreConfig(_Closed):
    """Where vectors are searched: beside the workspace, or on the server at ``url``
    (``postgresql://...`` with pgvector, ``qdrant://...``). Everything else stays in the workspace.

    Passwords belong into the environment: PGPASSWORD, QDRANT_API_KEY.
    """

    url: str | None = None


class ActorConfig(_Closed):
    """One known actor. ``labels = ["*"]`` means every label; ``may`` grants actions beside the
    role; the bounds of a day win over those of ``[budget]``."""

    role: Literal["viewer", "analyst", "admin"] = "viewer"
    labels: tuple[str, ...] = ()
    may: tuple[Literal["reveal", "original"], ...] = ()
    max_tokens_per_day: int | None = Field(None, ge=0)
    max_seconds_per_day: float | None = Field(None, ge=0)


class SignInConfig(_Closed):
    """Who is who among those that sign in to the app.

    ``claim`` of the ID token names the actor; an e-mail address must be verified by the provider,
    unless ``verified_only`` is false. Who is no actor is what the first of ``groups`` is that
    stands in ``groups_claim``. A sign-in counts for ``max_hours``.
    """

    claim: str = "email"
    verified_only: bool = True
    groups_claim: str = "groups"
    groups: dict[str, ActorConfig] = Field(default_factory=dict)
    max_hours: float = Field(12, gt=0, le=720)


class Config(_Closed):
    """Everything that can be set. Without ``actors`` everybody here is an admin who sees all."""

    models: ModelsConfig = ModelsConfig()
    masking: MaskingConfig = MaskingConfig()
    chunking: ChunkingConfig = ChunkingConfig()
    limits: LimitsConfig = LimitsConfig()
    budget: BudgetConfig = BudgetConfig()
    vault: VaultConfig = VaultConfig()
    store: StoreConfig = StoreConfig()
    signin: SignInConfig = SignInConfig()
    actors: dict[str, ActorConfig] = Field(default_factory=dict)


def load_config(path: Path | None = None, env: Mapping[str, str] | None = None) -> Config:
    """Read ``path`` (a TOML file; defaults where it is None or absent), then the environment.

    ``OLLAMA_HOST`` sets models.host, ``WORKBENCH_CHAT_MODEL`` models.chat and
    ``WORKBENCH_EMBEDDING_MODEL`` models.embedding; they win over the file.

    Raises:
        ConfigError: if the file cannot be read, is not TOML, or holds an unknown key or a value
            out of range.
    """
    env = os.environ if env is None else env
    data: dict[str, object] = {}
    if path is not None:
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            data = {}
        except OSError as error:
            raise ConfigError(
                "the configuration cannot be read",
                value=f"{path.name}: {error.strerror}",
                next_step="Check the workspace's path and your right to read this file.",
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                "the configuration is not valid TOML",
                value=f"{path.name}: {error}",
                next_step="Correct the line named above.",
            ) from error
    models = data.setdefault("models", {})
    if isinstance(models, dict):
        for key, name in (
            ("host", "OLLAMA_HOST"),
            ("chat", "WORKBENCH_CHAT_MODEL"),
            ("embedding", "WORKBENCH_EMBEDDING_MODEL"),
        ):
            if env.get(name):
                models[key] = env[name]
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            "the configuration is not valid",
            value=f"{where}: {first['msg']}",
            next_step=f"Correct or remove it in {CONFIG_FILE} or in the environment.",
        ) from error
