from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import StoreError
from workbench.store import keyword as module
from workbench.store.corpus import Corpus
from workbench.store.records import EmbeddingInfo, SearchQuery
from workbench.values import Chunk, MaskedDocument


def found(corpus: Corpus, run, text: str, k: int = 10) -> list[str]:
    return [hit.uri for hit in corpus.search(run, SearchQuery(text, mode="keyword", k=k))]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("the travelling salesmen", "travel"),
        ("Crème brûlée", "creme BRULEE"),
        ("paid by <PERSON_17>", "What did <PERSON_17> pay?"),
        ("clause 4.2(b)", "4.2"),
        ("snake_case_name", "snake_case_name"),
        ("žluťoučký kůň", "kůň"),
        ("日本語", "日本語"),
    ],
)
def test_words_are_found_in_their_forms(corpus: Corpus, run_for, put, text, query) -> None:
    put("a", text)
    put("b", "something else entirely")
    assert found(corpus, run_for("*"), query) == ["a"]


def test_a_placeholder_is_one_word(corpus: Corpus, run_for, put) -> None:
    put("a", "<PERSON_17> and 4 others")
    put("b", "<PERSON_4> and 17 others")
    assert found(corpus, run_for("*"), "<PERSON_4>") == ["b"]


def test_the_heading_is_searched(corpus: Corpus, run_for) -> None:
    corpus.put(
        run_for("*"),
        MaskedDocument("a", "a", "text/plain", "h", "ten days"),
        [Chunk(0, 0, 8, "ten days", heading="Leave > Sick leave")],
        vectors=np.array([[1, 0, 0]], np.float32),
        fingerprint="f",
        embedding=EmbeddingInfo("fake", "sha256:one", 3),
    )
    assert found(corpus, run_for("*"), "sickness leaves") == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        'travel AND (policy OR "sick',
        "+travel -policy",
        "travel:policy^2~",
        "body:travel kind:state",
        "travel *",
        "[a TO z]",
        "/travel.*/",
        "travel \\",
        "'; DROP TABLE travel; --",
        "travel\x00\n\t",
        "travel " * 25_000,
        " ".join(f"word{i}" for i in range(10_000)) + " travel travel",
    ],
)
def test_operators_and_quotes_mean_nothing(corpus: Corpus, run_for, put, query) -> None:
    put("a", "travel policy")
    assert found(corpus, run_for("*"), query) in (["a"], [])
    assert ("travel" in query) == (found(corpus, run_for("*"), query) == ["a"])


@pytest.mark.parametrize("query", ["", "   ", "?!", "the of and", "\x00", "state", "chunk"])
def test_a_query_without_known_words_finds_nothing(corpus, run_for, put, query) -> None:
    put("a", "travel policy")
    assert found(corpus, run_for("*"), query) == []


def test_rarer_and_repeated_words_rank_higher(corpus: Corpus, run_for, put) -> None:
    put("rare", "common zebra")
    put("twice", "common common")
    put("once", "common words")
    assert found(corpus, run_for("*"), "common zebra") == ["rare", "twice", "once"]


def test_labels_with_any_characters_limit_the_search(corpus: Corpus, run_for, put) -> None:
    labels = ["it's", 'a "b" AND c', "ünï", "x" * 300, "HR", "hr", ""]
    for label in labels:
        put(f"of {label}", "zebra", label=label)
    for label in labels:
        assert found(corpus, run_for(label), "zebra") == [f"of {label}"]
    assert found(corpus, run_for("h"), "zebra") == []


def test_many_pages_of_chunks_are_indexed(corpus: Corpus, run_for, put, monkeypatch) -> None:
    monkeypatch.setattr("workbench.store.versions.PAGE_ROWS", 4)
    put("a", *(f"word{i} zebra" for i in range(10)))
    put("b", "word3")
    run = run_for("*")
    assert len(found(corpus, run, "zebra", k=100)) == 10
    assert sorted(found(corpus, run, "word3")) == ["a", "b"]


def folder_of(corpus: Corpus) -> Path:
    return corpus._database.folder / "keyword"


def truncate_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribble(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"\xff" * max(64, path.stat().st_size))


def remove_segments(folder: Path) -> None:
    for path in folder.iterdir():
        if path.suffix in (".term", ".idx", ".store", ".fast", ".pos", ".fieldnorm"):
            path.unlink()


def break_meta(folder: Path) -> None:
    (folder / "meta.json").write_text("{")


