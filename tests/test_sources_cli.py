from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.sources.builders import docx_bytes, paragraph
from tests.sources.compound import locked_office
from tests.sources.test_locked import NOISE
from tests.workbenches import MakeWorkbench
from workbench import cli, sources_cli

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(make_workbench: MakeWorkbench, monkeypatch: pytest.MonkeyPatch) -> Call:
    for module in (cli, sources_cli):
        monkeypatch.setattr(module, "open_workbench", lambda _: make_workbench())

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(cli.app, list(arguments))
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, what TEXT)")
        connection.execute("INSERT INTO orders VALUES (1, 'Two chairs'), (2, 'A lamp')")
    connection.close()
    path = tmp_path / "orders.toml"
    path.write_text(
        'name = "orders"\nquery = "SELECT * FROM orders"\nkey = "id"\nsince = "id"\n',
        encoding="utf-8",
    )
    return path


def test_rows_of_a_query(call: Call, definition: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_SQL_URL", f"sqlite:///{definition.parent / 'shop.db'}")
    code, out, err = call(
        *("ingest-sql", str(definition), "--label", "sales", "--snapshot", "orders", "--json")
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["counts"]["added"] == 2
    assert call("ingest-sql", str(definition), "--label", "sales")[1].startswith("1 unchanged")


@pytest.mark.parametrize(
    "text",
    ["", "name = 1", 'name = "x"\nquery = "q"\nkey = "k"\npassword = "s3cret"', "url = 's3cret"],
)
def test_a_definition_is_closed(call: Call, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    code, _, err = call("ingest-sql", str(path))
    assert code == 2
    assert err.startswith("error: the definition is not valid: bad.toml")
    assert "s3cret" not in err
    assert call("ingest-sql", str(tmp_path / "nowhere.toml"))[0] == 2


def test_files_of_a_lake(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    folder.mkdir()
    (folder / "a.csv").write_text("city,people\nBern,134000\n", encoding="utf-8")
    (folder / "b.csv").write_bytes(b"")
    code, out, err = call("ingest-lake", f"{folder.as_uri()}/*.csv")
    assert code == 0
    assert "failed    b.csv  the file is empty" in out
    assert "1 of 2 items failed" in err
    assert call("ingest-lake", "nosuch://x/*")[0] == 2


def test_a_password_from_the_environment(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = paragraph("Blues") + "".join(paragraph(*line) for line in NOISE)
    path = tmp_path / "plan.docx"
    path.write_bytes(locked_office(docx_bytes(lines), "opens"))
    assert call("ingest", str(path))[0] == 1
    monkeypatch.setenv("WORKBENCH_FILE_PASSWORD", "opens")
    assert call("ingest", str(path))[0] == 0
