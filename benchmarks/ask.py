"""Cited answers against a plain LlamaIndex query engine: same model, same chunks, same run.

    python -m benchmarks.ask --data DIR --limit N --model NAME --out FILE.json

DIR holds ``answerable.jsonl`` and ``unanswerable.jsonl`` (id, input, passages with title, text and
sentences, output with reference answers), as CLAP NQ is laid out. All passages of both files are
ingested into one workspace, unmasked since they are public; the first N questions of each file are
asked over all of them.

- answer F1: token F1 with the best reference, 0 for an abstention, over answerable questions;
- citation validity: share of citations whose quote stands at its offsets in the stored document;
- citation precision: share of citations that overlap a sentence the annotators selected;
- accuracy: answerable questions that were answered, unanswerable ones that were abstained from.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from rapidfuzz import fuzz

from workbench.config import Config, MaskingConfig, ModelsConfig, load_config
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.session import Session
from workbench.values import Citation, Usage
from workbench.workbench import Workbench, open_workbench

PEER_K = 3
_REFUSAL = re.compile(
    r"\b(not (?:mention|provid|specif|stat|contain|includ|clear|found|available|given|answer)"
    r"|does(?: not|n't)|do(?: not|n't) (?:know|have|contain|provide)"
    r"|no (?:information|mention|answer)|cannot|can't|unable|unknown)",
    re.I,
)
"""Words by which a free answer declines; looked for in its first sentence only."""


@dataclass(frozen=True, slots=True)
class Question:
    """One line of the data. ``references`` and ``evidence`` are empty where there is no answer."""

    text: str
    references: tuple[str, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one system made of one question."""

    answerable: bool
    abstained: bool
    f1: float
    citations: int
    valid: int
    precise: int
    seconds: float
    prompt_tokens: int
    output_tokens: int


