"""What an ingest costs, stage by stage, and what repeating it unchanged costs.

    python -m benchmarks.ingest --data DIR --out FILE.json

Definitions. CPU seconds are those of this process, the parser's process and the embedded model
server together, so that a busy machine does not change them; a server that is not ours (Ollama)
does not count. A stage's rate is what passed through it over its CPU seconds.

- parse: file -> clean text with pages; mask: text -> placeholders, the names of files included;
  chunk; embed: chunks -> vectors; store: the transaction. other: everything between.
- repeated: the same folder again, in the same session and in a new process, where the verb's first
  use of libraries counts; CPU seconds with imports are those of the whole new process.
- peak memory: the largest resident size of each process.

The workspace is made in a temporary folder and removed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from workbench.models.embedded.state import read_state
from workbench.models.home import home_directory
from workbench.results import IngestReport, ItemStatus
from workbench.tasks import ingest as ingest_task
from workbench.workbench import Workbench, open_workbench

MEGABYTE = 1_000_000


@dataclass
class Clock:
    """CPU seconds by stage, summed over the processes that work for this one."""

    workbench: Workbench
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    wall_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    inside: float = 0.0

    def now(self) -> float:
        """All CPU seconds used so far."""
        used = psutil.Process().cpu_times()
        return used.user + used.system + sum(map(_cpu, self.others().values()))

    def others(self) -> dict[str, psutil.Process]:
        """The parser's process and the embedded server, where they run."""
        found = {}
        parser = self.workbench.source._parser._process
        state = read_state(home_directory(os.environ))
        pids = {"parser": parser and parser.pid, "model server": state and state.pid}
        for name, pid in pids.items():
            if pid and psutil.pid_exists(pid):
                found[name] = psutil.Process(pid)
        return found

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside for ``name``."""
        started, wall = self.now(), time.perf_counter()
        try:
            yield
        finally:
            self.cpu_s[name] += self.now() - started
            self.wall_s[name] += time.perf_counter() - wall

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call``, counted for a stage."""

        def wrapped(*given: Any, **named: Any) -> Any:
            with self.stage(name):
                return call(*given, **named)

        return wrapped


