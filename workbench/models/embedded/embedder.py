"""An embedding model in memory: a sentence-transformer exported to ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.models.embedded.replies import ApiError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH_TEXTS = 16
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Vectors:
    """L2-normalised rows, one per text (n, dimensions), float32; ``tokens`` over all texts."""

    rows: NDArray[np.float32]
    tokens: int


class OnnxEmbedder:
    """Mean-pooled, normalised sentence vectors; longer texts are cut at ``max_tokens``."""

    def __init__(self, model: Path, tokenizer: Path, *, max_tokens: int) -> None:
        """Loads both files; takes a fraction of a second.

        Raises:
            ApiError: if one of them cannot be loaded.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _THREADS
        # Spinning would steal the cores from the chat model between two batches.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # neither library has a common error class
            raise ApiError(500, f"cannot load {model.parent.name}: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._max_tokens = max_tokens

    def embed(self, texts: Sequence[str], *, truncate: bool = True) -> Vectors:
        """Embed texts of any length; the order is kept.

        Raises:
            ApiError: 400 if ``truncate`` is False and a text is too long.
        """
        import numpy as np

        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        if not truncate and any(len(row) > self._max_tokens for row in ids):
            raise ApiError(400, "the input length exceeds the context length")
        # Cut in the middle keeps the closing separator that the model was trained with.
        ids = [r if len(r) <= self._max_tokens else r[: self._max_tokens - 1] + r[-1:] for r in ids]
        rows = np.empty((len(ids), self._width), dtype=np.float32)
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(by_length), _BATCH_TEXTS):
            batch = by_length[start : start + _BATCH_TEXTS]
            rows[batch] = self._run([ids[i] for i in batch])
        return Vectors(rows, sum(map(len, ids)))

    @property
    def _width(self) -> int:
        return int(self._session.get_outputs()[0].shape[-1])

    def _run(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import numpy as np

        longest = max(len(row) for row in ids)
        input_ids = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros_like(input_ids)
        for i, row in enumerate(ids):
            input_ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        feed = {"input_ids": input_ids, "attention_mask": mask}
        feed["token_type_ids"] = np.zeros_like(input_ids)
        hidden = np.asarray(self._session.run(None, feed)[0])
        weights = mask[:, :, None].astype(np.float32)
        pooled = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(pooled / np.clip(norms, 1e-12, None), dtype=np.float32)
