from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workbenches import MakeWorkbench
from workbench.errors import SourceError
from workbench.sources.items import Item
from workbench.store.records import Refusal, StoredSource
from workbench.tasks.known import Known, refusal_print


def _never(_: str):
    raise AssertionError("it was read")


ITEM = Item("file:///a/Ann.txt", "Ann.txt", 3, lambda: "content", _never, conditions="ocr")
PRINT = "content:pipeline"


def known(stored: dict[str, str] | None = None, refused: dict[str, str] | None = None) -> Known:
    return Known(
        label="internal",
        pipeline="pipeline",
        digest="",
        stored={uri: StoredSource(found, "n") for uri, found in (stored or {}).items()},
        refused={uri: Refusal(found, "n", "why") for uri, found in (refused or {}).items()},
        private_part=lambda uri: "0123.txt",
    )


@pytest.mark.parametrize("uri", [ITEM.uri, "file:///a/0123.txt", "file:///4567/0123.txt"])
def test_an_item_is_known_by_its_uri_or_however_it_is_shown(uri: str) -> None:
    assert known({uri: PRINT}).has(ITEM)
    assert known({uri: PRINT}).about(ITEM)[0] == uri
    assert not known({uri: "other:pipeline"}).has(ITEM)
    assert not known({"file:///a/b.txt": PRINT}).has(ITEM)


def test_a_refusal_holds_under_its_conditions_only() -> None:
    refused = known(refused={ITEM.uri: refusal_print(ITEM, PRINT)})
    assert refused.has(ITEM)
    assert not refused.has(replace(ITEM, conditions="no ocr"))


def test_what_cannot_be_opened_has_its_error_as_content() -> None:
    def broken() -> str:
        raise SourceError("it is locked", next_step="Wait.")

    assert known().fingerprint(replace(ITEM, fingerprint=broken)) == (
        "SourceError, it is locked:pipeline"
    )


_AGAIN = """
import sys
from pathlib import Path
from workbench.config import Config
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.placeholders import MemoryPlaceholders
from workbench.masking.recognizers import RECOGNIZERS
from workbench.workbench import Workbench
workspace, folder, home = map(Path, sys.argv[1:])
patterns = [Patterns(RECOGNIZERS)]
masker = Masker(Config().masking, MemoryPlaceholders(), key=bytes(32), detectors=patterns)
workbench = Workbench(workspace, Config(), {"WORKBENCH_HOME": str(home)}, masker=masker)
print(*(item.status.value for item in workbench.session("ana").ingest(folder).items))
print(*{"pandas", "ollama", "httpx", "presidio_analyzer", "spacy", "faiss"} & set(sys.modules))
"""


def test_telling_that_nothing_changed_imports_little(
    make_workbench: MakeWorkbench, folder: Path, tmp_path: Path
) -> None:
    make_workbench().session("ana").ingest(folder)
    places = map(str, (tmp_path / "workspace", folder, tmp_path / "home"))
    done = subprocess.run(
        [sys.executable, "-c", _AGAIN, *places], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["unchanged unchanged unchanged", ""]
