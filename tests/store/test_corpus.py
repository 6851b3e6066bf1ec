from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.errors import AccessDenied, EmbeddingMismatch, UsageError
from workbench.guard.policy import Action
from workbench.store.corpus import Corpus
from workbench.store.filters import Op, Where
from workbench.store.records import EmbeddingInfo, Incoming, SearchQuery
from workbench.values import Chunk, MaskedDocument, Page

MODEL = EmbeddingInfo("fake", "sha256:one", 3)


def test_a_document_comes_back_as_it_was_put(corpus: Corpus, run_for) -> None:
    run = run_for("*")
    document = MaskedDocument(
        uri="file:///a",
        name="<PERSON_1>.pdf",
        media_type="application/pdf",
        content_hash="abc",
        text="one\x00two — žluťoučký 🐎",
        label="hr",
        pages=(Page(1, 0, 3), Page(2, 4, 10)),
        metadata={"author": "<PERSON_1>", "quote'": '"'},
        masked={"PERSON": 2},
    )
    number = corpus.put(
        run,
        document,
        [Chunk(0, 0, 3, "one", 1, "A > B")],
        vectors=np.array([[0, 2, 0]], np.float32),
        fingerprint="f",
        embedding=MODEL,
    )
    stored = corpus.document(run, number)
    assert stored.id == number
    assert (stored.text, stored.name, stored.label) == (document.text, document.name, "hr")
    assert (stored.pages, stored.metadata, stored.masked) == (
        document.pages,
        document.metadata,
        document.masked,
    )
    (info,) = corpus.documents(run)
    assert (info.id, info.pages, info.chunks, info.masked) == (number, 2, 1, {"PERSON": 2})
    assert info.characters == len(document.text)
    (hit,) = corpus.search(run, SearchQuery("one", mode="keyword"))
    assert (hit.chunk.page, hit.chunk.heading, hit.chunk.text) == (1, "A > B", "one")


def test_every_change_counts_one_version(corpus: Corpus, run_for, put) -> None:
    run = run_for("*")
    assert corpus.version(run) == 0
    put("a", "first")
    put("a", "second")
    corpus.remove(run, "a")
    assert corpus.version(run) == 3
    assert corpus.documents(run) == []


def test_replacing_keeps_the_old_text_readable(corpus: Corpus, run_for, put) -> None:
    run = run_for("*")
    old = put("a", "old words")
    new = put("a", "new words")
    assert corpus.fingerprints(run) == {"a": "print of a"}
    assert [info.id for info in corpus.documents(run)] == [new]
    assert corpus.document(run, old).text == "old words"
    texts = [h.chunk.text for h in corpus.search(run, SearchQuery("words", mode="keyword"))]
    assert texts == ["new words"]


def test_a_source_that_moves_to_another_label_takes_its_old_text_along(
    corpus: Corpus, run_for, put
) -> None:
    old = put("a", "old words")
    put("a", "new words", label="hr")
    with pytest.raises(AccessDenied):
        corpus.document(run_for("internal"), old)
    assert corpus.document(run_for("internal", "hr"), old).text == "old words"
    corpus.remove(run_for("*"), "a")
    with pytest.raises(AccessDenied):
        corpus.document(run_for("internal"), old)


def test_a_document_without_chunks_is_kept(corpus: Corpus, run_for, put) -> None:
    put("a")
    (info,) = corpus.documents(run_for("*"))
    assert info.chunks == 0


def test_an_empty_scope_sees_nothing(corpus: Corpus, run_for, put) -> None:
    number = put("a", "words")
    nobody = run_for(action=Action.SEARCH)
    assert corpus.documents(nobody) == []
    assert corpus.fingerprints(nobody) == {}
    assert corpus.search(nobody, SearchQuery("words", mode="keyword")) == ()
    assert corpus.sql(nobody, "SELECT * FROM chunks").num_rows == 0
    with pytest.raises(AccessDenied):
        corpus.document(nobody, number)


def test_a_scope_sees_only_its_labels(corpus: Corpus, run_for, put) -> None:
    mine = put("a", "words", label="hr")
    other = put("b", "words", label="legal")
    run = run_for("hr", action=Action.SEARCH)
    assert [info.id for info in corpus.documents(run)] == [mine]
    assert list(corpus.fingerprints(run)) == ["a"]
    query = SearchQuery("words", np.array([1, 0, 0]), embedding="sha256:one")
    assert [hit.chunk.document_id for hit in corpus.search(run, query)] == [mine]
    with pytest.raises(AccessDenied):
        corpus.document(run, other)


def test_a_missing_document_is_told_only_to_who_sees_all(corpus: Corpus, run_for) -> None:
    with pytest.raises(UsageError):
        corpus.document(run_for("*"), 77)
    with pytest.raises(AccessDenied):
        corpus.document(run_for("hr"), 77)


def test_writing_needs_a_writing_run_and_the_label(corpus: Corpus, run_for, put) -> None:
    put("a", "words", label="legal")
    document = MaskedDocument("a", "a", "text/plain", "h", "mine", "hr")

    def replace(run) -> int:
        return corpus.put(
            run,
            document,
            [Chunk(0, 0, 4, "mine")],
            vectors=np.array([[1, 0, 0]], np.float32),
            fingerprint="f",
            embedding=MODEL,
        )

    for run in (run_for("*", action=Action.SEARCH), run_for("legal"), run_for("hr")):
        # The last one may write its own label, but not replace a document of another.
        with pytest.raises(AccessDenied):
            replace(run)
    for run in (run_for("*", action=Action.READ), run_for("hr")):
        with pytest.raises(AccessDenied):
            corpus.remove(run, "a")
    assert [info.label for info in corpus.documents(run_for("*"))] == ["legal"]
    assert replace(run_for("hr", "legal")) > 0


