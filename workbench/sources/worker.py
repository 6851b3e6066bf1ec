"""The parent's end of the parser process: started when needed, reused, replaced after a failure.

A program of its own and not ``multiprocessing``: that would import the user's main module again,
so a script without a ``__main__`` guard would run itself twice.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

import workbench
from workbench import errors
from workbench.config import LimitsConfig
from workbench.sources.boxes import PageSpan
from workbench.sources.names import shown_name, shown_text
from workbench.sources.page_images import PageImage
from workbench.values import PageBox

MAX_MEMORY_BYTES = 4 * 1024**3
_FILES_PER_PROCESS = 500
_STOP_TIMEOUT_S = 5
_PNG = b"\x89PNG\r\n\x1a\n"


class Reply(BaseModel):
    """What the process says about a file; checked, because the file may speak through it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: str
    media_type: str
    pages: list[tuple[int, int, int]]
    metadata: dict[str, str]
    content_hash: str


class BoxesReply(BaseModel):
    """Page, left, top, right and bottom of each box."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    boxes: list[tuple[int, float, float, float, float]]


class PageImageReply(BaseModel):
    """A PNG in base64, None where there is no such page."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    png: Base64Bytes | None
    has_pictures: bool


class Refusal(BaseModel):
    """An error of the tree in ``workbench.errors``: name, what, value and next step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: tuple[str, str, str | None, str]


_AnyReply = Reply | BoxesReply | PageImageReply


class Parser:
    """Parses files in a limited process, one at a time. Safe to share between threads."""

    def __init__(self, limits: LimitsConfig, *, max_memory_bytes: int = MAX_MEMORY_BYTES) -> None:
        self._limits = limits
        self._max_memory_bytes = max_memory_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stop: weakref.finalize[[subprocess.Popen[bytes]], Parser] | None = None
        self._served = 0

    def parse(self, path: Path, password: str | None = None) -> Reply:
        """Read and parse the file at ``path``, with its ``password`` if it has one.

        Raises:
            SourceError: the parser's own, or for a file that outlasts or crashes the process.
        """
        reply = self._asked(path, {"password": password})
        if not isinstance(reply, Reply):
            raise _unreadable(shown_name(path))
        return reply

    def boxes(self, path: Path, span: PageSpan, password: str | None = None) -> list[PageBox]:
        """Where a span of the masked text stands on its page of the PDF at ``path``.

        Empty if it is not found there, or the file is no PDF. Errors as ``parse``.
        """
        reply = self._asked(path, {"password": password, "boxes": asdict(span)})
        if not isinstance(reply, BoxesReply):
            raise _unreadable(shown_name(path))
        return [PageBox(*box) for box in reply.boxes]

    def page_image(self, path: Path, number: int) -> PageImage | None:
        """Page ``number`` of the PDF at ``path`` as a picture.

        None if there is no such page, or the file is no PDF. Errors as ``parse``.
        """
        reply = self._asked(path, {"page_image": number})
        if not isinstance(reply, PageImageReply):
            raise _unreadable(shown_name(path))
        if reply.png is None:
            return None
        if not reply.png.startswith(_PNG):
            raise _unreadable(shown_name(path))
        return PageImage(reply.png, reply.has_pictures)

    def _asked(self, path: Path, wanted: Mapping[str, object]) -> _AnyReply:
        request = {
            "path": str(path),
            "max_bytes": self._limits.max_file_bytes,
            "max_chars": self._limits.max_document_chars,
            "timeout_s": self._limits.parse_timeout_s,
            **wanted,
        }
        line = json.dumps(request).encode() + b"\n"
        with self._lock:
            try:
                return _received(self._exchange(line, shown_name(path)), path)
            except errors.FileTooLarge:
                self._discard()  # what is left of its memory may not do for the next file
                raise

    def close(self) -> None:
        """End the process. A later ``parse`` starts a new one."""
        with self._lock:
            self._discard()

    def _exchange(self, request: bytes, name: str) -> bytes:
        reply = self._reply(request, name)
        if not reply and self._served:
            # Earlier files may have worn the process out: one more try in a fresh one.
            self._discard()
            reply = self._reply(request, name)
        if not reply:
            self._discard()
            raise errors.ParserCrashed(
                "the file crashed its parser or used up its memory",
                value=name,
                next_step="Open it in its program and save it again, or split it.",
            )
        self._served += 1
        return reply

    def _reply(self, request: bytes, name: str) -> bytes:
        """The reply line, or nothing if the process died over it."""
        process = self._running()
        timed_out = threading.Event()

        def stop() -> None:
            timed_out.set()
            _kill(process)

        timer = threading.Timer(self._limits.parse_timeout_s, stop)
        timer.daemon = True
        timer.start()
        try:
            reply = _ask(process, request)
        except BaseException:
            # An interrupt leaves a reply on its way, which the next file must not get.
            self._discard()
            raise
        finally:
            timer.cancel()
        if reply.endswith(b"\n"):
            return reply
        if timed_out.is_set():
            raise errors.FileTooLarge(
                f"parsing took longer than {self._limits.parse_timeout_s:g} seconds",
                value=name,
                next_step="Split the file, or raise limits.parse_timeout_s.",
            )
        return b""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._served >= _FILES_PER_PROCESS:
            self._discard()
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._discard()
        root = str(Path(workbench.__file__).resolve().parents[1])
        search_path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            # -P: a file beside the user's documents must not pass for a module.
            [sys.executable, "-P", "-m", "workbench.sources.child", str(self._max_memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": search_path},
            start_new_session=True,
        )
        self._stop = weakref.finalize(self, _end, self._process)
        self._served = 0
        return self._process

    def _discard(self) -> None:
        if self._stop is not None:
            self._stop()
        self._process = None
        self._stop = None


def _ask(process: subprocess.Popen[bytes], request: bytes) -> bytes:
    """The reply line; cut short or empty if the process died."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the parser process was started without pipes")
    try:
        process.stdin.write(request)
        process.stdin.flush()
        return process.stdout.readline()
    except BrokenPipeError:
        return b""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started, such as text recognition: they are one group."""
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it is gone already


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process)
    process.wait(timeout=_STOP_TIMEOUT_S)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # the unsent rest of a request to a process that is gone


def _received(line: bytes, path: Path) -> _AnyReply:
    try:
        if line.startswith(b'{"boxes":'):
            return BoxesReply.model_validate_json(line)
        if line.startswith(b'{"png":'):
            return PageImageReply.model_validate_json(line)
        if line.startswith(b'{"error":'):
            raise _rebuilt(Refusal.model_validate_json(line), path)
        return Reply.model_validate_json(line)
    except ValidationError as error:
        raise _unreadable(shown_name(path)) from error


def _unreadable(name: str) -> errors.CorruptFile:
    return errors.CorruptFile(
        "the parser gave an unreadable answer",
        value=name,
        next_step="Open the file in its program and save it again.",
    )


def _rebuilt(refusal: Refusal, path: Path) -> errors.SourceError:
    name, what, value, next_step = refusal.error
    if value is not None:
        value = shown_text(value.replace(path.name, shown_name(path)))
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, errors.SourceError)):
        kind = errors.SourceError
    return kind(what, value=value, next_step=next_step)
