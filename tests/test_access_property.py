"""Nobody sees what an oracle says they may not: every public verb, by role, label and grant."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.vaults import VAULT, vaulted
from tests.test_session_verbs import VERBS
from workbench import Rows
from workbench.config import ActorConfig, Config
from workbench.errors import AccessDenied, UsageError, WorkbenchError
from workbench.guard.policy import Action, decide
from workbench.session import Session
from workbench.store.documents import IN_SCOPE, scope_values
from workbench.values import Actor, Scope
from workbench.workbench import Workbench

LABELS = ("alpha", "beta", "gamma", "delta", "alpha,beta", "*")
ROLES = ("viewer", "analyst", "admin", "nobody")
NAMES = tuple(f"n{number}" for number in range(12))
PER_LABEL = 12
CALLS = 140

ANALYSTS = {
    *("sql", "ingest", "extract", "estimate_extraction", "masking_report", "preview_masking"),
    *("snapshot", "rollback"),
}
ADMINS = {
    *("grant", "revoke", "grants", "reveal", "forget", "rotate_vault"),
    *("verify_audit", "export_audit", "metrics"),
}
"""What a viewer, and what an analyst, may not do; everybody may do the rest."""


@dataclass(frozen=True)
class Marked:
    """A word that stands in one version of one document, and who may read it."""

    word: str
    document_id: int
    uri: str
    labels: frozenset[str]
    current: bool

    def visible(self, scope: Scope) -> bool:
        return scope.unrestricted or self.uri in scope.documents or self.labels <= scope.labels


@dataclass(frozen=True)
class World:
    workbench: Workbench
    marks: tuple[Marked, ...]
    granted: dict[str, frozenset[str]]
    neutral: Path
    version: int


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Documents under all labels, some of which moved to another one, and grants."""
    root, chance = tmp_path_factory.mktemp("world"), random.Random(3)
    actors = {name: ActorConfig() for name in (*NAMES, "probe")}
    actors["root"] = ActorConfig(role="admin", labels=("*",))
    workbench = vaulted(root / "workspace", Config(actors=actors, vault=VAULT))
    session = workbench.session("root")
    first = {label: _write(session, label, label) for label in LABELS}
    moved = _write(session, LABELS[0], LABELS[1], again=True)
    # An older text needs the label of then and the one of now.
    old = [
        Marked(mark.word, mark.document_id, mark.uri, mark.labels | {LABELS[1]}, False)
        for mark in first[LABELS[0]]
    ]
    current = [*moved, *(mark for label in LABELS[1:] for mark in first[label])]
    granted: dict[str, set[str]] = {name: set() for name in NAMES}
    for name in NAMES[::2]:
        for mark in chance.sample(current, 3):
            session.grant(name, mark.document_id)
            granted[name].add(mark.uri)
    neutral = root / "neutral"
    neutral.mkdir()
    (neutral / "neutral.txt").write_text("The plan of nobody.", encoding="utf-8")
    return World(
        workbench,
        (*current, *old),
        {name: frozenset(uris) for name, uris in granted.items()},
        neutral,
        int(session.versions().df()["number"].max()),
    )


def _write(session: Session, rows_of: str, label: str, *, again: bool = False) -> list[Marked]:
    """``PER_LABEL`` documents of one collection, each with a word of its own."""
    collection = f"plans-{LABELS.index(rows_of)}"
    words, rows = {}, []
    for number in range(PER_LABEL):
        word = f"zorb{'later' if again else 'first'}{LABELS.index(rows_of)}{number}x"
        text = f"The plan {word} is about badges. Mr Olaf {word.title()} signed the plan."
        rows.append({"id": number, "text": text})
        words[f"rows://{collection}/{number}"] = word
    session.ingest(Rows(rows, collection, key="id", text="{text}"), label=label)
    return [
        Marked(words[info.uri], info.id, info.uri, frozenset({label}), True)
        for info in session.documents()
        if info.uri in words
    ]


Walk = Callable[[Session, World, random.Random], object]


def _granted(session: Session, world: World, chance: random.Random) -> object:
    document_id = chance.choice(world.marks).document_id
    given = session.grant("probe", document_id)
    return [given, session.revoke("probe", document_id)]