def _cpu(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(used.user + used.system)


class Timed:
    """An object some of whose methods are counted for a stage."""

    def __init__(self, inner: Any, clock: Clock, **stages: str) -> None:
        self._inner = inner
        self._calls = {
            name: clock.timed(stage, getattr(inner, name)) for name, stage in stages.items()
        }

    def __getattr__(self, name: str) -> Any:
        return self._calls.get(name) or getattr(self._inner, name)


def first_ingest(workspace: Path, data: Path) -> dict[str, Any]:
    """Ingest ``data`` into a new workspace, every stage counted, and again in the same session."""
    workbench = open_workbench(workspace)
    clock = Clock(workbench)
    rooms = vars(workbench)
    rooms["masker"] = Timed(
        workbench.masker, clock, mask_many="mask", mask_name="mask", mask_text="mask"
    )
    rooms["models"] = Timed(workbench.models, clock, embed="embed")
    rooms["corpus"] = Timed(workbench.corpus, clock, put_many="store")
    source = workbench.source
    source._parser.parse = clock.timed("parse", source._parser.parse)  # type: ignore[method-assign]
    chunk = vars(ingest_task)["chunk"]
    vars(ingest_task)["chunk"] = clock.timed("chunk", chunk)
    # The server is started and the models are loaded before anything is counted.
    with workbench.guard.open(workbench.session().actor, _evaluate()) as run:
        workbench.models.embed(run, ["warm"])
    workbench.masker.mask_text("warm")
    clock.cpu_s.clear()
    peaks: dict[str, int] = {}
    session = workbench.session()
    started, wall = clock.now(), time.perf_counter()
    report = session.ingest(data, progress=partial(_watch, clock, peaks))
    cpu_s, wall_s = clock.now() - started, time.perf_counter() - wall
    vars(ingest_task)["chunk"] = chunk
    stages = dict(clock.cpu_s)
    stages["other"] = cpu_s - sum(stages.values())
    repeats = [_repeat(workbench, data, clock) for _ in range(3)]
    peaks["this process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result = {
        **_volume(report, data),
        "first": {"cpu_s": cpu_s, "wall_s": wall_s, "stages_cpu_s": stages},
        "repeated_same_session_wall_s": min(wall for wall, _ in repeats),
        "repeated_same_session_cpu_s": min(cpu for _, cpu in repeats),
        "peak_memory_mb": {name: round(size / MEGABYTE) for name, size in peaks.items()},
    }
    workbench.close()
    return result


def _evaluate() -> Any:
    from workbench.guard.policy import Action

    return Action.EVALUATE


def _watch(clock: Clock, peaks: dict[str, int], _: Any) -> None:
    for name, process in clock.others().items():
        try:
            peaks[name] = max(peaks.get(name, 0), process.memory_info().rss)
        except psutil.NoSuchProcess:
            continue


def _repeat(workbench: Workbench, data: Path, clock: Clock) -> tuple[float, float]:
    started_s, cpu_s = time.perf_counter(), clock.now()
    report = workbench.session().ingest(data)
    if report.count(ItemStatus.ADDED) or report.count(ItemStatus.UPDATED):
        raise RuntimeError("a repeated ingest stored something")
    return time.perf_counter() - started_s, clock.now() - cpu_s


def _volume(report: IngestReport, data: Path) -> dict[str, Any]:
    files = [path for path in data.rglob("*") if path.is_file()] if data.is_dir() else [data]
    return {
        "files": len(report.items),
        "documents": report.count(ItemStatus.ADDED),
        "failed": len(report.failed),
        "chunks": sum(item.chunks for item in report.items),
        "masked": sum(item.masked for item in report.items),
        "megabytes": sum(path.stat().st_size for path in files) / MEGABYTE,
    }


_AGAIN = """
import sys, time
from pathlib import Path
from workbench import open_workbench
session = open_workbench(Path(sys.argv[1])).session()
started_s, cpu_s = time.perf_counter(), time.process_time()
session.ingest(Path(sys.argv[2]))
print(time.perf_counter() - started_s, time.process_time() - cpu_s, time.process_time())
"""


def again(workspace: Path, data: Path) -> tuple[float, float, float]:
    """The verb in a new process: wall seconds, CPU seconds, and those of the whole process."""
    done = subprocess.run(
        [sys.executable, "-c", _AGAIN, str(workspace), str(data)],
        check=True,
        capture_output=True,
        text=True,
    )
    wall_s, cpu_s, all_cpu_s = map(float, done.stdout.split()[-3:])
    return wall_s, cpu_s, all_cpu_s


def rates(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Documents and megabytes per CPU second, by stage and for all of it."""
    spent = {**result["first"]["stages_cpu_s"], "all": result["first"]["cpu_s"]}
    return {
        stage: {
            "cpu_s": round(seconds, 2),
            "documents_per_cpu_s": round(result["documents"] / seconds, 2),
            "megabytes_per_cpu_s": round(result["megabytes"] / seconds, 3),
        }
        for stage, seconds in spent.items()
        if seconds > 0
    }


def main() -> None:
    """Print a line per stage, then the repeated runs, and write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        workspace = Path(folder, "workspace")
        result = first_ingest(workspace, options.data.resolve())
        repeats = [again(workspace, options.data.resolve()) for _ in range(3)]
    names = ("new_process_wall_s", "new_process_cpu_s", "new_process_with_imports_cpu_s")
    for name, times in zip(names, zip(*repeats, strict=True), strict=True):
        result[f"repeated_{name}"] = min(times)
    result["times_faster"] = {
        name: round(result["first"][name[-6:].strip("_")] / result[f"repeated_{name}"], 1)
        for name in ("same_session_wall_s", "same_session_cpu_s", *names)
    }
    result["rates"] = rates(result)
    for stage, figures in result["rates"].items():
        print(stage, json.dumps(figures))
    shown = {name: value for name, value in result.items() if name not in {"rates", "first"}}
    print(json.dumps(shown, indent=1))
    options.out.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
