"""Do a writer, three readers and the app share one workspace without errors and stale reads?

    python -m benchmarks.soak --minutes 60 --out soak.json

Each part is a process of its own. The writer ingests one small document after the other and removes
the oldest; a reader searches for the newest committed document, lists and queries; a browser's
stand-in opens the Library of the served app. Who looks notes when the look began: a look that began
after a commit had returned and does not show it is a stale read. The models are fakes, so that the
figures are those of the workspace. Exit code 1 after an error or a stale read.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import websockets.sync.client
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Subprotocol

from workbench import Session
from workbench.config import Config
from workbench.errors import WorkbenchError
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import load_key
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.models.governed import Models
from workbench.store.corpus import Corpus
from workbench.workbench import KEY_FILE, Workbench

READERS = 3
DOCUMENTS = 15
"""So many are kept; they fit on one page of the Library."""

WRITE_PAUSE_S = 3.0
READ_PAUSE_S = 1.5
APP_PAUSE_S = 4.0
APP_START_S = 60.0
COMMITS = "commits.txt"


@dataclass(frozen=True)
class Look:
    """One operation. ``seen_s`` is how long the first look took that shows a commit, ``stale``
    whether a look missed a commit that had returned before it began."""

    kind: str
    seconds: float
    error: str = ""
    seen_s: float | None = None
    stale: bool = False


@dataclass(frozen=True)
class Figures:
    """Of one kind of operation."""

    count: int
    errors: int
    stale: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    seen_p50_ms: float | None
    seen_p95_ms: float | None
    seen_max_ms: float | None


def session(folder: Path) -> Session:
    """A session over fake models; masking by patterns only, everything else real."""
    config = Config()
    corpus = Corpus(folder)
    key = load_key(folder / KEY_FILE)
    masker = Masker(config.masking, corpus.placeholders, key=key, detectors=[Patterns(RECOGNIZERS)])
    return Workbench(
        folder,
        config,
        {},
        connect_models=lambda cache: Models(FakeServer(), config.models, cache),
        masker=masker,
    ).session("local")


def word(number: int) -> str:
    """The word that only the document of this commit holds."""
    return f"note{number:06d}"


def write(root: Path, until_s: float) -> Iterator[Look]:
    """Commit one document per pause, and note when the commit had returned."""
    writer, files = session(root / "workspace"), root / "files"
    with (root / COMMITS).open("a", encoding="utf-8") as log:
        for number in range(10**9):
            if time.monotonic() > until_s:
                return
            path = files / f"{word(number)}.md"
            path.write_text(
                f"# Note {word(number)}\n\nThe {word(number)} tells about leave, badges and "
                f"travel on day {number}. " + "It is kept for the record. " * 30,
                encoding="utf-8",
            )
            (files / f"{word(number - DOCUMENTS)}.md").unlink(missing_ok=True)

            def commit() -> None:
                report = writer.ingest(files, sync=True)
                if report.failed:
                    raise AssertionError(report.failed[0].problem)

            yield timed("write", commit)
            log.write(f"{number}\n")
            log.flush()
            time.sleep(WRITE_PAUSE_S)


def read(root: Path, until_s: float) -> Iterator[Look]:
    """Search for the newest commit, then list and query."""
    reader = session(root / "workspace")

    def shows(wanted: str) -> bool:
        hits = reader.search(wanted, 3)
        return any(wanted in hit.chunk.text for hit in hits)

    yield from watch(
        root, until_s, "search", shows, pause_s=READ_PAUSE_S, between=lambda: _others(reader)
    )


def _others(reader: Session) -> Iterator[Look]:
    yield timed("documents", reader.documents)
    yield timed("sql", lambda: reader.sql("SELECT count(*) AS n FROM chunks"))


def browse(root: Path, until_s: float) -> Iterator[Look]:
    """Open the Library as a new browser would."""
    port = int((root / "port").read_text(encoding="ascii"))

    def shows(wanted: str) -> bool:
        return wanted.encode() in page(port, "library")

    yield from watch(root, until_s, "app", shows, pause_s=APP_PAUSE_S, between=lambda: iter(()))


def page(port: int, name: str) -> bytes:
    """Everything that the app sends for one page.

    Raises:
        RuntimeError: if the page's script failed.
    """
    ask = BackMsg()
    ask.rerun_script.page_name = name
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    sent: bytes = b""
    with websockets.sync.client.connect(
        address, subprotocols=[Subprotocol("streamlit")], max_size=None, open_timeout=30
    ) as browser:
        browser.send(ask.SerializeToString())
        while True:
            data = browser.recv(timeout=30)
            message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            sent += message.SerializeToString()
            if message.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(message.delta.new_element.exception.type)
            if message.WhichOneof("type") == "script_finished":
                break
    if b'class="wb-error"' in sent:
        raise RuntimeError("the page shows an error")
    return sent


def watch(
    root: Path,
    until_s: float,
    kind: str,
    shows: Callable[[str], bool],
    *,
    pause_s: float,
    between: Callable[[], Iterator[Look]],
) -> Iterator[Look]:
    """Look for the newest commit again and again."""
    seen = -1
    while time.monotonic() < until_s:
        number = newest(root)
        if number >= 0:
            look = _look(kind, partial(shows, word(number)))
            if look.stale or number == seen:
                look = replace(look, seen_s=None)
            seen = number if not (look.stale or look.error) else seen
            yield look
        yield from between()
        time.sleep(pause_s)


def _look(kind: str, shows: Callable[[], bool]) -> Look:
    found: list[bool] = []
    look = timed(kind, lambda: found.append(shows()))
    if look.error:
        return look
    return replace(look, seen_s=look.seconds, stale=not found[0])


def newest(root: Path) -> int:
    """The number of the newest commit that has returned; -1 before the first."""
    log = root / COMMITS
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    return int(lines[-1]) if lines else -1


def timed(kind: str, work: Callable[[], Any]) -> Look:
    """Do it once; an error is a figure, not an end."""
    begun_s = time.monotonic()
    try:
        work()
        error = ""
    except (WorkbenchError, AssertionError, RuntimeError, OSError, TimeoutError) as failure:
        error = f"{type(failure).__name__}: {failure}"
    return Look(kind, time.monotonic() - begun_s, error)


ROLES: dict[str, Callable[[Path, float], Iterator[Look]]] = {
    "write": write,
    "read": read,
    "browse": browse,
}


def act(role: str, root: Path, until_s: float) -> None:
    """What a process of its own does: one JSON line per look."""
    for look in ROLES[role](root, until_s):
        sys.stdout.write(json.dumps(asdict(look)) + "\n")
        sys.stdout.flush()


@contextmanager
def served(root: Path) -> Iterator[None]:
    """The app on a free port, which is noted in ``root/port``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (root / "port").write_text(str(port), encoding="ascii")
    command = [sys.executable, "-m", "workbench", "--workspace", str(root / "workspace")]
    with (root / "app.log").open("w", encoding="utf-8") as log:
        app = subprocess.Popen(
            [*command, "app", "--port", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, "OLLAMA_HOST": "127.0.0.1:9"},
        )
        try:
            _await(port)
            yield
        finally:
            app.terminate()
            app.wait(timeout=30)


