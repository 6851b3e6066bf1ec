"""What masking found stands nowhere in clear: not in files, logs, prompts, results or errors."""

from __future__ import annotations

import html
import json
import logging
import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from benchmarks.masking import load
from tests.tasks.vaults import VAULT, vaulted
from tests.test_access_property import shown
from tests.test_session_verbs import VERBS
from workbench.config import Config
from workbench.errors import WorkbenchError
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import load_key
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer
from workbench.session import Session
from workbench.workbench import Workbench

FILES = {
    "mail.eml": "From: Ms Greta Lindqvist <greta.lindqvist@example.org>\n"
    "To: Mr Tommy Ashworth <tommy@ashworth.example>\nSubject: Call Mr Tommy Ashworth\n\n"
    "Dear Mr Tommy Ashworth, my card is 4111-1111-1111-1111. The plan is about badges.\n",
    "page.html": "<html><head><title>Dr Amina Okafor</title><meta name='author' "
    "content='Amina Okafor'></head><body><p>Dr Amina Okafor (SSN 536-22-1840) signed.</p>"
    "<p>Okafor pays from DE89 3704 0044 0532 0130 00.</p></body></html>",
    "cells.csv": "name,mail,phone\nMr Jonas Weber,jonas.weber@corp.example,+1 (415) 555-0132\n"
    "Mrs Ilse Brandt,ilse@corp.example,+1 (415) 555-0177\n",
    "notes.json": json.dumps({"owner": "Mr Jonas Weber", "ip": "203.0.113.77", "note": "badges"}),
    "Mr Jonas Weber/mail to greta.lindqvist@example.org.txt": "A note about tea.",
    "Mr Jonas Weber/tommy@ashworth.example/plan.txt": "A note about coffee.",
    "plain.txt": "The office processes new badges every Wednesday. Ask Mrs Ilse Brandt.",
}
SYNTHETIC_TEXTS = 30
QUESTION = "What did Dr Amina Okafor pay from DE89370400440532013000?"

Found = dict[str, str]


@pytest.fixture
def found() -> Found:
    """Every value that masking found, with its type."""
    return {}


@pytest.fixture(params=["patterns", pytest.param("models", marks=pytest.mark.slow)])
def workbench(
    request: pytest.FixtureRequest, tmp_path: Path, found: Found
) -> tuple[Workbench, FakeServer]:
    server = FakeServer()
    workbench = vaulted(tmp_path / "workspace", Config(vault=VAULT), server=server)
    keep = workbench.vault.keep if workbench.vault is not None else None
    assert keep is not None

    def noted(values: Mapping[tuple[str, int], str]) -> None:
        found.update({value: shown[0] for shown, value in values.items()})
        keep(values)

    if request.param == "models":
        key = load_key(workbench.folder / "placeholder.key")
        workbench._masker = Masker(
            workbench.config.masking, workbench.corpus.placeholders, key=key, keep=noted
        )
    else:
        workbench.masker._keep = noted
    return workbench, server


@pytest.fixture
def more_files(request: pytest.FixtureRequest) -> dict[str, str]:
    """With the models, texts of a labelled set, spread over all of it."""
    if "models" not in request.node.callspec.id:
        return {}
    path = request.getfixturevalue("shared_data") / "pii-presidio-synth/synth_dataset_v2.json"
    texts = [record.text for record in load(path)]
    step = len(texts) // SYNTHETIC_TEXTS
    return {f"text {at}.txt": text for at, text in enumerate(texts[::step])}


def walked(session: Session, folder: Path) -> str:
    """Everything that the verbs give back, and the errors they end with."""
    given = []
    # Revealing is what shows values; a preview shows a text to whoever typed it.
    walks: list[Callable[[], object]] = [
        *(
            lambda verb=verb: VERBS[verb](session, folder)  # type: ignore[misc]
            for verb in VERBS
            if verb not in {"reveal", "preview_masking", "forget", "rollback"}
        ),
        lambda: session.ask(QUESTION),
        lambda: session.search(QUESTION),
        lambda: session.search_many([QUESTION]),
        lambda: session.as_llm().complete(QUESTION),
        lambda: session.as_embedding().get_text_embedding(QUESTION),
        lambda: session.as_retriever().retrieve(QUESTION),
        lambda: session.reveal("<PERSON_1>"),
        *(lambda info=info: session.document(info.id) for info in session.documents()),  # type: ignore[misc]
        *(
            lambda view=view: session.sql(f"SELECT * FROM {view}")  # type: ignore[misc]
            for view in ("documents", "chunks", "answers", "citations", "runs")
        ),
    ]
    for walk in walks:
        try:
            result = walk()
        except WorkbenchError as error:
            given.append("".join(traceback.format_exception(error)))
        else:
            text = repr(result) if type(result).__name__ == "Revealed" else shown(result)
            given.append(text)
    return "\n".join(given)


