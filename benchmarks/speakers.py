"""Does the rule about speakers refuse what is put into another's mouth, and only that?

    python -m benchmarks.speakers --data DIR --out FILE.json

DIR holds QMSum. Sentences that people wrote about a meeting and that begin with a speaker who says
or asks something are taken as they are (none should be refused), and with each other speaker of the
same passage in that one's place (all should be). The passage is what the annotators marked.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.tasks.attribute import sentences
from workbench.tasks.speakers import wrong_speaker


def main() -> None:
    """Run the benchmark and write its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    kept, swapped = [], []
    for sentence, speaker, others, text in _attributions(arguments.data):
        kept.append(wrong_speaker(sentence, [text]))
        swapped += [wrong_speaker(_said_by(sentence, speaker, o), [text]) for o in others]
    report = {"right": _refused(kept), "swapped": _refused(swapped)}
    for name, found in report.items():
        print(f"{name:<10}{found['sentences']:>6}{found['refused']:>8.3f} refused")
    arguments.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _refused(found: list[bool]) -> dict[str, float]:
    return {"sentences": len(found), "refused": sum(found) / len(found)}


def _attributions(folder: Path) -> Iterator[tuple[str, str, list[str], str]]:
    """Each sentence with its speaker, the other speakers of its passage, and the passage."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            meeting = json.loads(line)
            for query in meeting["specific_query_list"]:
                turns = _marked(meeting["meeting_transcripts"], query["relevant_text_span"])
                text = "\n\n".join(f"{turn['speaker']}: {turn['content']}" for turn in turns)
                speakers = {turn["speaker"] for turn in turns}
                for sentence in sentences(query["answer"]):
                    named = [one for one in speakers if _begins(sentence, one)]
                    if named:
                        yield sentence, named[0], sorted(speakers - set(named)), text


def _marked(turns: list[dict[str, Any]], spans: list[list[str]]) -> list[dict[str, Any]]:
    rows = {row for start, end in spans for row in range(int(start), int(end) + 1)}
    return [turn for row, turn in enumerate(turns) if row in rows]


def _begins(sentence: str, speaker: str) -> bool:
    return re.match(rf"(?:the )?{re.escape(speaker)}\b", sentence, re.IGNORECASE) is not None


def _said_by(sentence: str, speaker: str, other: str) -> str:
    return re.sub(re.escape(speaker), lambda _: other, sentence, count=1, flags=re.IGNORECASE)


if __name__ == "__main__":
    main()
