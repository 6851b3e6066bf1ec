"""Does a workspace survive SIGKILL at any moment, with nothing lost and nothing doubled?

    python -m benchmarks.kill --times 300 --out kill.json
    python -m benchmarks.kill --times 12 --real --out kill-real.json

Each round starts a process that ingests a small real folder, syncs it after files were changed,
removed and added, goes back to an older version, forgets somebody, changes the embedding model, or
adds and deletes LlamaIndex nodes by the thousand, and then searches; it is killed at a random
moment of this. Then the workspace must open, `doctor` must find it in order, the same step must
complete, and the end must be that of a run that nobody disturbed: the same documents, texts,
chunks, vectors and hits in every mode of search, indexes like those that are made anew, an intact
audit and no second copy of anything.

Without ``--real`` the models are fakes and masking is by patterns, so that the rounds are quick;
store, parser, vault and everything else are the real ones. With it there is no second embedding
model to change to, and no thousands of nodes. A run that is stopped, by ``--minutes`` or otherwise,
is continued by the same command: the file counts what was done. Exit code 1 if a round has failed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.kill_steps import (
    JOBS,
    STEPS,
    Scene,
    conclude,
    inspect,
    lay_out,
    perform,
    read,
    reembed_in_small_pages,
    template,
)

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
_PRELOADED = (
    "cryptography.fernet",
    "duckdb",
    "luqum.parser",
    "pandas",
    "tantivy",
    "workbench.masking.masker",
    "workbench.masking.vault",
    "workbench.sources.files",
    "workbench.store.corpus",
    "workbench.tasks.ingest",
    "workbench.tasks.retrieve",
)
"""Imported once: a kill during an import tells nothing, and there are many."""


@dataclass
class Tally:
    """What happened to the rounds of one step."""

    undisturbed_s: float
    killed: int = 0
    ended_before: int = 0
    work_was_left: int = 0
    problems: list[str] = field(default_factory=list)


def prepare(scene: Scene, data: Path, rng: random.Random) -> None:
    """Two states of a folder, and for each step a template of what it starts from."""
    lay_out(scene, data, rng)
    for step in scene.steps:
        if step != "ingest":
            in_process(scene, scene.root / "templates" / step, template, step)


def start(
    scene: Scene, base: Path, job: Callable[[Scene, Path, str], None], step: str
) -> Callable[[float | None], int | None]:
    """Begin a job in a process of its own; returns what waits for it: for so many seconds, after
    which it is killed and None returned, or without end. Quick rounds fork a process that has all
    imported; real ones start afresh, because the models' threads do not survive a fork."""
    if scene.real:
        command = [sys.executable, "-m", "benchmarks.kill", "--job", job.__name__]
        command += ["--step", step, "--base", str(base), "--scene", str(scene.root)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        if process.stdout is not None:
            process.stdout.readline()  # It says so when its imports are done.

        def wait(seconds: float | None) -> int | None:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return None

        return wait
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            job(scene, base, step)
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stderr.flush()
            os._exit(code)

    def wait_forked(seconds: float | None) -> int | None:
        end_s = float("inf") if seconds is None else time.monotonic() + seconds
        while time.monotonic() < end_s:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)

    return wait_forked


def in_process(
    scene: Scene, base: Path, job: Callable[[Scene, Path, str], None], step: str
) -> None:
    """Run a job to its end in a process of its own."""
    code = start(scene, base, job, step)(None)
    if code != 0:
        raise RuntimeError(f"{job.__name__} of {step} ended with {code}")


def undisturbed(scene: Scene, step: str) -> tuple[float, dict[str, Any]]:
    """Seconds that the step takes, and the end that every round must reach."""
    base = scene.root / "undisturbed" / step
    shutil.copytree(scene.root / "templates" / step, base)
    wait = start(scene, base, perform, step)
    started_s = time.monotonic()
    if wait(None) != 0:
        raise RuntimeError(f"{step} fails without being disturbed")
    seconds = time.monotonic() - started_s
    in_process(scene, base, conclude, step)
    return seconds, read(base)