def tables(workbench: Workbench) -> str:
    """Every value of every table: DuckDB packs its columns, so bytes alone prove little."""

    def dump(connection: duckdb.DuckDBPyConnection) -> str:
        names = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
        return "\n".join(
            str(connection.execute(f"SELECT * FROM {schema}.{name}").fetchall())
            for schema, name in names
        )

    return workbench.corpus._database.read(dump)


def spellings(value: str) -> set[str]:
    """How a value may stand somewhere: as it is, and numbers without their marks."""
    bare = re.sub(r"[\s().-]", "", value)
    return {value, bare} if any(char.isdigit() for char in bare) and len(bare) > 6 else {value}


def leaks(text: str, found: Found) -> list[str]:
    folded = text.casefold()
    return [
        f"{kind}: {value!r}"
        for value, kind in found.items()
        for spelling in spellings(value)
        if is_telling(spelling, kind) and spelling.casefold() in folded
    ]


def is_telling(value: str, kind: str) -> bool:
    """Whether a value says whom it is about: a bare name may be a word like any other."""
    return len(value) > 4 and (kind != "PERSON" or " " in value)


def test_nothing_that_was_found_stands_anywhere(
    workbench: tuple[Workbench, FakeServer],
    found: Found,
    more_files: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    bench, server = workbench
    sources = tmp_path / "sources"
    sources.mkdir()
    for name, text in {**FILES, **more_files}.items():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_text(text, encoding="utf-8")
    (sources / "broken.pdf").write_bytes(b"%PDF-1.4 Mr Tommy Ashworth")
    caplog.set_level(logging.DEBUG)
    session = bench.session("ana")
    report = session.ingest(sources)
    assert len(session.documents()) == len(FILES) + len(more_files)
    given = walked(session, sources) + shown(report)
    # The names, the card, the account, the number, addresses and phones: it was worth looking.
    assert {"PERSON", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "EMAIL_ADDRESS"} <= set(found.values())
    assert leaks(" ".join(FILES.values()), found)
    assert leaks(given, found) == []
    assert leaks(tables(bench), found) == []
    prompts = "\n".join([*server.texts, *(f"{r.system}\n{r.user}" for r in server.requests)])
    assert "badges" in prompts
    assert leaks(prompts, found) == []
    assert leaks(caplog.text, found) == []
    assert leaks("".join(capfd.readouterr()), found) == []
    files = [file for file in bench.folder.rglob("*") if file.is_file()]
    assert {"workbench.duckdb", "vault.sqlite"} <= {file.name for file in files}
    for file in files:
        content = file.read_bytes().decode("utf-8", "ignore")
        assert leaks(content, found) == [], file.name


NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
# Receipts published with the numbers of the shops, kept as they are under a public label.
UNMASKED = {"05_summarise.ipynb", "06_extract.ipynb"}
_TAG = re.compile(r"</?[a-z][^<>]*>")


def test_no_committed_output_holds_a_number_or_an_address() -> None:
    types = Config().masking.types
    patterns = [each for each in RECOGNIZERS if each.type in types and each.type != "PERSON"]
    paths = [path for path in NOTEBOOKS.glob("*.ipynb") if path.name not in UNMASKED]
    books = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    outputs = [out for book in books for cell in book["cells"] for out in cell.get("outputs", ())]
    texts = [
        html.unescape(_TAG.sub(" ", "".join(part)))
        for output in outputs
        for part in (*output.get("data", {}).values(), output.get("text", ""))
    ]
    assert any("<EMAIL_ADDRESS_" in text or "<PERSON_" in text for text in texts)
    shown = [
        text[span.start : span.end]
        for text, spans in zip(texts, Patterns(patterns).find(texts), strict=True)
        for span in spans
        if span.score >= Config().masking.threshold
    ]
    assert shown == []


def test_a_leak_would_be_found() -> None:
    found = {"Amina Okafor": "PERSON", "DE89 3704 0044 0532 0130 00": "IBAN_CODE"}
    assert leaks("asked AMINA OKAFOR", found) == ["PERSON: 'Amina Okafor'"]
    assert leaks("from DE89370400440532013000.", found)
    assert leaks("<PERSON_1> pays from <IBAN_CODE_1>", found) == []