def main() -> None:
    """Run both systems, print a table, write the JSON."""
    arguments = _arguments()
    answerable, passages = _read(arguments.data / "answerable.jsonl")
    unanswerable, more = _read(arguments.data / "unanswerable.jsonl")
    questions = answerable[: arguments.limit] + unanswerable[: arguments.limit]
    with tempfile.TemporaryDirectory() as folder:
        workbench = open_benchmark(Path(folder), arguments.model)
        session = workbench.session("benchmark")
        _ingest(session, Path(folder) / "passages", {**passages, **more})
        peer = _peer(workbench)
        ours: list[Outcome] = []
        theirs: list[Outcome] = []
        for number, question in enumerate(questions, start=1):
            ours.append(_ask(session, question))
            theirs.append(peer(question))
            print(f"{number}/{len(questions)}", end="\r", flush=True)
    report = {"workbench": summary(ours), "llama_index": summary(theirs)}
    _print(report, arguments.model)
    arguments.out.write_text(
        json.dumps(
            {
                "data": arguments.data.name,
                "model": arguments.model,
                "limit": arguments.limit,
                "systems": report,
                "outcomes": {
                    "workbench": [asdict(outcome) for outcome in ours],
                    "llama_index": [asdict(outcome) for outcome in theirs],
                },
            },
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )


def token_f1(answer: str, reference: str) -> float:
    """SQuAD's token F1: case, punctuation and articles are ignored."""
    left, right = _tokens(answer), _tokens(reference)
    shared = sum((Counter(left) & Counter(right)).values())
    return 2 * shared / (len(left) + len(right)) if shared else 0.0


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The table's figures for one system."""
    able = [o for o in outcomes if o.answerable]
    unable = [o for o in outcomes if not o.answerable]
    citations = sum(o.citations for o in outcomes)
    cited_able = sum(o.citations for o in able)
    answered = mean(not o.abstained for o in able) if able else 0.0
    refused = mean(o.abstained for o in unable) if unable else 0.0
    return {
        "answer_f1": mean(o.f1 for o in able) if able else 0.0,
        "answerable_accuracy": answered,
        "unanswerable_accuracy": refused,
        "balanced_accuracy": (answered + refused) / 2,
        "citations": citations,
        "citation_validity": sum(o.valid for o in outcomes) / citations if citations else 0.0,
        "citation_precision": sum(o.precise for o in able) / cited_able if cited_able else 0.0,
        "seconds_per_question": mean(o.seconds for o in outcomes),
        "prompt_tokens_per_question": mean(o.prompt_tokens for o in outcomes),
        "output_tokens_per_question": mean(o.output_tokens for o in outcomes),
    }


def _ask(session: Session, question: Question) -> Outcome:
    started_s = time.perf_counter()
    answer = session.ask(question.text)
    seconds = time.perf_counter() - started_s
    abstained = not answer.claims
    texts = {c.document_id: session.document(c.document_id).text for c in answer.citations}
    valid = sum(texts[c.document_id][c.start : c.end] == c.quote for c in answer.citations)
    return Outcome(
        answerable=bool(question.references),
        abstained=abstained,
        f1=0.0 if abstained else _best_f1(answer.text, question),
        citations=len(answer.citations),
        valid=valid,
        precise=sum(_is_evidence(citation, question) for citation in answer.citations),
        seconds=seconds,
        prompt_tokens=answer.usage.prompt_tokens,
        output_tokens=answer.usage.output_tokens,
    )


def _peer(workbench: Workbench) -> Callable[[Question], Outcome]:
    """LlamaIndex's query engine as its documentation sets it up, over the workspace's chunks."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.schema import TextNode

    from workbench.models.llama_index import as_embedding, as_llm

    used = [Usage()]
    session = workbench.session("benchmark")

    def open_run() -> AbstractContextManager[Run]:
        return counted_run(workbench, used)

    rows = session.sql("SELECT id, heading, text FROM chunks ORDER BY id").arrow().to_pylist()
    nodes = [TextNode(id_=str(r["id"]), text=f"{r['heading']}\n{r['text']}") for r in rows]
    mask = workbench.masker.mask_text
    embedding = as_embedding(workbench.models, open_run, mask=mask)
    index = VectorStoreIndex(nodes, embed_model=embedding)
    llm = as_llm(workbench.models, open_run, mask=mask)
    engine = index.as_query_engine(llm=llm, similarity_top_k=PEER_K)

    def answer(question: Question) -> Outcome:
        used[0] = Usage()
        started_s = time.perf_counter()
        text = str(engine.query(question.text))
        seconds = time.perf_counter() - started_s
        abstained = not text.strip() or bool(_REFUSAL.search(re.split(r"[.!?]\s", text)[0]))
        return Outcome(
            answerable=bool(question.references),
            abstained=abstained,
            f1=_best_f1(text, question),
            citations=0,
            valid=0,
            precise=0,
            seconds=seconds,
            prompt_tokens=used[0].prompt_tokens,
            output_tokens=used[0].output_tokens,
        )

    return answer


@contextmanager
def counted_run(workbench: Workbench, used: list[Usage]) -> Iterator[Run]:
    """A run whose usage is added up when it ends."""
    actor = workbench.session("benchmark").actor
    with workbench.guard.open(actor, Action.EVALUATE, resource="llama_index") as run:
        yield run
    used[0] = used[0] + run.meter.usage


def open_benchmark(folder: Path, model: str, **models_config: object) -> Workbench:
    """A workbench over public data: nothing masked, ``model`` for chat."""
    models = load_config().models.model_dump() | {"chat": model, **models_config}
    config = Config(models=ModelsConfig(**models), masking=MaskingConfig(types=()))
    return open_workbench(folder / "workspace", config=config)


def _ingest(session: Session, folder: Path, passages: dict[str, str]) -> None:
    folder.mkdir()
    for number, (text, title) in enumerate(passages.items()):
        slug = re.sub(r"\W+", "-", title.lower()).strip("-")[:60]
        (folder / f"{slug}-{number:04d}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    report = session.ingest(folder)
    if report.failed:
        raise SystemExit(f"{len(report.failed)} passages failed: {report.failed[0].error}")


def _read(path: Path) -> tuple[list[Question], dict[str, str]]:
    questions: list[Question] = []
    passages: dict[str, str] = {}
    for record in _records(path):
        passages |= {passage["text"]: passage["title"] for passage in record["passages"]}
        answers = [output for output in record["output"] if output["answer"].strip()]
        questions.append(
            Question(
                text=record["input"].strip(),
                references=tuple(output["answer"] for output in answers),
                evidence=tuple(s for output in answers for s in output["selected_sentences"]),
            )
        )
    return questions, passages


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _best_f1(text: str, question: Question) -> float:
    return max((token_f1(text, reference) for reference in question.references), default=0.0)


def _is_evidence(citation: Citation, question: Question) -> bool:
    # 90 leaves room for line breaks and quotation marks that parsing changed.
    return any(fuzz.partial_ratio(citation.quote, s) >= 90 for s in question.evidence)


def _tokens(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.lower()) if word not in {"a", "an", "the"}]


def _print(report: dict[str, dict[str, float]], model: str) -> None:
    print(f"{model:<30}" + "".join(f"{name:>14}" for name in report))
    for figure in next(iter(report.values())):
        print(f"{figure:<30}" + "".join(f"{r[figure]:>14.3f}" for r in report.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    # Before the hours of work, not after them.
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    return arguments


if __name__ == "__main__":
    main()