SPECIAL: dict[str, Walk] = {
    "ingest": lambda s, w, c: s.ingest(w.neutral, label=c.choice(LABELS)),
    "search": lambda s, w, c: s.search(
        "plan badges", 50, mode=c.choice(("keyword", "vector", "hybrid"))
    ),
    "ask": lambda s, w, c: s.ask(c.choice(("What is the plan about?", "Who signed the plan?"))),
    "more_like": lambda s, w, c: s.more_like(c.choice(w.marks).document_id, 50),
    "document": lambda s, w, c: s.document(c.choice(w.marks).document_id),
    "boxes": lambda s, w, c: s.boxes(c.choice(w.marks).document_id, 0, 9),
    "sql": lambda s, w, c: s.sql(
        "SELECT * FROM " + c.choice(("documents", "chunks", "answers", "citations", "runs"))
    ),
    "at": lambda s, w, c: [
        (past := s.at(c.randint(1, w.version))).documents(),
        past.search("plan badges", 50),
    ],
    "diff": lambda s, w, c: s.diff(c.randint(0, w.version), w.version, text=True),
    "snapshot": lambda s, w, c: s.snapshot(f"s{c.randint(0, 10**9)}"),
    "rollback": lambda s, w, c: s.rollback(w.version),
    "grant": _granted,
    "revoke": _granted,
    "reveal": lambda s, w, c: s.reveal(" ".join(f"<PERSON_{n}>" for n in range(1, 30))),
    "forget": lambda s, w, c: s.forget(),
    "rotate_vault": lambda s, w, c: s.rotate_vault(),
    "extract": lambda s, w, c: s.extract(c.choice(w.marks).document_id, {"plan": "text"}),
    "summarise": lambda s, w, c: s.summarise(
        [mark.document_id for mark in c.sample(w.marks, 3)], style="bullets"
    ),
    "as_retriever": lambda s, w, c: s.as_retriever(50).retrieve("plan badges"),
}
PUBLIC = sorted(
    name for name, _ in inspect.getmembers(Session, inspect.isfunction) if name[0] != "_"
)


def test_every_public_verb_is_walked() -> None:
    assert set(PUBLIC) == set(VERBS)
    assert set(SPECIAL) | ANALYSTS | ADMINS <= set(PUBLIC)


def shown(result: object) -> str:
    """Everything that a result holds, as text."""
    parts = [str(result), repr(result)]
    if isinstance(result, list | tuple):
        parts += [shown(item) for item in result]
    for name in ("df", "to_dict", "_repr_html_", "model_dump_json"):
        method: Any = getattr(result, name, None)
        if callable(method):
            converted = method()
            parts.append(converted.to_csv() if hasattr(converted, "to_csv") else str(converted))
    return "\n".join([*parts, str(getattr(result, "text", ""))]).casefold()


def case(chance: random.Random, world: World) -> tuple[Actor, Scope]:
    """A random actor, and what the oracle holds to be its scope."""
    name = chance.choice(NAMES)
    labels = frozenset(chance.sample(LABELS, chance.choice((0, 0, 1, 1, 2, 3, 5))))
    scope = Scope(labels, unrestricted=chance.random() < 0.1)
    role = chance.choices(ROLES, (3, 4, 5, 1))[0]
    may = frozenset({"reveal"}) if chance.random() < 0.3 else frozenset()
    return Actor(name, role, scope, may), Scope(labels, scope.unrestricted, world.granted[name])


def allowed(actor: Actor, verb: str) -> bool:
    if actor.role == "nobody":
        return False
    if verb == "reveal" and "reveal" in actor.may:
        return True
    if verb == "forget" and not actor.scope.unrestricted:
        return False
    return actor.role == "admin" or verb not in (
        ADMINS if actor.role == "analyst" else ADMINS | ANALYSTS
    )


