"""The front door: ``open_workbench(folder)`` -> Workbench -> ``session(actor)`` -> the verbs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from workbench.config import CONFIG_FILE, ActorConfig, Config, load_config
from workbench.errors import AccessDenied
from workbench.guard.budget import Budget, Day
from workbench.guard.run import DayBounds, Guard
from workbench.guard.sign_in import actor_of, person
from workbench.session import Session
from workbench.values import Actor, Scope
from workbench.verbs.corpus import expanded

if TYPE_CHECKING:
    from workbench.guard.cache import ReplyCache
    from workbench.masking.masker import Masker
    from workbench.masking.vault import Vault
    from workbench.models.governed import Models
    from workbench.sources.files import FileSource
    from workbench.store.corpus import Corpus

T = TypeVar("T")

KEY_FILE = "placeholder.key"


def open_workbench(
    folder: str | Path,
    *,
    config: Config | None = None,
    env: Mapping[str, str] | None = None,
) -> Workbench:
    """Open the workspace in ``folder``, made at the first write if it is not there.

    Settings come from ``config`` or, without it, from ``workbench.toml`` in the folder and the
    environment. Nothing is loaded or connected before a verb needs it.

    Raises:
        ConfigError: if the settings are not valid.
    """
    path = expanded(folder).resolve()
    environment = dict(os.environ if env is None else env)
    return Workbench(path, config or load_config(path / CONFIG_FILE, environment), environment)


class _Room(cached_property[T]):
    """Made when it is first asked for, and only once: from Python 3.12 on, threads that ask at
    the same time would each get their own."""

    def __get__(  # type: ignore[override]
        self, instance: Workbench, owner: type[Workbench] | None = None
    ) -> T:
        with instance._opening:
            return super().__get__(instance, owner)


class Workbench:
    """One workspace and the rooms that work on it. Safe to share between threads.

    ``connect_models`` replaces the search for a model server, ``masker`` the masking models.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        env: Mapping[str, str],
        *,
        connect_models: Callable[[ReplyCache], Models] | None = None,
        masker: Masker | None = None,
    ) -> None:
        self.folder = folder
        self.config = config
        self._opening = threading.RLock()
        self._env = env
        self._connect_models = connect_models
        self._masker = masker

    def session(self, actor: str = "local") -> Session:
        """The verbs, in the name of ``actor``.

        Raises:
            AccessDenied: if actors are configured and this one is not among them.
        """
        return Session(self, self._actor(actor))

    def signed_in(self, claims: Mapping[str, object]) -> Session:
        """The verbs, in the name of whom the claims of a checked ID token name.

        Raises:
            SignInEnded: if the token is too old.
            AccessDenied: if nobody gave this person access.
        """
        known = actor_of(claims, self.config, now_s=time.time())
        return Session(self, _configured(person(claims, self.config), known))

    def close(self) -> None:
        """Close connections and the parser's process; a later verb opens them again."""
        if "models" in vars(self):
            self.models.close()
        if "source" in vars(self):
            self.source.close()
        if "corpus" in vars(self):
            self.corpus.close()

    def _actor(self, name: str) -> Actor:
        if not self.config.actors:
            # Whoever runs this without actors owns the file and can read its audit anyway. A lower
            # role would protect nothing and keep the owner from verifying it.
            return Actor(name, "admin", Scope(unrestricted=True))
        known = self.config.actors.get(name)
        if known is None:
            raise AccessDenied(
                "this actor is not known",
                value=name,
                next_step=f"Ask an administrator to add [actors.{name}] to {CONFIG_FILE}.",
            )
        return _configured(name, known)

    @_Room
    def guard(self) -> Guard:
        """The one door that decides, meters and audits."""
        limits = self.config.budget
        budget = Budget(limits.max_tokens, limits.max_seconds)
        everybody = Day(limits.max_tokens_per_day, limits.max_seconds_per_day)
        ledger = self.corpus.ledger
        days = DayBounds(
            ledger,
            everybody,
            {name: _day(known, everybody) for name, known in self.config.actors.items()},
        )
        return Guard(ledger, budget, grants=self.corpus.grants, days=days)

    @_Room
    def corpus(self) -> Corpus:
        """The governed corpus; every call needs a Run."""
        from workbench.store.corpus import Corpus

        return Corpus(self.folder, vectors_at=self.config.store.url)

    @_Room
    def models(self) -> Models:
        """The governed models; every call needs a Run."""
        if self._connect_models is not None:
            return self._connect_models(self.corpus.reply_cache)
        from workbench.models.server import connect

        return connect(self.config.models, env=self._env, cache=self.corpus.reply_cache)

    @_Room
    def masker(self) -> Masker:
        """Masks documents and questions with this workspace's placeholders."""
        if self._masker is not None:
            return self._masker
        from workbench.masking.masker import Masker
        from workbench.masking.placeholders import load_key
        from workbench.masking.rules import RULES_FILE, load_rules

        rules = load_rules(self.folder / RULES_FILE)
        key = load_key(self.folder / KEY_FILE)
        keep = self.vault.keep if self.vault is not None and self.config.vault.enabled else None
        register = self.corpus.placeholders
        return Masker(self.config.masking, register, key=key, rules=rules, keep=keep)

    @_Room
    def vault(self) -> Vault | None:
        """What placeholders stand for; None where no vault is, or is to be, kept."""
        from workbench.masking.vault import VAULT_FILE, Vault
        from workbench.masking.vault_keys import key_home

        path = self.folder / VAULT_FILE
        # One that is not used any more still has to forget.
        if not self.config.vault.enabled and not path.exists():
            return None
        return Vault(path, key_home(self.config.vault, self.folder, self._env))

    @_Room
    def source(self) -> FileSource:
        """Reads files in a limited process."""
        from workbench.sources.files import FileSource

        return FileSource(self.config.limits)


def _configured(name: str, known: ActorConfig) -> Actor:
    scope = Scope(frozenset(known.labels), unrestricted="*" in known.labels)
    return Actor(name, known.role, scope, frozenset(known.may))


def _day(actor: ActorConfig, everybody: Day) -> Day:
    tokens, seconds = actor.max_tokens_per_day, actor.max_seconds_per_day
    return Day(
        everybody.max_tokens if tokens is None else tokens,
        everybody.max_seconds if seconds is None else seconds,
    )
