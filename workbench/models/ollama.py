"""The raw client of Ollama's API. Every foreign exception is translated here."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx
import ollama

from workbench.errors import (
    DownloadError,
    InvalidReply,
    ModelError,
    ModelNotFound,
    ModelTimeout,
    ModelUnavailable,
)
from workbench.models.download import OnProgress, Progress
from workbench.models.messages import ChatRequest, Endpoint, ModelInfo, ServerPiece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
_CONNECT_TIMEOUT_S = 5
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_LOST = (ConnectionError, httpx.NetworkError, httpx.RemoteProtocolError)
# What a reply of the wrong shape raises on its way through the client.
_MISSHAPEN = (ValueError, TypeError, AttributeError, KeyError)
_FOREIGN = (httpx.HTTPError, ConnectionError, ollama.ResponseError, *_MISSHAPEN)


class OllamaServer:
    """Speaks to whatever ``find`` finds, and looks again when the connection is lost.

    ``timeout_s`` is the longest silence to bear. Safe to use from several threads.
    """

    def __init__(self, find: Callable[[], Endpoint], *, timeout_s: float) -> None:
        self._find = find
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._connection: tuple[Endpoint, ollama.Client] | None = None
        # A client whose server went away may still be held by another thread, so it is kept.
        self._clients: list[ollama.Client] = []

    @property
    def address(self) -> str:
        """The address of the server, which is found (and started) if need be."""
        return self._connected()[0].address

    @property
    def is_embedded(self) -> bool:
        """Whether that server is the embedded one."""
        return self._connected()[0].embedded

    def close(self) -> None:
        """Close every connection that was ever opened."""
        with self._lock:
            self._connection = None
            while self._clients:
                self._clients.pop().close()  # type: ignore[no-untyped-call]

    def models(self) -> list[ModelInfo]:
        """See ``ModelServer``."""
        return self._call("", lambda client: [_model_info(each) for each in client.list().models])

    def stream(self, request: ChatRequest, num_ctx: int) -> Iterator[ServerPiece]:
        """See ``ModelServer``. A lost connection is retried only before the first piece."""

        def begin(client: ollama.Client) -> tuple[list[Any], Iterator[Any]]:
            chunks = client.chat(**_chat_arguments(request, num_ctx), stream=True)
            return list(itertools.islice(chunks, 1)), chunks

        first, rest = self._call(request.model, begin)
        try:
            for chunk in itertools.chain(first, rest):
                piece = _piece(chunk)
                yield piece
                if piece.done_reason is not None:
                    return
        except _FOREIGN as error:
            raise self._translated(error, request.model) from error
        finally:
            # Closing the response is what tells the server to stop generating.
            rest.close()  # type: ignore[attr-defined]
        raise InvalidReply(
            "the reply of the model server broke off",
            value=request.model,
            next_step="Try again; if it happens again, look into the server's log.",
        )

    def embed(self, model: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ``ModelServer``."""
        import numpy as np

        def ask(client: ollama.Client) -> NDArray[np.float32]:
            rows = client.embed(model=model, input=list(texts)).embeddings
            return np.array(rows, dtype=np.float32)

        vectors = self._call(model, ask)
        fits = vectors.ndim == 2 and len(vectors) == len(texts) and vectors.size > 0
        if not fits or not np.isfinite(vectors).all():
            raise InvalidReply(
                "the model server did not give one vector per text",
                value=f"shape {vectors.shape} for {len(texts)} texts",
                next_step=f"Check that {model} is an embedding model.",
            )
        return vectors

    def pull(self, model: str, *, progress: OnProgress) -> None:
        """Make the server fetch ``model``.

        Raises:
            DownloadError: if the server cannot; otherwise as the other calls.
        """

        def ask(client: ollama.Client) -> None:
            for status in client.pull(model, stream=True):
                done, total = status.completed or 0, status.total or 0
                progress(Progress(model, status.status or "", status.digest or "", done, total))

        try:
            self._call(model, ask)
        except (InvalidReply, ModelNotFound) as error:
            raise DownloadError(
                "the model server cannot pull this model",
                value=error.value,
                next_step="Check the name and the server's network.",
            ) from error

    def _call(self, model: str, work: Callable[[ollama.Client], T]) -> T:
        client = self._connected()[1]
        try:
            return work(client)
        except _FOREIGN as error:
            if not _may_have_moved(error):
                raise self._translated(error, model) from error
        # The embedded server stops when idle and gets a new port and key when it comes back.
        self._forget(client)
        client = self._connected()[1]
        try:
            return work(client)
        except _FOREIGN as error:
            raise self._translated(error, model) from error

    def _connected(self) -> tuple[Endpoint, ollama.Client]:
        with self._lock:
            if self._connection is None:
                endpoint = self._find()
                self._connection = (endpoint, self._client(endpoint))
                self._clients.append(self._connection[1])
            return self._connection

    def _forget(self, client: ollama.Client) -> None:
        with self._lock:
            # Another thread may have found the new server already.
            if self._connection is not None and self._connection[1] is client:
                self._connection = None

    def _client(self, endpoint: Endpoint) -> ollama.Client:
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else None
        try:
            # A proxy from the environment has no business between this machine and itself.
            address = endpoint.address
            parts = urlsplit(address if "://" in address else f"//{address}")
            local = parts.hostname in _LOOPBACK
            return ollama.Client(
                endpoint.address,
                headers=headers,
                timeout=httpx.Timeout(self._timeout_s, connect=_CONNECT_TIMEOUT_S),
                trust_env=not local,
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise ModelUnavailable(
                "the address of the model server is not valid",
                value=endpoint.address,
                next_step="Correct OLLAMA_HOST or models.host, for example 127.0.0.1:11434.",
            ) from error

    def _translated(self, error: Exception, model: str) -> ModelError:
        endpoint = self._connected()[0]
        if isinstance(error, (httpx.ConnectTimeout, *_LOST)):
            return _unavailable(endpoint, str(error))
        if isinstance(error, httpx.TimeoutException):
            return ModelTimeout(
                "the model server was silent for too long",
                value=f"{model or endpoint.address}, {self._timeout_s:g} s",
                next_step="Use a smaller model or raise models.timeout_s in workbench.toml.",
            )
        if isinstance(error, ollama.ResponseError):
            return _refused(error, model, endpoint)
        if isinstance(error, httpx.HTTPError):
            return _unavailable(endpoint, str(error))
        return InvalidReply(
            "the model server answered something that is not Ollama's API",
            value=f"{endpoint.address}: {type(error).__name__}",
            next_step="Check that OLLAMA_HOST or models.host is the address of an Ollama server.",
        )


def _may_have_moved(error: Exception) -> bool:
    if isinstance(error, ollama.ResponseError):
        return error.status_code == httpx.codes.UNAUTHORIZED
    return isinstance(error, _LOST)


def _refused(error: ollama.ResponseError, model: str, endpoint: Endpoint) -> ModelError:
    if error.status_code == httpx.codes.NOT_FOUND:
        command = "workbench models pull" if endpoint.embedded else "ollama pull"
        return ModelNotFound(
            "the model server does not have this model",
            value=f"{model} at {endpoint.address}",
            next_step=f"Run `{command} {model}`.",
        )
    if error.status_code in {401, 403, 502, 503}:
        return _unavailable(endpoint, str(error))
    if endpoint.embedded and "cannot load" in error.error:
        return InvalidReply(
            "the model cannot be loaded",
            value=error.error,
            next_step=f"Run `workbench models pull {model}`: it checks the files and mends them.",
        )
    if "context length" in error.error:
        return InvalidReply(
            "the prompt is too long for the model",
            value=error.error,
            next_step="Shorten it, or raise models.num_ctx in workbench.toml.",
        )
    return InvalidReply(
        "the model server refused the request",
        value=f"{model}: {error.error}",
        next_step="Look into the model server's log.",
    )


def _unavailable(endpoint: Endpoint, why: str) -> ModelUnavailable:
    if endpoint.embedded:
        next_step = "Run `workbench models status`, and look into the log that it names."
    else:
        next_step = (
            "Start Ollama there, or unset OLLAMA_HOST and models.host to use the embedded server."
        )
    return ModelUnavailable(
        "the model server cannot be reached",
        value=f"{endpoint.address}: {why}",
        next_step=next_step,
    )


def _chat_arguments(request: ChatRequest, num_ctx: int) -> dict[str, Any]:
    messages = [{"role": "system", "content": request.system}] if request.system else []
    messages.append({"role": "user", "content": request.user})
    options: dict[str, Any] = {
        "num_ctx": num_ctx,
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if request.stop:
        options["stop"] = list(request.stop)
    schema = dict(request.schema) if request.schema is not None else None
    more = {"logprobs": True, "top_logprobs": request.top_logprobs} if request.top_logprobs else {}
    return {
        "model": request.model,
        "messages": messages,
        "options": options,
        "format": schema,
        **more,
    }


def _piece(chunk: Any) -> ServerPiece:
    return ServerPiece(
        text=chunk.message.content or "",
        done_reason=(chunk.done_reason or "stop") if chunk.done else None,
        prompt_tokens=chunk.prompt_eval_count or 0,
        output_tokens=chunk.eval_count or 0,
        likely=_likely(chunk),
    )


def _likely(chunk: Any) -> tuple[tuple[str, float], ...]:
    first = (chunk.logprobs or [None])[0]
    return tuple((top.token, top.logprob) for top in (first.top_logprobs or ())) if first else ()


def _model_info(model: Any) -> ModelInfo:
    details = model.details
    return ModelInfo(
        name=model.model or "",
        digest=(model.digest or "").removeprefix("sha256:"),
        size=int(model.size or 0),
        family=(details and details.family) or "",
        parameter_size=(details and details.parameter_size) or "",
        quantization=(details and details.quantization_level) or "",
    )
