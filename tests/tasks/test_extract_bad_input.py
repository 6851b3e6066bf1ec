"""What no batch may stumble over: bad documents, bad servers, a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.conftest import ScriptedServer, answer_bytes, answer_json, scripted_server
from tests.tasks.receipts import SCHEMA, reads, receipts, shown
from tests.tasks.vaults import vaulted
from tests.workbenches import MakeWorkbench
from workbench.config import Config
from workbench.models.fake import FakeServer
from workbench.models.messages import Endpoint
from workbench.models.ollama import OllamaServer
from workbench.values import FieldStatus, RecordStatus

__all__ = ["scripted_server"]

GOOD = json.dumps({"shop": "GOOD SHOP", "issued": "25/12/2018", "total": "9.00"})
TEXTS = {
    name: f"{name.upper()} SHOP\nDATE 25/12/2018\nTOTAL 9.00"
    for name in ("good", "prose", "cut", "wrong", "silent", "broken", "last")
}


@pytest.fixture
def ollama(scripted_server: ScriptedServer) -> Iterator[OllamaServer]:
    """An HTTP server that speaks Ollama's API and does with each document what its name says."""
    names = ("qwen2.5-coder:1.5b", "all-minilm:latest")
    listed = [{"model": n, "digest": "ab", "size": 5, "details": {"family": "x"}} for n in names]
    scripted_server.answers |= {
        "/api/tags": lambda handler, _: answer_json(handler, {"models": listed}),
        "/api/embed": lambda handler, body: answer_json(
            handler, {"embeddings": np.eye(len(body["input"]), 384).tolist()}
        ),
        "/api/chat": _chat,
    }
    found = Endpoint(scripted_server.address)
    with closing(OllamaServer(lambda: found, timeout_s=1.0)) as server:
        yield server


def _chat(handler: BaseHTTPRequestHandler, body: Any) -> None:
    asked = body["messages"][-1]["content"]
    if "BROKEN" in asked:
        answer_json(handler, {"error": "llama runner process has terminated"}, 500)
        return
    if "SILENT" in asked:
        time.sleep(1.5)
    content = GOOD
    if "PROSE" in asked:
        content = "Certainly! The shop is PROSE SHOP."
    elif "CUT" in asked:
        content = '{"shop": "CUT SHOP", "issued": "25/12/2018", "total": "9.0'
    elif "WRONG" in asked:
        content = '{"shop": ["WRONG SHOP"], "issued": 7, "extra": {"total": "9.00"}}'
    last = {"done": True, "done_reason": "stop", "prompt_eval_count": 300, "eval_count": 9}
    line = {"model": "m", "message": {"role": "assistant", "content": content}, **last}
    try:
        answer_bytes(handler, json.dumps(line).encode() + b"\n")
    except OSError:
        assert "SILENT" in asked, "only here the client has gone"


def test_each_fault_of_a_server_stays_with_its_document(
    make_workbench: MakeWorkbench, tmp_path: Path, ollama: OllamaServer
) -> None:
    session = make_workbench(server=ollama).session("ana")  # type: ignore[arg-type]
    session.ingest(receipts(tmp_path, {f"{name}.txt": text for name, text in TEXTS.items()}))
    result = session.extract("all", SCHEMA)
    found = {record.document.removesuffix(".txt"): record for record in result}
    status = {name: record.status.value for name, record in found.items()}
    assert status == {
        "good": "complete",
        # GOOD SHOP does not stand in this one.
        "last": "incomplete",
        "prose": "failed",
        "silent": "failed",
        "broken": "failed",
        "cut": "complete",
        "wrong": "incomplete",
    }
    assert "not the JSON" in found["prose"].problem
    assert "silent for too long" in found["silent"].problem
    assert "server" in found["broken"].problem
    for name, record in found.items():
        text = session.document(record.document_id).text
        for field in record.fields:
            assert field.value is None or text[field.start : field.end] == field.quote, name


