from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import FileTooLarge, SourceError, UnsupportedFormat
from workbench.sources.child import answer, read_bytes

Write = Callable[[str, bytes | str], Path]


def request(path: Path, **limits: int) -> dict[str, object]:
    return {"path": str(path), "max_bytes": 1000, "max_chars": 100, "timeout_s": 9, **limits}


def test_answer_holds_text_and_hash_of_the_same_bytes(write: Write) -> None:
    path = write("a.txt", "Hello")
    assert answer(request(path)) == {
        "text": "Hello",
        "media_type": "text/plain",
        "pages": [],
        "metadata": {},
        "content_hash": hashlib.sha256(b"Hello").hexdigest(),
    }


def test_errors_travel_by_name(write: Write) -> None:
    reply = answer(request(write("a.txt", "x" * 101)))
    assert reply == {
        "error": [
            "FileTooLarge",
            "the file holds too much text",
            "101 characters, allowed are 100",
            "Split it, or raise limits.max_document_chars.",
        ]
    }


def test_read_bytes_stops_at_the_limit(write: Write) -> None:
    path = write("a.txt", "x" * 11)
    assert read_bytes(str(path), max_bytes=11) == b"x" * 11
    with pytest.raises(FileTooLarge, match="larger than 10 bytes"):
        read_bytes(str(path), max_bytes=10)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    with pytest.raises(UnsupportedFormat, match="no regular file"):
        read_bytes(str(pipe), max_bytes=10)


def test_a_missing_file_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be read: gone\.txt"):
        read_bytes(str(tmp_path / "gone.txt"), max_bytes=10)


def test_process_answers_line_by_line_and_ends_with_its_input(
    write: Write, repo_root: Path
) -> None:
    requests = [request(write("a.txt", "One")), request(write("b.txt", "Two"))]
    done = subprocess.run(
        [sys.executable, "-m", "workbench.sources.child", str(2**32)],
        input="".join(json.dumps(item) + "\n" for item in requests),
        capture_output=True,
        cwd=repo_root,
        check=True,
        text=True,
        timeout=60,
    )
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["One", "Two"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a memory limit")
def test_limits_hold_in_the_process(tmp_path: Path, repo_root: Path) -> None:
    script = (
        "import sys; from workbench.sources.child import limit_process; limit_process(2**29)\n"
        "try: bytearray(2**30)\nexcept MemoryError: print('memory')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: open(sys.argv[1], 'wb', buffering=0).write(b'x')\nexcept OSError: print('file')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")],
        capture_output=True,
        cwd=repo_root,
        check=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["memory", "file"]
