"""Cited summaries against LlamaIndex and the first sentences: same model, same texts, same scorer.

    python -m benchmarks.summarise --data DIR --limit N --model NAME --out FILE.json
        [--systems workbench tree_summarize refine lead] [--max-chars N]
        [--queries N] [--num-ctx TOKENS]
        [--outcomes FILE.jsonl]

DIR holds QMSum, MTS-Dialog or SciTLDR, see ``summarise_data``; N of its texts are taken, of those
that have no more than ``--max-chars`` characters; ``--queries`` of each meeting.

- ROUGE-1, -2, -L: F1 with the best reference, stemmed (Google's rouge-score);
- unsupported: share of sentences that the groundedness scorer does not find in the whole text, the
  same scorer for every system; "by words": the same by word overlap alone;
- citation validity: share of citations whose quote stands at its offsets in the stored document;
- citation precision: share of citations that touch what annotators marked for the query (QMSum);
  recall: share of queries of which a marked turn is cited;
- coverage: share of the passages that were read; prompt and output tokens: the writing and, for
  Workbench, its own checks.

``--outcomes`` keeps every outcome, so that a run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from rouge_score.rouge_scorer import RougeScorer

from benchmarks.ask import counted_run, open_benchmark
from benchmarks.summarise_data import Item, load
from workbench.evaluation.groundedness import Groundedness, judge
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.session import Session
from workbench.tasks.attribute import sentences
from workbench.values import Citation, Usage
from workbench.workbench import Workbench

MEASURES = ("rouge1", "rouge2", "rougeL")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a system wrote, what it cites and what it cost."""

    sentences: tuple[str, ...]
    usage: Usage
    citations: int = 0
    valid: int = 0
    marked: int = 0
    coverage: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One system on one text. ``support`` has the scorer's probability for every sentence."""

    system: str
    item: str
    sentences: tuple[str, ...]
    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815
    support: tuple[float, ...]
    unsupported: int
    unsupported_by_words: int
    citations: int
    valid: int
    coverage: float
    prompt_tokens: int
    output_tokens: int
    seconds: float
    marked: int = 0


def main() -> None:
    """Run the systems, print a table, write the JSON."""
    arguments = _arguments()
    known = load(arguments.data, queries=arguments.queries)
    items = [item for item in known if len(item.text) <= arguments.max_chars][: arguments.limit]
    with tempfile.TemporaryDirectory() as folder:
        workbench = open_benchmark(Path(folder), arguments.model, num_ctx=arguments.num_ctx)
        systems = {
            "workbench": lambda item: _workbench(workbench, Path(folder), item),
            "tree_summarize": _peer(workbench, "tree_summarize"),
            "refine": _peer(workbench, "refine"),
            "lead": _lead,
        }
        chosen = {name: systems[name] for name in arguments.systems}
        outcomes = _run(workbench, chosen, items, arguments.outcomes)
        workbench.close()
    report = {name: summary([o for o in outcomes if o.system == name]) for name in chosen}
    _print(report, arguments)
    written = {
        "data": arguments.data.name,
        "model": arguments.model,
        "texts": len(items),
        "max_chars": arguments.max_chars,
        "num_ctx": arguments.num_ctx,
        "systems": report,
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    arguments.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def rouge(text: str, references: Sequence[str]) -> dict[str, float]:
    """ROUGE-1, -2 and -L F1, each with the reference that suits it best."""
    scorer = RougeScorer(list(MEASURES), use_stemmer=True)
    scores = [scorer.score(reference, text) for reference in references]
    return {name: max(score[name].fmeasure for score in scores) for name in MEASURES}


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The table's figures for one system."""
    written = sum(len(o.sentences) for o in outcomes) or 1
    citations = sum(o.citations for o in outcomes)
    return {
        **{name: mean(getattr(o, name) for o in outcomes) for name in MEASURES},
        "sentences": written / len(outcomes),
        "unsupported": sum(o.unsupported for o in outcomes) / written,
        "unsupported_by_words": sum(o.unsupported_by_words for o in outcomes) / written,
        "citation_validity": sum(o.valid for o in outcomes) / citations if citations else 0.0,
        "citation_precision": sum(o.marked for o in outcomes) / citations if citations else 0.0,
        "citation_recall": mean(o.marked > 0 for o in outcomes),
        "citations_per_sentence": citations / written,
        "coverage": mean(o.coverage for o in outcomes),
        "prompt_tokens": mean(o.prompt_tokens for o in outcomes),
        "output_tokens": mean(o.output_tokens for o in outcomes),
        "seconds": mean(o.seconds for o in outcomes),
    }


def _run(
    workbench: Workbench,
    systems: dict[str, Callable[[Item], Draft]],
    items: Sequence[Item],
    kept: Path | None,
) -> list[Outcome]:
    known: dict[tuple[str, str], Outcome] = {}
    if kept and kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            outcome = Outcome(**json.loads(line))
            known[outcome.system, outcome.item] = outcome
    for name, write in systems.items():
        for number, item in enumerate(items, start=1):
            if (name, item.name) not in known:
                known[name, item.name] = _measured(workbench, name, write, item)
                if kept:
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(known[name, item.name])) + "\n")
            print(f"{name} {number}/{len(items)}", end="\r", flush=True)
    return [known[name, item.name] for item in items for name in systems]