@pytest.mark.slow
def test_no_verb_shows_what_the_oracle_hides(world: World) -> None:
    chance, checked, seen_in = random.Random(7), 0, dict.fromkeys(PUBLIC, 0)
    for number in range(CALLS):
        verb = PUBLIC[number % len(PUBLIC)]
        actor, scope = case(chance, world)
        session, error = Session(world.workbench, actor), None
        walk = SPECIAL.get(verb) or (lambda s, w, _, verb=verb: VERBS[verb](s, w.neutral))
        try:
            text = shown(walk(session, world, chance))
        except WorkbenchError as raised:
            error, text = raised, f"{raised!s} {raised!r}".casefold()
        where = f"call {number}: {verb} by {actor}: {error!r}"
        if not allowed(actor, verb):
            assert isinstance(error, AccessDenied), where
        elif error is not None:
            # What the role allows is refused for the scope, or because there is nothing to do.
            assert isinstance(error, AccessDenied | UsageError), where
        for mark in world.marks:
            assert mark.word not in text or mark.visible(scope), f"{mark.word} in {where}"
            checked += 1
        seen_in[verb] += sum(mark.word in text for mark in world.marks)
    assert checked >= 10_000
    # The walk is worth nothing unless verbs show what may be seen; which, is up to chance.
    assert sum(count > 0 for count in seen_in.values()) >= 5


@pytest.mark.slow
def test_what_may_be_seen_is_seen(world: World) -> None:
    chance = random.Random(11)
    for _ in range(40):
        actor, scope = case(chance, world)
        if actor.role == "nobody":
            continue
        session = Session(world.workbench, actor)
        expected = {mark.uri for mark in world.marks if mark.current and mark.visible(scope)}
        listed = {info.uri for info in session.documents()} - {_neutral(world)}
        assert listed == expected
        mode = chance.choice(("keyword", "vector", "hybrid"))
        hits = session.search("plan", 100, mode=mode).hits
        assert {hit.uri for hit in hits} - {_neutral(world)} == expected
        mark = chance.choice(world.marks)
        try:
            session.document(mark.document_id)
            readable = True
        except AccessDenied:
            readable = False
        assert readable == mark.visible(scope)


def _neutral(world: World) -> str:
    return (world.neutral / "neutral.txt").resolve().as_uri()


def test_ten_thousand_scopes_agree_with_the_oracle(world: World) -> None:
    """The predicate that every read carries, and the policy, against plain sets."""
    chance = random.Random(13)
    documents = [(chance.choice(LABELS), f"file:///{number}") for number in range(25)]

    def check(connection: Any) -> int:
        connection.execute("CREATE TEMP TABLE d (label VARCHAR, uri VARCHAR)")
        connection.executemany("INSERT INTO temp.main.d VALUES (?, ?)", documents)
        wrong = 0
        for _ in range(10_000):
            labels = frozenset(chance.sample(LABELS, chance.randint(0, 4)))
            uris = frozenset(uri for _, uri in chance.sample(documents, chance.randint(0, 3)))
            scope = Scope(labels, chance.random() < 0.05, uris)
            rows = connection.execute(
                f"SELECT uri FROM temp.main.d d WHERE {IN_SCOPE}", scope_values(scope)
            ).fetchall()
            expected = {
                uri
                for label, uri in documents
                if scope.unrestricted or label in labels or uri in uris
            }
            wrong += {uri for (uri,) in rows} != expected
            wrong += {uri for label, uri in documents if scope.sees(label, uri)} != expected
            label, action = chance.choice(LABELS), chance.choice((Action.INGEST, Action.REMOVE))
            actor = Actor("ana", chance.choice(ROLES), scope)
            may_write = actor.role in ("analyst", "admin") and (
                scope.unrestricted or label in labels
            )
            wrong += decide(actor, action, label).allowed != may_write
        return wrong

    assert world.workbench.corpus._database.read(check) == 0


def test_a_result_is_looked_through(world: World) -> None:
    """The search for leaks itself: it must find what a result holds."""
    root = world.workbench.session("root")
    mark = next(mark for mark in world.marks if mark.current)
    for result in (
        root.document(mark.document_id),
        root.search(mark.word, 50),
        root.sql(f"SELECT text FROM documents WHERE id = {mark.document_id}"),
        root.as_retriever(50).retrieve(mark.word),
    ):
        assert mark.word in shown(result)
