"""Ollama's HTTP API over the resident models."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workbench.models.catalog import Catalog, CatalogModel
from workbench.models.embedded.activity import Activity, KeyRequired, Watched
from workbench.models.embedded.bodies import (
    ChatBody,
    EmbedBody,
    EmbeddingsBody,
    GenerateBody,
    ModelBody,
    PullBody,
)
from workbench.models.embedded.details import listed, running, shown
from workbench.models.embedded.generation import (
    chat_events,
    generate_events,
    join_chat,
    join_generate,
)
from workbench.models.embedded.pulling import pull_events
from workbench.models.embedded.replies import ApiError, EventReply, error_response
from workbench.models.embedded.residents import Residents
from workbench.models.wheels import PartFetcher

if TYPE_CHECKING:
    from workbench.models.embedded.embedder import OnnxEmbedder

Body = TypeVar("Body", bound=ModelBody)


@dataclass(frozen=True, slots=True)
class ServerParts:
    """What the API works with; ``key`` is what clients must present."""

    catalog: Catalog
    models: Path
    residents: Residents
    fetcher: PartFetcher
    version: str
    key: str


def build_app(parts: ServerParts, activity: Activity, lifespan: Any = None) -> Starlette:
    """The ASGI application: keyed, for loopback names only, closed to other origins."""
    api = _Api(parts)
    routes = [
        Route("/api/version", api.version),
        Route("/api/tags", api.tags),
        Route("/api/ps", api.ps),
        Route("/api/show", api.show, methods=["POST"]),
        Route("/api/chat", api.chat, methods=["POST"]),
        Route("/api/generate", api.generate, methods=["POST"]),
        Route("/api/embed", api.embed, methods=["POST"]),
        Route("/api/embeddings", api.embeddings, methods=["POST"]),
        Route("/api/pull", api.pull, methods=["POST"]),
        Route("/api/delete", api.delete, methods=["DELETE"]),
    ]
    middleware = [
        # Refuses names that a hostile web page could have pointed at this machine.
        Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
        Middleware(KeyRequired, key=parts.key),
        Middleware(Watched, activity=activity),
    ]
    handlers: Any = {
        ApiError: _on_api_error,
        HTTPException: _on_http_error,
        Exception: _on_unexpected,
    }
    return Starlette(
        routes=routes, middleware=middleware, exception_handlers=handlers, lifespan=lifespan
    )


class _Api:
    def __init__(self, parts: ServerParts) -> None:
        self._parts = parts

    async def version(self, _: Request) -> Response:
        return JSONResponse({"version": self._parts.version})

    async def tags(self, _: Request) -> Response:
        models = self._parts.models
        present = [each for each in self._parts.catalog.model if each.is_present(models)]
        return JSONResponse({"models": [listed(each, models) for each in present]})

    async def ps(self, _: Request) -> Response:
        loaded = self._parts.residents.loaded()
        return JSONResponse({"models": [running(each) for each in loaded]})

    async def show(self, request: Request) -> Response:
        body = await _parse(request, ModelBody)
        return JSONResponse(shown(self._present(body), self._parts.models))

    async def chat(self, request: Request) -> EventReply:
        body = await _parse(request, ChatBody)
        events = chat_events(self._parts.residents, self._present(body), body)
        return EventReply(events, stream=body.stream, join=join_chat)

    async def generate(self, request: Request) -> EventReply:
        body = await _parse(request, GenerateBody)
        events = generate_events(self._parts.residents, self._present(body), body)
        return EventReply(events, stream=body.stream, join=join_generate)

    async def embed(self, request: Request) -> Response:
        body = await _parse(request, EmbedBody)
        texts = [body.input] if isinstance(body.input, str) else body.input
        return JSONResponse(await self._vectors(body, texts))

    async def embeddings(self, request: Request) -> Response:
        old = await _parse(request, EmbeddingsBody)
        body = EmbedBody(model=old.wanted, keep_alive=old.keep_alive)
        answer = await self._vectors(body, [old.prompt] if old.prompt else [])
        return JSONResponse({"embedding": (answer["embeddings"] or [[]])[0]})

    async def pull(self, request: Request) -> EventReply:
        body = await _parse(request, PullBody)
        model = self._parts.catalog.find(body.wanted)
        if model is None:
            raise ApiError(404, "pull model manifest: file does not exist")
        events = pull_events(model, self._parts.models, self._parts.fetcher)
        return EventReply(events, stream=body.stream, join=lambda all_events: all_events[-1])

    async def delete(self, request: Request) -> Response:
        model = self._present(await _parse(request, ModelBody))
        await self._parts.residents.unload(model)
        await asyncio.to_thread(shutil.rmtree, model.directory(self._parts.models))
        return Response(status_code=200)

    async def _vectors(self, body: EmbedBody, texts: Sequence[str]) -> dict[str, Any]:
        started_ns = time.monotonic_ns()
        model = self._present(body)
        if model.kind != "embedding":
            raise ApiError(400, f'"{body.wanted}" does not support embeddings')
        if body.dimensions not in {None, model.dimensions}:
            raise ApiError(400, f'"{body.wanted}" has {model.dimensions} dimensions')
        residents = self._parts.residents
        async with residents.lease(model, model.context_length, keep_alive_s=body.keep_alive) as it:
            embed = cast("OnnxEmbedder", it.runner).embed
            vectors = await asyncio.to_thread(embed, texts, truncate=body.truncate)
        return {
            "model": body.wanted,
            "embeddings": vectors.rows.tolist(),
            "total_duration": time.monotonic_ns() - started_ns,
            "load_duration": it.load_ns,
            "prompt_eval_count": vectors.tokens,
        }

    def _present(self, body: ModelBody) -> CatalogModel:
        if not body.wanted:
            raise ApiError(400, "model is required")
        model = self._parts.catalog.find(body.wanted)
        if model is None or not model.is_present(self._parts.models):
            raise ApiError(404, f'model "{body.wanted}" not found, try pulling it first')
        return model


async def _parse(request: Request, kind: type[Body]) -> Body:
    content = await request.body()
    if not content:
        raise ApiError(400, "missing request body")
    try:
        data = json.loads(content)
    except ValueError as error:
        raise ApiError(400, f"invalid JSON: {error}") from error
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ApiError(400, f"{where}: {message}" if where else message) from error


async def _on_api_error(_: Request, error: ApiError) -> Response:
    return error_response(error.status, error.message)


async def _on_unexpected(_: Request, error: Exception) -> Response:
    # Starlette raises it again afterwards, so that its traceback goes to the log.
    return error_response(500, f"unexpected {type(error).__name__}, see the server's log")


async def _on_http_error(_: Request, error: HTTPException) -> Response:
    return error_response(error.status_code, error.detail)
