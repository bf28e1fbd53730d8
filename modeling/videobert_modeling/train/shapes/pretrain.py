"""VideoBERT pretraining on the world: masked words, masked visual tokens and alignment (arXiv 1904.01766, section 3).

The rows of visual tokens in the token table are one learned linear map of the codebook's centroids, as the paper starts
them from the centroids. So a leaf that no training sequence holds still has a row that says what it looks like. The map
is folded into the table at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.utils import parametrize

from videobert.model.config import ModelConfig
from videobert_modeling.models import VideoBert
from videobert_modeling.train.cached_steps import Report
from videobert_modeling.train.shapes.examples import IGNORED, Example, ExampleMaker, Moment

_ROW_STD = 0.04
_VISUAL_WEIGHT = 0.3
_WARM_UP = 0.1


@dataclass(frozen=True, slots=True)
class PretrainSchedule:
    """Steps, examples a step, highest learning rate."""

    steps: int
    batch: int
    rate: float


class CentroidRows(nn.Module):
    """The token table with its visual rows computed from centroids."""

    def __init__(self, config: ModelConfig, leaves: npt.NDArray[np.float32]) -> None:
        super().__init__()
        self._words, self._joiner = config.words, config.joiner_id
        spread = (leaves - leaves.mean(0)) / (leaves - leaves.mean(0)).std()
        self.register_buffer("leaves", torch.from_numpy(spread.astype(np.float32)))
        self.project = nn.Linear(leaves.shape[1], config.encoder.width)
        nn.init.normal_(self.project.weight, std=_ROW_STD / leaves.shape[1] ** 0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, table: Tensor) -> Tensor:
        return torch.cat((table[: self._words], self.project(self.leaves), table[self._joiner :]))


def pretrain(
    config: ModelConfig,
    tokenizer: Tokenizer,
    leaves: npt.NDArray[np.float32],
    moments: list[Moment],
    schedule: PretrainSchedule,
    seed: int,
    report: Report,
) -> VideoBert:
    """The trained model, in evaluation mode, its visual rows folded into the token table."""
    torch.manual_seed(seed)
    model = VideoBert(config, dropout=0.1)
    rows = CentroidRows(config, leaves)
    parametrize.register_parametrization(model.encoder.tokens, "weight", rows)
    # A leaf that training never meets would otherwise learn only that it is rare.
    model.heads.bias.register_hook(lambda gradient: gradient * _word_ids(config, gradient))  # type: ignore[no-untyped-call]
    make = ExampleMaker(config, tokenizer, moments, seed)
    optimizer = torch.optim.AdamW(_groups(model), lr=schedule.rate, betas=(0.9, 0.98))
    turn = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.rate, total_steps=schedule.steps, pct_start=_WARM_UP, cycle_momentum=False
    )
    model.train()
    averages = np.zeros(3)
    for step in range(schedule.steps):
        batch = [make() for _ in range(schedule.batch)]
        with torch.autocast("cpu", dtype=torch.bfloat16), parametrize.cached():
            losses = _losses(model, batch)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(losses[0] + _VISUAL_WEIGHT * losses[1] + losses[2])
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        turn.step()
        now = np.array([loss.item() for loss in losses])
        averages = now if step == 0 else 0.97 * averages + 0.03 * now
        if step % 20 == 19 or step + 1 == schedule.steps:
            words, visual, alignment = averages
            report((step + 1) / schedule.steps, f"words {words:.2f} visual {visual:.2f} alignment {alignment:.2f}")
    parametrize.remove_parametrizations(model.encoder.tokens, "weight", leave_parametrized=True)
    return model.eval()


def _losses(model: VideoBert, batch: list[Example]) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(example.sequence) for example in batch)

    def padded(rows: list[npt.NDArray[np.int64]], fill: int) -> Tensor:
        return torch.from_numpy(np.stack([np.pad(r, (0, longest - len(r)), constant_values=fill) for r in rows]))

    ids = padded([example.sequence.ids for example in batch], 0)
    segments = padded([example.sequence.segments for example in batch], 0)
    lengths = torch.tensor([len(example.sequence) for example in batch])
    words = padded([example.words for example in batch], IGNORED)
    visual = padded([example.visual for example in batch], IGNORED)
    aligned = torch.tensor([example.aligned for example in batch])
    states = model.encode(ids, segments, lengths)
    asked, looked, judged = words != IGNORED, visual != IGNORED, aligned != IGNORED
    cross_entropy = nn.functional.cross_entropy
    return (
        cross_entropy(model.text_logits(states[asked]).float(), words[asked]),
        cross_entropy(model.visual_logits(states[looked]).float(), visual[looked]),
        cross_entropy(model.alignment_logits(states[:, 0][judged]).float(), 1 - aligned[judged]),
    )


def _word_ids(config: ModelConfig, like: Tensor) -> Tensor:
    keep = torch.zeros_like(like)
    keep[: config.words] = 1
    return keep


def _groups(model: VideoBert) -> list[dict[str, object]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
