"""Does the embedded server keep the engine's speed? The same prompts, in turns, with streaming.

    python -m benchmarks.engine --model light --rounds 6 --out engine.json

One side is the embedded server over HTTP, spoken to with Ollama's client as Workbench does; the
other is llama.cpp in this process without any server of ours. Each round asks both the same fresh
prompt, in changing order, so that a busy machine slows both alike; the figure is the median of the
rounds' ratios. Exit code 1 if it is under the bound.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ollama

from workbench.models.catalog import CatalogModel, load_catalog
from workbench.models.home import models_directory
from workbench.models.server import ensure_embedded, stop_embedded

MIN_RATIO = 0.95
NUM_CTX = 2048
STORY = (
    "The river rises in the hills and runs past {n} mills to the old harbour. "
    "In the year {n} the town built a bridge, a school and a market hall beside it. "
)


@dataclass(frozen=True)
class Timing:
    """One reply. ``first_s`` until the first piece, ``total_s`` until the end."""

    prompt_tokens: int
    output_tokens: int
    first_s: float
    total_s: float

    @property
    def tokens_per_s(self) -> float:
        """All tokens by the whole time."""
        return (self.prompt_tokens + self.output_tokens) / self.total_s

    @property
    def output_per_s(self) -> float:
        """Generated tokens by the time after the first one."""
        return (self.output_tokens - 1) / (self.total_s - self.first_s)


Ask = Callable[[str, int], Timing]


def ask_server(client: ollama.Client, model: str) -> Ask:
    """Ask through the embedded server."""

    def ask(prompt: str, max_tokens: int) -> Timing:
        started_s = time.perf_counter()
        first_s = 0.0
        last: Any = None
        options = {"num_ctx": NUM_CTX, "num_predict": max_tokens, "temperature": 0, "seed": 1}
        messages = [{"role": "user", "content": prompt}]
        for piece in client.chat(model, messages=messages, options=options, stream=True):
            last = piece
            first_s = first_s or time.perf_counter() - started_s
        total_s = time.perf_counter() - started_s
        return Timing(last.prompt_eval_count, last.eval_count, first_s, total_s)

    return ask


def ask_engine(path: Path) -> Ask:
    """Ask llama.cpp in this process, with the parameters that the server uses."""
    import xllamacpp

    from workbench.models.embedded.llama import engine_parameters

    server = xllamacpp.Server(engine_parameters(path, num_ctx=NUM_CTX, key="benchmark"))

    def ask(prompt: str, max_tokens: int) -> Timing:
        started_s = time.perf_counter()
        first_s = 0.0
        last: dict[str, Any] = {}

        def on_piece(piece: Any) -> None:
            nonlocal first_s, last
            event = json.loads(piece) if isinstance(piece, str) else piece
            for each in event if isinstance(event, list) else [event]:
                if any(choice["delta"].get("content") for choice in each.get("choices", [])):
                    first_s = first_s or time.perf_counter() - started_s
                last = each if each.get("usage") else last

        request = {
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": 1,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        server.handle_chat_completions(request, on_piece)
        total_s = time.perf_counter() - started_s
        usage = last["usage"]
        return Timing(usage["prompt_tokens"], usage["completion_tokens"], first_s, total_s)

    return ask


def compare(server: Ask, engine: Ask, *, rounds: int, max_tokens: int) -> list[dict[str, Any]]:
    """Ask both ``rounds`` times in changing order, after one round that does not count."""
    rows = []
    for number in range(rounds + 1):
        prompt = f"{number}. " + "".join(STORY.format(n=number * 100 + i) for i in range(10))
        prompt += "Tell the story of this town at length."
        sides = {"server": server, "engine": engine}
        order = sorted(sides, reverse=number % 2 == 0)
        timings = {side: sides[side](prompt, max_tokens) for side in order}
        if number > 0:
            rows.append({side: asdict(timing) | rates(timing) for side, timing in timings.items()})
    return rows


def rates(timing: Timing) -> dict[str, float]:
    """The speeds of one reply."""
    return {"tokens_per_s": timing.tokens_per_s, "output_per_s": timing.output_per_s}


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Medians of both sides and of the rounds' ratios."""
    result = {}
    for rate in ("tokens_per_s", "output_per_s"):
        for side in ("server", "engine"):
            result[f"{side}_{rate}"] = statistics.median(row[side][rate] for row in rows)
        result[f"ratio_{rate}"] = statistics.median(
            row["server"][rate] / row["engine"][rate] for row in rows
        )
    return result


def run(model: CatalogModel, *, rounds: int, max_tokens: int) -> dict[str, Any]:
    """Compare on ``model`` with a server of its own, which is stopped afterwards."""
    real = models_directory(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "models").symlink_to(real)
        endpoint = ensure_embedded(home, idle_stop_s=600)
        headers = {"Authorization": f"Bearer {endpoint.key}"}
        try:
            with closing(ollama.Client(endpoint.address, headers=headers)) as client:
                sides = ask_server(client, model.name), ask_engine(model.paths(real)[0])
                rows = compare(*sides, rounds=rounds, max_tokens=max_tokens)
        finally:
            stop_embedded(home)
    return {"model": model.name, "digest": model.digest, **summary(rows), "rounds": rows}


def print_table(result: dict[str, Any]) -> None:
    """The result for people."""
    print(f"{result['model']}, {len(result['rounds'])} rounds, medians")
    print(f"{'tokens per second':<24}{'engine':>10}{'server':>10}{'ratio':>8}")
    for label, rate in (("prompt and output", "tokens_per_s"), ("output", "output_per_s")):
        engine, server = result[f"engine_{rate}"], result[f"server_{rate}"]
        print(f"{label:<24}{engine:>10.1f}{server:>10.1f}{result[f'ratio_{rate}']:>8.3f}")


def main(argv: list[str] | None = None) -> int:
    """Run the comparison; 0 if the server keeps at least 95% of the engine's speed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="light", help="a name or alias of the catalogue")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--out", type=Path, help="write the result as JSON")
    given = parser.parse_args(argv)
    # Before any engine is loaded: spinning OpenMP threads would starve each other.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    model = load_catalog().get(given.model)
    result = run(model, rounds=given.rounds, max_tokens=given.max_tokens)
    print_table(result)
    if given.out:
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if result["ratio_tokens_per_s"] >= MIN_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
