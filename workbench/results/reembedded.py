"""What changing the embedding model did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reembedded:
    """``chunks`` were embedded by ``model`` in this run; ``documents`` changed over to it."""

    model: str
    chunks: int
    documents: int
    seconds: float
    run_id: str

    def __str__(self) -> str:
        if not self.documents:
            return f"every document is embedded by {self.model} already"
        return (
            f"{self.documents:,} documents now use {self.model}; {self.chunks:,} chunks embedded "
            f"in {self.seconds:.1f} s"
        )