def _await(port: int) -> None:
    end_s = time.monotonic() + APP_START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.2)


def soak(root: Path, minutes: float) -> dict[str, Figures]:
    """Run all parts at once and put their figures together."""
    (root / "files").mkdir(parents=True, exist_ok=True)
    session(root / "workspace").documents()  # made before the others come
    with served(root):
        until_s = time.monotonic() + minutes * 60
        roles = ["write", *["read"] * READERS, "browse"]
        parts = []
        for at, role in enumerate(roles):
            with (root / f"{at}-{role}.jsonl").open("w") as out:
                command = [sys.executable, "-m", "benchmarks.soak", "--role", role]
                command += ["--root", str(root), "--until", str(until_s)]
                parts.append(subprocess.Popen(command, stdout=out))
        codes = [part.wait() for part in parts]
    if any(codes):
        raise SystemExit(f"a part ended with {codes}")
    looks = [
        Look(**json.loads(line))
        for file in sorted(root.glob("*-*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    kinds = sorted({look.kind for look in looks})
    for error in sorted({look.error for look in looks if look.error}):
        print(f"error: {error}", file=sys.stderr)
    return {kind: figures([look for look in looks if look.kind == kind]) for kind in kinds}


def figures(looks: list[Look]) -> Figures:
    """Counts and times of looks of one kind."""
    times_ms = np.array([look.seconds for look in looks]) * 1000
    seen_ms = np.array([look.seen_s for look in looks if look.seen_s is not None]) * 1000
    p50, p95 = np.percentile(times_ms, [50, 95])
    return Figures(
        count=len(looks),
        errors=sum(bool(look.error) for look in looks),
        stale=sum(look.stale for look in looks),
        p50_ms=round(float(p50), 1),
        p95_ms=round(float(p95), 1),
        max_ms=round(float(times_ms.max()), 1),
        seen_p50_ms=round(float(np.median(seen_ms)), 1) if len(seen_ms) else None,
        seen_p95_ms=round(float(np.percentile(seen_ms, 95)), 1) if len(seen_ms) else None,
        seen_max_ms=round(float(seen_ms.max()), 1) if len(seen_ms) else None,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--role", choices=[*ROLES], help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        act(arguments.role, arguments.root, arguments.until)
        return
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        found = soak(Path(folder), arguments.minutes)
    for kind, values in found.items():
        print(kind, json.dumps(asdict(values)))
    if arguments.out:
        rows = {kind: asdict(values) for kind, values in found.items()}
        arguments.out.write_text(
            json.dumps({"minutes": arguments.minutes, "figures": rows}, indent=2) + "\n",
            encoding="utf-8",
        )
    if any(f.errors or f.stale for f in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
