"""The names of a Hugging Face BERT checkpoint, old and new, and how they become ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from videobert.model.config import EncoderConfig
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.encoder_layout import EncoderLayout, TextTensors
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.network_config import config_beside
from videobert_modeling.importers.shared.prediction_head import HeadNames, take_head
from videobert_modeling.model_folder.ledger import Ledger

_PREFIX = "bert."
_HEAD = HeadNames("cls.predictions.", "transform.dense", "transform.LayerNorm")
_NETWORK = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
_EPS = 1e-12
_LEFTOVERS = {
    "embeddings.position_ids": "a buffer that counts positions, not a weight",
    "embeddings.token_type_ids": "a buffer of zeros, not a weight",
    "pooler.dense.weight": "trained for next-sentence prediction, which this family does not have",
    "pooler.dense.bias": "trained for next-sentence prediction, which this family does not have",
    "cls.seq_relationship.weight": "the next-sentence head, which this family does not have",
    "cls.seq_relationship.bias": "the next-sentence head, which this family does not have",
}


@dataclass(frozen=True, slots=True)
class OpenedBert:
    """A checkpoint of which BERT's part was taken.

    Args:
        intake: what is left in it; its reader calls `finish`.
        sizes: of the encoder.
        tensors: BERT's part.
    """

    intake: Intake
    sizes: EncoderConfig
    tensors: TextTensors


def open_bert(
    source: Path, ledger: Ledger, *, heads: int | None = None, strict: bool = True, words: bool = True
) -> OpenedBert:
    """Read what a VideoBERT shares with a BERT from a checkpoint in BERT's layout.

    Args:
        source: a weights file or its folder; a `config.json` beside it gives heads and eps, and must fit the weights.
        heads: attention heads, if there is no `config.json` and they are not 64 wide.
        strict: see `Intake`.
        words: whether the rows of the token table are words alone, as `config.json` counts them.

    Raises:
        ModelError: not a BERT, or damaged.
    """
    checkpoint = open_checkpoint(source)
    ledger.notes += checkpoint.notes
    intake = Intake(checkpoint.tensors, ledger, strict=strict)
    layout = BertLayout(intake)
    sizes = layout.encoder_config(config_beside(checkpoint.path, "BERT", _NETWORK), heads, words=words)
    return OpenedBert(intake, sizes, layout.take(sizes))


class BertLayout:
    """A checkpoint seen under modern headless names, see `EncoderLayout`."""

    def __init__(self, intake: Intake) -> None:
        self._layout = EncoderLayout(intake, "BERT", _PREFIX)

    def encoder_config(self, fields: Mapping[str, Any], heads: int | None, *, words: bool = True) -> EncoderConfig:
        """See `EncoderLayout.sizes`."""
        return self._layout.sizes(fields, heads, eps=_EPS, words=words)

    def take(self, sizes: EncoderConfig) -> TextTensors:
        """All tensors that a VideoBERT shares with a BERT; the usual leftovers are ignored for stated reasons."""
        state = self._layout.take(sizes, "encoder.")
        table = state.pop("encoder.tokens.weight")
        bias: Tensor | None = take_head(self._layout, _HEAD, state, table)
        self._layout.ignore(_LEFTOVERS)
        return TextTensors(state, table, bias)
