"""Does a workspace survive SIGKILL at any moment, with nothing lost and nothing doubled?

    python -m benchmarks.kill --times 300 --out kill.json
    python -m benchmarks.kill --times 12 --real --out kill-real.json

Each round starts a process that ingests a small real folder, syncs it after files were changed,
removed and added, goes back to an older version, or forgets somebody, and kills it at a random
moment of its work. Then the workspace must open, `doctor` must find it in order, the same step must
complete, and the end must be that of a run that nobody disturbed: the same documents, texts,
chunks, vectors and hits, an intact audit and no second copy of anything. Without ``--real`` the
model is a fake and masking is by patterns, so that the rounds are quick; store, parser, vault and
everything else are the real ones. Exit code 1 if a round fails.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench import Session, Workbench, open_workbench
from workbench.config import Config, VaultConfig
from workbench.doctor import examine
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.models.governed import Models

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
CONFIG = Config(vault=VaultConfig(enabled=True, key="file", key_file=Path("../vault.key")))
FILES = 9
MAX_FILE_BYTES = 40_000
QUERIES = ("invoice total", "leave", "contact", "licence")
_SHOWN = re.compile(r"<[A-Z][A-Z0-9_]*_[1-9][0-9]*>")
_CHECKED = {"workspace", "vault"}
_PRELOADED = (
    "duckdb",
    "pandas",
    "tantivy",
    "workbench.masking.masker",
    "workbench.masking.vault",
    "workbench.sources.files",
    "workbench.store.corpus",
    "workbench.tasks.ingest",
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


@dataclass(frozen=True)
class Scene:
    """Where the rounds play: folders before and after the change, and how processes work."""

    root: Path
    real: bool

    @property
    def before(self) -> Path:
        return self.root / "before"

    @property
    def after(self) -> Path:
        return self.root / "after"

    def open(self, workspace: Path) -> Workbench:
        """The workbench of one process."""
        if self.real:
            return open_workbench(workspace, config=CONFIG)
        fake = FakeServer()
        workbench = Workbench(
            workspace, CONFIG, {}, connect_models=lambda cache: Models(fake, CONFIG.models, cache)
        )
        workbench._masker = Masker(
            CONFIG.masking,
            workbench.corpus.placeholders,
            key=bytes(32),
            detectors=[Patterns(RECOGNIZERS)],
            keep=workbench.vault.keep if workbench.vault is not None else None,
        )
        return workbench


def _ingest(scene: Scene, session: Session, folder: Path) -> None:
    report = session.ingest(folder)
    if report.failed:
        raise SystemExit(f"failed: {[item.error for item in report.failed]}")


def _sync(scene: Scene, session: Session, folder: Path) -> None:
    # The folder changed under its own name, as it does for everybody.
    shutil.copytree(scene.after, folder, dirs_exist_ok=True)
    for file in folder.iterdir():
        if not (scene.after / file.name).exists():
            file.unlink()
    session.ingest(folder, sync=True)


def _roll_back(scene: Scene, session: Session, folder: Path) -> None:
    session.rollback("first")


def _forget(scene: Scene, session: Session, folder: Path) -> None:
    # Chosen once, in the template: after a kill it may have been forgotten already.
    session.forget(*(folder.parent / "subjects.txt").read_text(encoding="utf-8").split())


STEPS: Mapping[str, Callable[[Scene, Session, Path], None]] = {
    "ingest": _ingest,
    "sync": _sync,
    "rollback": _roll_back,
    "forget": _forget,
}


def prepare(scene: Scene, data: Path, rng: random.Random) -> None:
    """Two states of a folder, and for each step a template of what it starts from."""
    small = [
        file
        for file in sorted(data.rglob("*"))
        if file.suffix in {".md", ".html", ".txt", ".csv", ".eml", ".docx", ".pdf"}
        and file.stat().st_size < MAX_FILE_BYTES
    ]
    chosen = rng.sample(small, min(len(small), FILES + 3))
    for folder, files in ((scene.before, chosen[:FILES]), (scene.after, chosen[3:])):
        folder.mkdir(parents=True)
        for number, file in enumerate(files):
            target = folder / f"{chosen.index(file):02d}{file.suffix}"
            shutil.copy(file, target)
            if folder == scene.after and number < 3 and target.suffix in {".md", ".txt", ".csv"}:
                with target.open("a", encoding="utf-8") as changed:
                    changed.write("\nChanged: write to kim.lee@example.com.\n")
        (folder / "people.txt").write_text(
            f"Kim Lee, kim.lee@example.com, wrote to {folder.name}@example.com.\n", encoding="utf-8"
        )
    for step in STEPS:
        base = scene.root / "templates" / step
        shutil.copytree(scene.before, base / "folder")
        if step != "ingest":
            in_process(scene, base, _template, step)


def _template(scene: Scene, base: Path, step: str) -> None:
    session = scene.open(base / "workspace").session()
    session.ingest(base / "folder", snapshot="first")
    if step == "rollback":
        _sync(scene, session, base / "folder")
    texts = [session.document(info.id).text for info in session.documents()]
    shown = Counter(_SHOWN.findall("\n".join(texts)))
    subjects = [name for name, _ in shown.most_common(2)]
    (base / "subjects.txt").write_text(" ".join(subjects), encoding="utf-8")


def perform(scene: Scene, base: Path, step: str) -> None:
    """The step itself, in the process that may be killed."""
    STEPS[step](scene, scene.open(base / "workspace").session(), base / "folder")


def inspect(scene: Scene, base: Path, step: str) -> None:
    """Whether the workspace opens and is in order right after the kill."""
    problems = [
        f"{check.name}: {check.finding}"
        for check in examine(base / "workspace", os.environ)
        if check.name in _CHECKED and check.state == "broken"
    ]
    session = scene.open(base / "workspace").session()
    if not session.verify_audit().intact:
        problems.append("the audit is broken")
    session.search("leave") if session.documents() else None
    _write(base, {"problems": problems})


def conclude(scene: Scene, base: Path, step: str) -> None:
    """Everything that must be as in an undisturbed run, as digests by part."""
    workspace = scene.open(base / "workspace")
    session = workspace.session()
    documents = session.sql(
        "SELECT name, label, text, chunks, masked, content_hash FROM documents ORDER BY ALL"
    )
    chunks = session.sql(
        "SELECT document, ordinal, start_char, end_char, heading, text FROM chunks ORDER BY ALL"
    )
    hits = [
        [(hit.document, hit.chunk.text, hit.similarity) for hit in session.search(query, 50)]
        for query in QUERIES
    ]
    state = {
        "documents": documents.arrow().to_pylist(),
        "chunks": chunks.arrow().to_pylist(),
        "hits": [sorted(found, key=str) for found in hits],
        "problems": list(workspace.corpus.health().problems),
        "audit": session.verify_audit().intact,
    }
    digests = {name: _digest(part) for name, part in state.items()}
    _write(base, {**digests, "count": len(documents), "problems": state["problems"]})


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:16]


def _write(base: Path, found: Mapping[str, Any]) -> None:
    (base / "found.json").write_text(json.dumps(found), encoding="utf-8")


def read(base: Path) -> dict[str, Any]:
    """What the last process found."""
    found: dict[str, Any] = json.loads((base / "found.json").read_text(encoding="utf-8"))
    return found


_JOBS = {job.__name__: job for job in (_template, perform, inspect, conclude)}


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


def one_round(scene: Scene, step: str, delay_s: float, expected: Mapping[str, Any]) -> list[str]:
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
        in_process(scene, base, conclude, step)
        if before != _size(base):
            found.append("left")
        end = read(base)
        found += [f"{part} differs" for part in expected if end[part] != expected[part]]
    except RuntimeError as error:
        found.append(str(error))
    return found


def _size(base: Path) -> int:
    return sum(file.stat().st_size for file in (base / "workspace").glob("workbench.duckdb*"))


def measure(scene: Scene, times: int, rng: random.Random) -> dict[str, Tally]:
    """``times`` kills, in turns over the steps."""
    ends, tallies = {}, {}
    for step in STEPS:
        seconds, ends[step] = undisturbed(scene, step)
        tallies[step] = Tally(seconds)
    done = 0
    while done < times:
        step = list(STEPS)[done % len(STEPS)]
        tally = tallies[step]
        delay_s = rng.uniform(0, tally.undisturbed_s)
        ending, *found = one_round(scene, step, delay_s, ends[step])
        tally.killed += ending == "killed"
        tally.ended_before += ending == "ended"
        tally.work_was_left += "left" in found
        wrong = [each for each in found if each != "left"]
        tally.problems += [f"after {delay_s:.3f} s: {each}" for each in wrong]
        done += ending == "killed"
        print(f"\r{done}/{times} kills", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return tallies


def table(tallies: Mapping[str, Tally]) -> str:
    """The tallies as Markdown."""
    lines = ["| step | kills | undisturbed, s | rounds with a fault |", "|---|---|---|---|"]
    for step, tally in tallies.items():
        faults = len({each.partition(":")[0] for each in tally.problems})
        lines.append(f"| {step} | {tally.killed} | {tally.undisturbed_s:.2f} | {faults} |")
    return "\n".join(lines)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--data", type=Path, default=SAMPLE)
    parser.add_argument("--real", action="store_true", help="with the real models")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    for name in ("--job", "--step", "--base", "--scene"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print("ready", flush=True)
        _JOBS[given.job](Scene(Path(given.scene), real=True), Path(given.base), given.step)
        return 0
    rng = random.Random(given.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder), given.real)
        for module in _PRELOADED:
            importlib.import_module(module)
        prepare(scene, given.data, rng)
        tallies = measure(scene, given.times, rng)
    print(table(tallies))
    print("\n".join(f"{step} {p}" for step, tally in tallies.items() for p in tally.problems))
    if given.out:
        report = {step: asdict(tally) for step, tally in tallies.items()}
        given.out.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return int(any(tally.problems for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
