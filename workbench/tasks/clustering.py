"""Groups of vectors that are alike, what tells the groups apart in words, and a flat map of all."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_THEMES = 12
_DOCUMENTS_PER_THEME = 3
_SILHOUETTE_SAMPLE = 2_000
_MAX_NEIGHBOUR_MAP = 3_000
_SEED = 0
# Every part is bounded, so that a page of brackets or dots takes no longer than a page of words.
_ADDRESS = re.compile(
    r"<(?:a|img|link)\b[^<>]{0,2000}>"
    r"|(?<=\])\([^()\s]*(?:\s{1,4}[\"'][^\"'\n]{0,300}[\"'])?\)"
    r"|^[ \t]{0,3}\[[^\[\]\n]{1,200}\]:[ \t]*\S+"
    r"|\b[a-z][a-z0-9+-]{1,15}://[^\s<>\"')\]]+"
    r"|\b(?:mailto|tel):\S+"
    r"|\bwww\.[^\s<>\"')\]]+"
    r"|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.(?:com|edu|eu|gov|info|io|mil|net|org)\b(?:/[^\s<>\"')\]]*)?"
    r"|\{[:%][^{}]{0,300}\}",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = r"(?u)\b[^\W\d_]{3,}\b"


def cluster(vectors: NDArray[np.float32], count: int | None = None) -> NDArray[np.int64]:
    """The group of each row of ``vectors`` (n, dim), numbered by size, the largest 0.

    k-means on L2-normalised rows; without ``count`` as many groups as the silhouette favours
    (Rousseeuw, 1987), 2 to ``MAX_THEMES``; fewer than six rows are one group.
    """
    rows = len(vectors)
    if count is not None:
        return _by_size(_means(vectors, min(count, rows)))
    most = min(MAX_THEMES, rows // _DOCUMENTS_PER_THEME)
    if most < 2:
        return np.zeros(rows, dtype=np.int64)
    tried = [_means(vectors, number) for number in range(2, most + 1)]
    return _by_size(max(tried, key=lambda groups: _silhouette(vectors, groups)))


def project(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], str]:
    """Two coordinates per row (n, 2), and the method: t-SNE keeps neighbours together; where there
    are too few rows for it, or too many for a short wait, the first principal components."""
    rows = len(vectors)
    if rows < 3:
        return np.array([[float(row), 0.0] for row in range(rows)], dtype=np.float32), "line"
    if not 8 <= rows <= _MAX_NEIGHBOUR_MAP:
        from sklearn.decomposition import PCA

        return np.asarray(PCA(2, random_state=_SEED).fit_transform(vectors), np.float32), "PCA"
    from sklearn.manifold import TSNE

    model = TSNE(perplexity=min(30, (rows - 1) / 3), init="pca", random_state=_SEED)
    return np.asarray(model.fit_transform(vectors), dtype=np.float32), "t-SNE"


def telling_words(texts: Sequence[str], groups: NDArray[np.int64], count: int) -> list[list[str]]:
    """For each group up to ``count`` words that are frequent in it and rare in the others.

    Class-based tf-idf, as BERTopic has it (Grootendorst, 2022). Placeholders of masked names and
    the addresses of links are no words.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    number = int(groups.max()) + 1 if len(groups) else 0
    reader = CountVectorizer(stop_words="english", token_pattern=_WORD)
    try:
        counts = reader.fit_transform([_ADDRESS.sub(" ", text) for text in texts])
    except ValueError:  # raised where no text holds a word
        return [[] for _ in range(number)]
    tf = np.vstack([np.asarray(counts[groups == each].sum(axis=0)) for each in range(number)])
    share = tf / np.maximum(tf.sum(axis=1, keepdims=True), 1)
    weight = share * np.log1p(tf.sum() / number / tf.sum(axis=0))
    names = reader.get_feature_names_out()
    best = np.argsort(-weight, axis=1, kind="stable")[:, :count]
    return [
        [str(names[column]) for column in best[each] if weight[each, column] > 0]
        for each in range(number)
    ]


def _means(vectors: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    found = KMeans(count, n_init=4, random_state=_SEED).fit_predict(vectors)
    return np.asarray(found, dtype=np.int64)


def _silhouette(vectors: NDArray[np.float32], groups: NDArray[np.int64]) -> float:
    from sklearn.metrics import silhouette_score

    if not 2 <= len(set(groups.tolist())) < len(vectors):
        return -1.0
    sample = min(len(vectors), _SILHOUETTE_SAMPLE)
    return float(silhouette_score(vectors, groups, sample_size=sample, random_state=_SEED))


def _by_size(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[np.unique(groups, return_inverse=True)[1]]
