from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole

from workbench.config import ModelsConfig
from workbench.errors import AccessDenied
from workbench.guard.audit import AuditEntry
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Guard, Run
from workbench.models.fake import FakeServer
from workbench.models.governed import Models, NoCache
from workbench.models.llama_index import as_embedding, as_llm
from workbench.values import Actor, Scope


class Rows(list[AuditEntry]):
    def record(self, entry: AuditEntry) -> None:
        self.append(entry)


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def opener(rows: Rows) -> Callable[[], AbstractContextManager[Run]]:
    guard = Guard(rows, Budget(10_000, 60))
    return lambda: guard.open(Actor("ana", "analyst", Scope()), Action.ASK)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(lambda request: f"Answer to {request.user}")


@pytest.fixture
def door(server: FakeServer) -> Models:
    return Models(server, ModelsConfig(chat="light"), NoCache())


def test_completion_is_one_audited_run(
    door: Models, opener: Callable[[], AbstractContextManager[Run]], rows: Rows
) -> None:
    llm = as_llm(door, opener, mask=str)
    assert llm.complete("Hello").text == "Answer to Hello"
    assert llm.metadata.context_window == 4096
    assert [(row.action, row.model_calls, row.outcome) for row in rows] == [("ask", 1, "done")]
    assert rows[0].usage.tokens > 0


def test_chat_keeps_the_system_message_apart(
    door: Models,
    opener: Callable[[], AbstractContextManager[Run]],
    server: FakeServer,
) -> None:
    llm = as_llm(door, opener, mask=str)
    system = ChatMessage(role=MessageRole.SYSTEM, content="Be brief.")
    first = ChatMessage(role=MessageRole.USER, content="Hello")
    assert llm.chat([system, first]).message.content == "Answer to Hello"
    assert (server.requests[0].system, server.requests[0].user) == ("Be brief.", "Hello")
    reply = ChatMessage(role=MessageRole.ASSISTANT, content="Hi")
    llm.chat([system, first, reply, first])
    assert server.requests[1].user == "user: Hello\n\nassistant: Hi\n\nuser: Hello"


def test_streams_grow_and_end_their_run(
    door: Models, opener: Callable[[], AbstractContextManager[Run]], rows: Rows
) -> None:
    llm = as_llm(door, opener, mask=str)
    pieces = list(llm.stream_complete("Hello"))
    assert pieces[-1].text == "Answer to Hello"
    assert "".join(piece.delta or "" for piece in pieces) == "Answer to Hello"
    chat = list(llm.stream_chat([ChatMessage(role=MessageRole.USER, content="Hello")]))
    assert chat[-1].message.content == "Answer to Hello"
    assert len(rows) == 2


def test_embeddings_are_governed(
    door: Models, opener: Callable[[], AbstractContextManager[Run]], rows: Rows
) -> None:
    embedding = as_embedding(door, opener, mask=str)
    one = embedding.get_query_embedding("sick leave")
    many = embedding.get_text_embedding_batch(["sick leave", "budget"])
    assert one == pytest.approx(many[0])
    assert [row.model_calls for row in rows] == [1, 1]


def test_prompts_and_texts_are_masked(
    door: Models,
    opener: Callable[[], AbstractContextManager[Run]],
    server: FakeServer,
) -> None:
    def mask(text: str) -> str:
        return text.replace("Jane", "<PERSON_1>")

    llm = as_llm(door, opener, mask=mask)
    llm.complete("Is Jane here?")
    system = ChatMessage(role=MessageRole.SYSTEM, content="Jane asks.")
    list(llm.stream_chat([system, ChatMessage(role=MessageRole.USER, content="Is Jane here?")]))
    as_embedding(door, opener, mask=mask).get_text_embedding("Jane works.")
    sent = [text for each in server.requests for text in (each.system, each.user)] + server.texts
    assert sent
    assert not [text for text in sent if "Jane" in text]


def test_refused_run_refuses_the_call(door: Models) -> None:
    @contextmanager
    def refused() -> Iterator[Run]:
        raise AccessDenied("ana may not ask", next_step="Ask an administrator.")
        yield

    with pytest.raises(AccessDenied):
        as_llm(door, refused, mask=str).complete("Hello")
    with pytest.raises(AccessDenied):
        as_embedding(door, refused, mask=str).get_text_embedding("x")