def test_files_without_text_are_told_and_leave_no_record(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    session = make_workbench(server=FakeServer(reads)).session("ana")
    folder = receipts(tmp_path)
    for name, text in {"empty.txt": "", "blank.txt": " \n\t\n", "mark.txt": "\ufeff"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    report = session.ingest(folder)
    assert len(report.failed) == 3
    assert [r.status for r in session.extract("all", SCHEMA)] == [RecordStatus.COMPLETE] * 3


def test_an_enormous_document_costs_no_more_than_a_long_one(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    server = FakeServer(lambda _: json.dumps({"shop": "", "issued": "", "total": ""}))
    session = make_workbench(server=server).session("ana")
    lines = [f"Line {number} of a very long report about nothing." for number in range(20_000)]
    session.ingest(receipts(tmp_path, {"enormous.txt": "\n".join(lines)}))
    (record,) = session.extract("all", SCHEMA)
    assert record.status is RecordStatus.EMPTY
    assert record.read_share < 0.05
    assert len(server.requests) <= 3
    assert max(len(request.user) for request in server.requests) < 8_000


def test_other_languages_and_scripts_keep_their_words(
    make_workbench: MakeWorkbench, tmp_path: Path
) -> None:
    texts = {
        "fr.txt": "LIBRAIRIE DUPRÉ\nLe 3 février 2019\nTotal 1 234,50 €",
        "zh.txt": "北京书店\n日期 2019-02-03\n合计 ¥ 88.50",
        "prose.txt": "Der Mond scheint heute sehr hell.",
    }
    said = {
        "DUPRÉ": {"shop": "LIBRAIRIE DUPRÉ", "issued": "3 février 2019", "total": "1 234,50 €"},
        "北京": {"shop": "北京书店", "issued": "2019-02-03", "total": "¥ 88.50"},
    }
    server = FakeServer(
        lambda request: json.dumps(
            next((reply for word, reply in said.items() if word in shown(request)), {})
        )
    )
    session = make_workbench(server=server).session("ana")
    session.ingest(receipts(tmp_path, texts))
    french, prose, chinese = session.extract("all", SCHEMA).records
    assert str(french["issued"].value) == str(chinese["issued"].value) == "2019-02-03"
    assert (str(french["total"].value), str(chinese["total"].value)) == ("1234.50", "88.50")
    assert chinese["shop"].value == "北京书店"
    assert prose.status is RecordStatus.EMPTY
    assert all(field.status is FieldStatus.MISSING for field in prose.fields)


_EXTRACTOR = """
import sys, time
from pathlib import Path
from tests.tasks.receipts import SCHEMA, reads
from tests.tasks.vaults import vaulted
from workbench.config import Config
from workbench.models.fake import FakeServer

def slowly(request):
    time.sleep(0.15)
    return reads(request)

session = vaulted(Path(sys.argv[1]), Config(), server=FakeServer(slowly)).session("ana")
session.extract("all", SCHEMA, progress=lambda p: print(p.document, flush=True))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_batch_reads_no_finished_document_again(tmp_path: Path) -> None:
    count = 12
    texts = {f"{n:02}.txt": f"SHOP {n:02}\nDATE 25/12/2018\nTOTAL RM {n}.00" for n in range(count)}
    workspace = tmp_path / "workspace"
    first = vaulted(workspace, Config())
    first.session("ana").ingest(receipts(tmp_path, texts))
    first.close()
    finished: list[str] = []
    for _ in range(2):
        command = [sys.executable, "-c", _EXTRACTOR, str(workspace)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            wanted = len(finished) + 3
            seen = [process.stdout.readline().strip() for _ in range(wanted)]
            process.send_signal(signal.SIGKILL)
            seen += process.stdout.read().split()
        assert process.returncode == -signal.SIGKILL
        assert seen[: len(finished)] == finished
        finished = seen
    assert 6 <= len(finished) < count
    server = FakeServer(reads)
    workbench = vaulted(workspace, Config(), server=server)
    session = workbench.session("ana")
    result = session.extract("all", SCHEMA)
    assert result.count(RecordStatus.COMPLETE) == len(result) == count
    asked = {shown(request).splitlines()[0] for request in server.requests}
    assert asked.isdisjoint(texts[name].splitlines()[0] for name in finished)
    assert len(server.requests) <= count - len(finished)
    again = session.extract("all", SCHEMA)
    assert len(server.requests) <= count - len(finished)
    assert (again.usage.tokens, again.records) == (0, result.records)
    workbench.close()
