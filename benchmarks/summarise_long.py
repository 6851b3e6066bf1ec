"""A very long document and a large collection: memory, coverage, citations.

    python -m benchmarks.summarise_long --document DIR --collection DIR --model NAME --out FILE.json

The meetings of ``--document`` (QMSum) are joined to one document of 300 pages of 3,000 characters;
the files of ``--collection`` are taken as they are. Memory is the highest resident size of this
process, in MiB, without the model server's, before and after the summary.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.ask import open_benchmark
from benchmarks.summarise_data import load
from workbench.session import Session

PAGES, PAGE_CHARS = 300, 3_000


def main() -> None:
    """Summarise both, print and write what was measured."""
    arguments = _arguments()
    report: dict[str, Any] = {"model": arguments.model}
    with tempfile.TemporaryDirectory() as folder:
        text = "\n\n".join(item.text for item in load(arguments.document))
        path = Path(folder) / "long.txt"
        path.write_text(text[: PAGES * PAGE_CHARS], encoding="utf-8")
        for name, source in (("document", path), ("collection", arguments.collection)):
            workbench = open_benchmark(Path(folder) / name, arguments.model)
            report[name] = measured(workbench.session("benchmark"), source)
            workbench.close()
            print(json.dumps({name: report[name]}, indent=1), flush=True)
    arguments.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def measured(session: Session, source: Path) -> dict[str, Any]:
    """Ingest and summarise ``source``; what it took and whether every citation is exact."""
    session.ingest(source)
    infos = session.documents()
    before_mib = _peak_mib()
    started_s = time.perf_counter()
    summary = session.summarise(style="executive")
    seconds = time.perf_counter() - started_s
    texts = {c.document_id: session.document(c.document_id).text for c in summary.citations}
    valid = sum(texts[c.document_id][c.start : c.end] == c.quote for c in summary.citations)
    return {
        "documents": len(infos),
        "characters": sum(info.characters for info in infos),
        "chunks": summary.chunks,
        "chunks_read": summary.chunks_read,
        "coverage": summary.coverage,
        "sentences": len(summary.sentences),
        "removed": len(summary.removed),
        "citations": len(summary.citations),
        "valid": valid,
        "prompt_tokens": summary.usage.prompt_tokens,
        "seconds": seconds,
        "peak_mib_before": before_mib,
        "peak_mib_after": _peak_mib(),
        "text": summary.text,
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--document", type=Path, required=True)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