DAMAGES = [shutil.rmtree, truncate_all, scribble, remove_segments, break_meta]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("fresh_process", [True, False])
def test_a_damaged_index_heals_itself(
    corpus: Corpus, run_for, put, damage: Callable[[Path], None], fresh_process: bool
) -> None:
    run = run_for("*")
    for number in range(5):
        put(f"file-{number}", f"zebra number{number}")
        found(corpus, run, "zebra")
    damage(folder_of(corpus))
    put("late", "zebra latecomer")
    reader = Corpus(corpus._database.folder) if fresh_process else corpus
    assert len(found(reader, run, "zebra")) == 6
    assert found(reader, run, "latecomer") == ["late"]
    assert found(Corpus(corpus._database.folder), run, "number3") == ["file-3"]


def test_an_index_of_an_older_make_is_built_anew(corpus, run_for, put, monkeypatch) -> None:
    put("a", "zebra")
    assert found(corpus, run_for("*"), "zebra") == ["a"]
    monkeypatch.setattr(module, "MAKE", 99)
    assert found(Corpus(corpus._database.folder), run_for("*"), "zebra") == ["a"]


def test_a_restored_workspace_gets_a_matching_index(corpus: Corpus, run_for, put) -> None:
    run = run_for("*")
    put("a", "zebra")
    database = corpus._database
    backup = database.folder / "backup"
    database.write(lambda c: None)
    backup.mkdir()
    for path in database.folder.glob("workbench.duckdb*"):
        shutil.copy(path, backup)
    put("b", "violin")
    assert found(corpus, run, "violin") == ["b"]
    for path in database.folder.glob("workbench.duckdb*"):
        path.unlink()
    for path in backup.iterdir():
        shutil.copy(path, database.folder)
    put("c", "harbour")
    # The same version number as before, but another history.
    for reader in (corpus, Corpus(database.folder)):
        assert found(reader, run, "violin") == []
        assert found(reader, run, "harbour") == ["c"]
        assert found(reader, run, "zebra") == ["a"]


def test_an_index_that_cannot_be_written_is_a_clear_error(corpus, run_for, put) -> None:
    put("a", "zebra")
    folder_of(corpus).write_text("a file in the way")
    with pytest.raises(StoreError, match="keyword index"):
        found(corpus, run_for("*"), "zebra")
    folder_of(corpus).unlink()
    assert found(corpus, run_for("*"), "zebra") == ["a"]


def test_two_processes_share_one_index(corpus: Corpus, run_for, put, repo_root: Path) -> None:
    put("a", "zebra")
    script = """
import sys
from pathlib import Path
from workbench.guard.budget import Budget
from workbench.guard.policy import Action
from workbench.guard.run import Run
from workbench.store.corpus import Corpus
from workbench.store.records import SearchQuery
from workbench.values import Actor, Scope
scope = Scope(unrestricted=True)
run = Run(Actor("bob", "viewer", scope), Action.SEARCH, scope, Budget(1, 60))
corpus = Corpus(Path(sys.argv[1]))
for line in sys.stdin:
    hits = corpus.search(run, SearchQuery(line.strip(), mode="keyword"))
    print(*sorted(hit.uri for hit in hits), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(corpus._database.folder)],
        cwd=repo_root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None

        def ask_other() -> str:
            other.stdin.write("zebra\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert ask_other() == "a"
        put("b", "zebra")
        assert sorted(found(corpus, run_for("*"), "zebra")) == ["a", "b"]
        assert ask_other() == "a b"
        put("c", "zebra")
        assert ask_other() == "a b c"
        corpus.remove(run_for("*"), "a")
        assert sorted(found(corpus, run_for("*"), "zebra")) == ["b", "c"]
        assert ask_other() == "b c"
        other.stdin.close()


def test_a_file_that_a_killed_writer_left_behind_is_no_obstacle(
    corpus, put, run_for, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.txt", "the office processes new badges")
    real = module.KeywordIndex._updated
    failures = ["Failed to open file for write: 'FileAlreadyExists(\"3f.16.del\")'"]

    def updated(self: module.KeywordIndex, opened: object) -> object:
        if failures:
            raise ValueError(failures.pop())
        return real(self, opened)  # type: ignore[arg-type]

    monkeypatch.setattr(module.KeywordIndex, "_updated", updated)
    assert found(corpus, run_for("*"), "badges") == ["a.txt"]
    assert not failures