def test_an_ended_run_opens_nothing(corpus: Corpus, run_for) -> None:
    run = run_for("*")
    run.close()
    calls = (
        lambda: corpus.version(run),
        lambda: corpus.documents(run),
        lambda: corpus.fingerprints(run),
        lambda: corpus.document(run, 1),
        lambda: corpus.search(run, SearchQuery("x", mode="keyword")),
        lambda: corpus.sql(run, "SELECT 1"),
        lambda: corpus.remove(run, "a"),
    )
    for call in calls:
        with pytest.raises(AccessDenied, match="has ended"):
            call()


def test_removing_what_is_not_there_says_so(corpus: Corpus, run_for) -> None:
    with pytest.raises(UsageError, match="file:///gone"):
        corpus.remove(run_for("*"), "file:///gone")


@pytest.mark.parametrize(
    "vectors",
    [[[np.nan, 0, 0]], [[np.inf, 0, 0]], [[0, 0, 0]], [[1, 0]], [[1, 0, 0], [1, 0, 0]], []],
)
def test_unusable_vectors_store_nothing(corpus: Corpus, run_for, vectors) -> None:
    run = run_for("*")
    document = MaskedDocument("a", "a", "text/plain", "h", "text")
    with pytest.raises(UsageError):
        corpus.put(
            run,
            document,
            [Chunk(0, 0, 4, "text")],
            vectors=np.array(vectors, np.float32),
            fingerprint="f",
            embedding=MODEL,
        )
    assert corpus.version(run) == 0


def test_a_chunk_must_stand_at_its_offsets(corpus: Corpus, run_for) -> None:
    document = MaskedDocument("a", "a", "text/plain", "h", "some text")
    with pytest.raises(UsageError, match="offsets"):
        corpus.put(
            run_for("*"),
            document,
            [Chunk(0, 1, 5, "some")],
            vectors=np.array([[1, 0, 0]], np.float32),
            fingerprint="f",
            embedding=MODEL,
        )


def test_another_embedding_model_is_noticed(corpus: Corpus, run_for, put) -> None:
    put("a", "words", label="hr")
    put("b", "words", label="legal", model=EmbeddingInfo("new", "sha256:two", 2),
        vectors=[(1.0, 0.0)])  # fmt: skip
    asked = SearchQuery("words", np.array([1, 0, 0]), embedding="sha256:one")
    with pytest.raises(EmbeddingMismatch, match="1 documents"):
        corpus.search(run_for("*"), asked)
    with pytest.raises(EmbeddingMismatch):
        corpus.search(run_for("*"), SearchQuery("words", np.ones(4), embedding="unknown"))
    assert len(corpus.search(run_for("hr"), asked)) == 1
    filtered = replace(asked, where=Where("label", Op.EQ, "hr"))
    assert [hit.uri for hit in corpus.search(run_for("*"), filtered)] == ["a"]
    with pytest.raises(EmbeddingMismatch, match="1 documents"):
        corpus.search(run_for("*"), replace(asked, where=Where("label", Op.EQ, "legal")))
    assert len(corpus.search(run_for("*"), SearchQuery("words", mode="keyword"))) == 2


def test_a_model_cannot_change_its_dimension(corpus: Corpus, run_for, put) -> None:
    put("a", "words")
    with pytest.raises(EmbeddingMismatch):
        put("b", "words", model=EmbeddingInfo("fake", "sha256:one", 2), vectors=[(1.0, 0.0)])
    assert corpus.version(run_for("*")) == 1


def incoming(uri: str, *texts: str, label: str = "internal") -> Incoming:
    chunks, start = [], 0
    for ordinal, text in enumerate(texts):
        chunks.append(Chunk(ordinal, start, start + len(text), text))
        start += len(text) + 1
    document = MaskedDocument(
        uri, uri, "text/plain", "hash", "\n".join(texts), label, metadata={"a": "b"}
    )
    return Incoming(document, chunks, np.ones((len(texts), 3), np.float32), f"print of {uri}")


def test_many_documents_are_one_change(corpus: Corpus, run_for, put) -> None:
    old = put("file-2", "two as it was")
    run = run_for("*")
    ids = corpus.put_many(
        run,
        [incoming("file-1", "one", "and more"), incoming("file-2", "two"), incoming("file-3")],
        embedding=MODEL,
    )
    assert corpus.version(run) == 2
    assert [(d.id, d.uri, d.chunks) for d in corpus.documents(run)] == [
        (ids[0], "file-1", 2),
        (ids[1], "file-2", 1),
        (ids[2], "file-3", 0),
    ]
    assert corpus.document(run, ids[0]).metadata == {"a": "b"}
    assert corpus.document(run, old).text == "two as it was"
    assert corpus.fingerprints(run)["file-1"] == "print of file-1"
    assert [hit.chunk.text for hit in corpus.passages.read(run, ids).hits] == [
        "one",
        "and more",
        "two",
    ]
    assert corpus.health().problems == ()
    assert corpus.put_many(run, [], embedding=MODEL) == []
    assert corpus.version(run) == 2


def test_one_document_that_may_not_be_written_stops_them_all(corpus: Corpus, run_for, put) -> None:
    put("file-1", "of others", label="secret")
    run = run_for("internal")
    for others in (
        [incoming("file-2", "two"), incoming("file-3", "three", label="secret")],
        [incoming("file-2", "two"), incoming("file-1", "one")],
    ):
        with pytest.raises(AccessDenied):
            corpus.put_many(run, others, embedding=MODEL)
    with pytest.raises(UsageError, match="same uri"):
        corpus.put_many(run, [incoming("file-2", "two"), incoming("file-2", "2")], embedding=MODEL)
    assert corpus.version(run) == 1
