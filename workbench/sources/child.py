"""The parser process: reads one request a line, answers one reply a line, both JSON.

JSON and not pickle: a file that takes over this process must gain nothing from its replies. Run as
``python -m workbench.sources.child MAX_MEMORY_BYTES``; it ends when its input ends.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys
from collections.abc import Mapping

from workbench.errors import FileTooLarge, SourceError, UnsupportedFormat
from workbench.sources.boxes import PageSpan
from workbench.sources.parsing import boxes_of, page_image_of, parse

_GRACE_S = 10


def answer(request: Mapping[str, object]) -> dict[str, object]:
    """Parse ``request["path"]``; the reply holds the document's fields or an ``error``."""
    path = str(request["path"])
    try:
        data = read_bytes(path, max_bytes=int(str(request["max_bytes"])))
        password = request.get("password")
        wanted = request.get("boxes")
        if isinstance(wanted, dict):
            return {"boxes": _boxes(data, wanted, password)}
        page = request.get("page_image")
        if isinstance(page, int):
            return _page_image(data, page, password)
        parsed = parse(
            data,
            os.path.basename(path),
            max_chars=int(str(request["max_chars"])),
            password=None if password is None else str(password),
        )
    except SourceError as error:
        value = None if error.value is None else str(error.value)
        return {"error": [type(error).__name__, error.what, value, error.next_step]}
    return {
        "text": parsed.text,
        "media_type": parsed.media_type,
        "pages": [[page.number, page.start, page.end] for page in parsed.pages],
        "metadata": dict(parsed.metadata),
        "content_hash": hashlib.sha256(data).hexdigest(),
    }


def _boxes(data: bytes, wanted: Mapping[str, object], password: object) -> list[list[object]]:
    span = PageSpan(
        page=int(str(wanted["page"])),
        text=str(wanted["text"]),
        start=int(str(wanted["start"])),
        end=int(str(wanted["end"])),
    )
    found = boxes_of(data, span, None if password is None else str(password))
    return [[box.number, box.left, box.top, box.right, box.bottom] for box in found]


def _page_image(data: bytes, number: int, password: object) -> dict[str, object]:
    image = page_image_of(data, number, None if password is None else str(password))
    if image is None:
        return {"png": None, "has_pictures": False}
    return {"png": base64.b64encode(image.png).decode(), "has_pictures": image.has_pictures}


def read_bytes(path: str, *, max_bytes: int) -> bytes:
    """The content of a regular file, never more than ``max_bytes`` of it.

    Raises:
        SourceError: if it cannot be opened, is no regular file or is too large.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnsupportedFormat(
                    "this is no regular file", value=path, next_step="Give a file or a folder."
                )
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise SourceError(
            "the file cannot be read",
            value=f"{os.path.basename(path)}: {error.strerror}",
            next_step="Check that it exists and that you may read it.",
        ) from error
    if len(data) > max_bytes:
        raise too_large(os.path.basename(path), max_bytes)
    return data


def too_large(name: str, max_bytes: int) -> FileTooLarge:
    """The error for a file over ``max_bytes``."""
    return FileTooLarge(
        f"the file is larger than {max_bytes:,} bytes",
        value=name,
        next_step="Split it, or raise limits.max_file_bytes.",
    )


def limit_process(max_memory_bytes: int) -> None:
    """Bound memory; write no files and no core dumps. Only Linux enforces all of it."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))


def limit_cpu(timeout_s: float) -> None:
    """Die if the parent, which enforces the time limit, is gone before this file is done."""
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime + timeout_s) + _GRACE_S
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def main() -> None:
    """Serve requests until the input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up between the replies
    limit_process(int(sys.argv[1]))
    for line in sys.stdin.buffer:
        request = json.loads(line)
        limit_cpu(float(request["timeout_s"]))
        replies.write(json.dumps(answer(request)).encode() + b"\n")
        replies.flush()


if __name__ == "__main__":
    main()
