from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.sources.builders import docx_bytes, paragraph
from workbench.config import LimitsConfig
from workbench.errors import CorruptFile, EmptyFile, FileTooLarge, SourceError
from workbench.sources import worker
from workbench.sources.worker import Parser

Write = Callable[[str, bytes | str], Path]


@pytest.fixture
def parser() -> Iterator[Parser]:
    parser = Parser(LimitsConfig())
    yield parser
    parser.close()


def process_of(parser: Parser) -> int:
    process = parser._process
    assert process is not None
    return process.pid


def test_one_process_serves_many_files(parser: Parser, write: Write) -> None:
    first = parser.parse(write("a.txt", "One"))
    started = process_of(parser)
    second = parser.parse(write("b.txt", "Two"))
    assert (first.text, second.text) == ("One", "Two")
    assert process_of(parser) == started


def test_a_refused_file_does_not_end_the_process(parser: Parser, write: Write) -> None:
    parser.parse(write("a.txt", "One"))
    started = process_of(parser)
    with pytest.raises(EmptyFile, match="holds no text"):
        parser.parse(write("b.txt", "--"))
    assert process_of(parser) == started


def test_a_file_that_takes_too_long_is_stopped(write: Write) -> None:
    parser = Parser(LimitsConfig(parse_timeout_s=1.5))
    slow = "<table>" + "<tr>" + "<td rowspan=9999>x</td>" * 40 + "</tr>"
    path = write("slow.html", "<html>" + slow + "<tr><td>y</td></tr>" * 9000)
    before = time.monotonic()
    with pytest.raises(FileTooLarge, match=r"longer than 1\.5 seconds: slow\.html"):
        parser.parse(path)
    assert time.monotonic() - before < 10
    assert parser.parse(write("next.txt", "goes on")).text == "goes on"
    parser.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a memory limit")
def test_a_file_that_needs_too_much_memory_is_refused(write: Write) -> None:
    parser = Parser(LimitsConfig(), max_memory_bytes=250 * 1024**2)
    body = paragraph("x") * 400_000
    with pytest.raises((FileTooLarge, CorruptFile), match="memory"):
        parser.parse(write("large.docx", docx_bytes(body)))
    assert parser.parse(write("next.txt", "goes on")).text == "goes on"
    parser.close()


def test_a_dead_process_is_replaced(parser: Parser, write: Write) -> None:
    parser.parse(write("a.txt", "One"))
    process = psutil.Process(process_of(parser))
    process.kill()
    process.wait(timeout=10)
    assert parser.parse(write("b.txt", "Two")).text == "Two"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a memory limit")
def test_a_crash_while_parsing_is_the_fault_of_the_file(write: Write) -> None:
    crashing = Parser(LimitsConfig(), max_memory_bytes=8 * 1024**2)  # Python itself needs more
    with pytest.raises(CorruptFile, match=r"crashed its parser or used up its memory: a\.txt"):
        crashing.parse(write("a.txt", "One"))
    crashing.close()


def test_a_worn_out_process_gives_the_file_another_try(parser: Parser, write: Write) -> None:
    parser.parse(write("a.txt", "One"))
    victim = psutil.Process(process_of(parser))
    victim.suspend()
    killer = threading.Timer(0.3, victim.kill)
    killer.start()
    assert parser.parse(write("b.txt", "Two")).text == "Two"
    killer.join()


def test_an_interrupt_does_not_leave_its_reply_to_the_next_file(
    parser: Parser, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = write("a.txt", "One"), write("b.txt", "Two")
    ask = worker._ask

    def interrupted(process: object, request: bytes) -> bytes:
        process.stdin.write(request)  # type: ignore[attr-defined]
        process.stdin.flush()  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "_ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        parser.parse(one)
    monkeypatch.setattr(worker, "_ask", ask)
    assert parser.parse(two).text == "Two"


def test_threads_get_their_own_replies(parser: Parser, write: Write) -> None:
    paths = [write(f"{n}.txt", f"number {n}") for n in range(20)]
    texts: dict[int, object] = {}

    def run(n: int) -> None:
        texts[n] = parser.parse(paths[n]).text

    threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert texts == {n: f"number {n}" for n in range(20)}


def test_the_process_is_renewed_after_many_files(
    parser: Parser, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_FILES_PER_PROCESS", 2)
    path = write("a.txt", "One")
    parser.parse(path)
    first = process_of(parser)
    parser.parse(path)
    parser.parse(path)
    assert process_of(parser) != first


def test_close_and_garbage_end_the_process(write: Write) -> None:
    path = write("a.txt", "One")
    closed, dropped = Parser(LimitsConfig()), Parser(LimitsConfig())
    closed.parse(path)
    dropped.parse(path)
    processes = [psutil.Process(process_of(parser)) for parser in (closed, dropped)]
    closed.close()
    del dropped
    assert not any(process.is_running() for process in processes)


@pytest.mark.parametrize(
    "line",
    [b"no json", b"[]", b"{}", b'{"error": []}', b'{"error": 7}', b'{"text": 1}', b'{"text": "x"}'],
)
def test_an_unreadable_answer_is_an_error_of_the_file(line: bytes) -> None:
    with pytest.raises(CorruptFile, match=r"unreadable answer: a\.txt"):
        worker._received(line, Path("a.txt"))


def test_a_foreign_error_name_becomes_a_plain_source_error() -> None:
    with pytest.raises(SourceError) as caught:
        worker._received(b'{"error": ["AccessDenied", "what", null, "Do it."]}', Path("a.txt"))
    assert type(caught.value) is SourceError
