"""A text's vector from its words alone, in whatever order: MIL-NCE's text tower (arXiv 1912.06430, section 3.1)."""

from __future__ import annotations

from torch import Tensor, nn


class WordTower(nn.Module):
    """A table of words, a linear layer with ReLU, the maximum over the words, and a linear layer.

    Args:
        words: rows of the table; row 0 stands in places without a word, and takes part like any other.
        word_width: of a row.
        inner: of the layer whose maximum is taken.
        width: of the vector.
    """

    def __init__(self, words: int, word_width: int, inner: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, word_width)
        self.inner = nn.Linear(word_width, inner)
        self.outer = nn.Linear(inner, width)

    def forward(self, ids: Tensor) -> Tensor:
        """int64 `(batch, places)`, below `words`, to `(batch, width)`."""
        seen = nn.functional.relu(self.inner(self.words(ids)))
        vectors: Tensor = self.outer(seen.amax(1))
        return vectors
