"""What stands between states and an output matrix that is a table of words."""

from __future__ import annotations

from torch import Tensor, nn


class PredictionTransform(nn.Module):
    """What BERT puts before the output matrix: dense layer, exact GELU, LayerNorm."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, states: Tensor) -> Tensor:
        out: Tensor = self.norm(nn.functional.gelu(self.dense(states)))
        return out