def one_round(
    scene: Scene, step: str, delay_s: float | None, expected: Mapping[str, Any]
) -> list[str]:
    """Kill the step after ``delay_s`` and look at what is left. Returns what went wrong, beginning
    with "killed" or "ended" for how the process ended, and "left" if the next run had work."""
    base = scene.root / "round"
    shutil.rmtree(base, ignore_errors=True)
    shutil.copytree(scene.root / "templates" / step, base)
    found = ["ended" if start(scene, base, perform, step)(delay_s) is not None else "killed"]
    try:
        if (base / "workspace" / "workbench.duckdb").exists():
            in_process(scene, base, inspect, step)
            found += read(base)["problems"]
        before = (base / "workspace").exists() and _size(base)
        in_process(scene, base, perform, step)
        if before != _size(base):
            found.append("left")
        in_process(scene, base, conclude, step)
        end = read(base)
        found += [f"{part} differs" for part in expected if end[part] != expected[part]]
    except RuntimeError as error:
        found.append(str(error))
    return found


def _size(base: Path) -> int:
    return sum(file.stat().st_size for file in (base / "workspace").glob("workbench.duckdb*"))


def measure(
    scene: Scene, tallies: dict[str, Tally], rng: random.Random, *, times: int
) -> Iterator[None]:
    """Rounds in turns over the steps, counted in ``tallies``, until there were ``times`` kills."""
    ends = {}
    for step in scene.steps:
        seconds, ends[step] = undisturbed(scene, step)
        tallies.setdefault(step, Tally(seconds)).undisturbed_s = seconds
    while kills(tallies) < times:
        step = min(scene.steps, key=lambda name: tallies[name].killed)
        tally = tallies[step]
        delay_s = rng.uniform(0, tally.undisturbed_s)
        ending, *found = one_round(scene, step, delay_s, ends[step])
        tally.killed += ending == "killed"
        tally.ended_before += ending == "ended"
        tally.work_was_left += "left" in found
        wrong = [each for each in found if each != "left"]
        tally.problems += [f"after {delay_s:.3f} s: {each}" for each in wrong]
        yield


def kills(tallies: Mapping[str, Tally]) -> int:
    """How many there were."""
    return sum(tally.killed for tally in tallies.values())


def table(tallies: Mapping[str, Tally]) -> str:
    """The tallies as Markdown."""
    lines = ["| step | kills | undisturbed, s | rounds with a fault |", "|---|---|---|---|"]
    for step, tally in tallies.items():
        faults = len({each.partition(":")[0] for each in tally.problems})
        lines.append(f"| {step} | {tally.killed} | {tally.undisturbed_s:.2f} | {faults} |")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--data", type=Path, default=SAMPLE)
    parser.add_argument("--real", action="store_true", help="with the real models")
    parser.add_argument("--steps", nargs="+", default=(), choices=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="where to count; what it holds already is done")
    for name in ("--job", "--step", "--base", "--scene"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Entry point."""
    given = _options()
    if given.job:
        print("ready", flush=True)
        JOBS[given.job](Scene(Path(given.scene), real=True), Path(given.base), given.step)
        return 0
    known = json.loads(given.out.read_text()) if given.out and given.out.exists() else {}
    tallies = {step: Tally(**counted) for step, counted in known.items()}
    rng = random.Random(f"{given.seed} {kills(tallies)}")  # noqa: S311
    until_s = time.monotonic() + given.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder), given.real, tuple(given.steps))
        for module in _PRELOADED:
            importlib.import_module(module)
        if not given.real:
            reembed_in_small_pages()
        prepare(scene, given.data, rng)
        for _ in measure(scene, tallies, rng, times=given.times):
            print(f"\r{kills(tallies)}/{given.times} kills", end="", file=sys.stderr, flush=True)
            if given.out:
                counted = {step: asdict(tally) for step, tally in tallies.items()}
                given.out.write_text(json.dumps(counted, indent=2), encoding="utf-8")
            if time.monotonic() > until_s:
                break
    print(f"\n{table(tallies)}")
    print("\n".join(f"{step} {p}" for step, tally in tallies.items() for p in tally.problems))
    return int(any(tally.problems for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