def _measured(
    workbench: Workbench, name: str, write: Callable[[Item], Draft], item: Item
) -> Outcome:
    started_s = time.perf_counter()
    draft = write(item)
    seconds = time.perf_counter() - started_s
    scorer, words = judge(workbench.models), Groundedness(workbench.models, "words")
    actor = workbench.session("benchmark").actor
    with workbench.guard.open(actor, Action.EVALUATE, resource="summaries") as run:
        support = [scorer.score(run, text, [item.text]) for text in draft.sentences]
        by_words = [words.score(run, text, [item.text]) for text in draft.sentences]
    return Outcome(
        name,
        item.name,
        draft.sentences,
        **rouge(" ".join(draft.sentences), item.references),
        support=tuple(support),
        unsupported=sum(not scorer.supports(chance) for chance in support),
        unsupported_by_words=sum(not words.supports(chance) for chance in by_words),
        citations=draft.citations,
        valid=draft.valid,
        coverage=draft.coverage,
        prompt_tokens=draft.usage.prompt_tokens,
        output_tokens=draft.usage.output_tokens,
        seconds=seconds,
        marked=draft.marked,
    )


def _workbench(workbench: Workbench, folder: Path, item: Item) -> Draft:
    session = workbench.session("benchmark")
    path = folder / f"{item.name}.txt"
    path.write_text(item.text, encoding="utf-8")
    session.ingest(path)
    info = next(info for info in session.documents() if info.name == path.name)
    made = session.summarise(info, style="brief", length=item.sentences, focus=item.focus)
    return Draft(
        tuple(sentence.text for sentence in made.sentences),
        made.usage,
        citations=len(made.citations),
        valid=_valid(session, info.id, made.citations),
        marked=sum(_is_marked(citation, item) for citation in made.citations),
        coverage=made.coverage,
    )


def _valid(session: Session, document_id: int, citations: Sequence[Citation]) -> int:
    text = session.document(document_id).text
    return sum(text[c.start : c.end] == c.quote for c in citations)


def _is_marked(citation: Citation, item: Item) -> bool:
    return any(start < citation.end and citation.start < end for start, end in item.evidence)


def _peer(workbench: Workbench, mode: str) -> Callable[[Item], Draft]:
    """LlamaIndex reads the whole text, as its SummaryIndex does, in its own chunks and prompts."""
    from llama_index.core import Document, SummaryIndex

    from workbench.models.llama_index import as_llm

    used = [Usage()]

    def open_run() -> AbstractContextManager[Run]:
        return counted_run(workbench, used)

    llm = as_llm(workbench.models, open_run, mask=lambda text: text)

    def write(item: Item) -> Draft:
        used[0] = Usage()
        index = SummaryIndex.from_documents([Document(text=item.text)])
        engine = index.as_query_engine(llm=llm, response_mode=mode)
        return Draft(tuple(sentences(str(engine.query(item.question)))), used[0])

    return write


def _lead(item: Item) -> Draft:
    return Draft(tuple(sentences(item.text)[: item.sentences]), Usage())


def _print(report: dict[str, dict[str, float]], arguments: argparse.Namespace) -> None:
    title = f"{arguments.data.name}, {arguments.model}"
    print(f"{title:<34}" + "".join(f"{name:>16}" for name in report))
    for figure in next(iter(report.values())):
        print(f"{figure:<34}" + "".join(f"{found[figure]:>16.3f}" for found in report.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    known = ["workbench", "tree_summarize", "refine", "lead"]
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=15)
    parser.add_argument("--max-chars", type=int, default=10**9)
    parser.add_argument("--queries", type=int, default=1)
    parser.add_argument("--model", default="default")
    parser.add_argument("--num-ctx", type=int, default=4096)
    parser.add_argument("--systems", nargs="+", choices=known, default=known)
    parser.add_argument("--outcomes", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
