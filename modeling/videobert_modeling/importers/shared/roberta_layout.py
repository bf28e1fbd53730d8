"""The names of a Hugging Face RoBERTa checkpoint, and how they become ours (arXiv 1907.11692).

The encoder is BERT's. Positions are counted from the row behind the one of padding, so that with padding as id 1, as
published, rows 0 and 1 belong to no word and are left out; there is one segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from videobert.base.arguments import as_whole
from videobert.base.errors import ModelError
from videobert.model.config import EncoderConfig
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.encoder_layout import EncoderLayout, TextTensors
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.network_config import config_beside, stated
from videobert_modeling.importers.shared.prediction_head import HeadNames, take_head
from videobert_modeling.model_folder.ledger import Ledger

_PREFIX = "roberta."
_HEAD = HeadNames("lm_head.", "dense", "layer_norm")
_NETWORK = {"model_type": "roberta", "hidden_act": "gelu", "position_embedding_type": "absolute"}
_EPS = 1e-5
_PADDING = 1
_LEFTOVERS = {
    "embeddings.position_ids": "a buffer that counts positions, not a weight",
    "embeddings.token_type_ids": "a buffer of zeros, not a weight",
    "pooler.dense.weight": "nothing of the masked-word model rests on the pooler",
    "pooler.dense.bias": "nothing of the masked-word model rests on the pooler",
}
_NO_HEAD = "a text encoder has no prediction head"


@dataclass(frozen=True, slots=True)
class OpenedRoberta:
    """A checkpoint of which RoBERTa's part was taken.

    Args:
        intake: what is left in it; its reader calls `finish`.
        sizes: of the encoder, one segment, positions without those of padding.
        tensors: RoBERTa's part.
    """

    intake: Intake
    sizes: EncoderConfig
    tensors: TextTensors


def open_roberta(source: Path, ledger: Ledger, *, heads: int | None = None, strict: bool = True) -> OpenedRoberta:
    """Read what a VideoBERT shares with a RoBERTa.

    Args:
        source: a weights file or its folder; a `config.json` beside it gives heads and eps, and must fit the weights.
        heads: attention heads, if there is no `config.json` and they are not 64 wide.
        strict: see `Intake`.

    Raises:
        ModelError: not a RoBERTa, or damaged.
    """
    checkpoint = open_checkpoint(source)
    ledger.notes += checkpoint.notes
    intake = Intake(checkpoint.tensors, ledger, strict=strict)
    layout, sizes = _layout(intake, roberta_config(checkpoint.path), heads)
    state = layout.take(sizes, "encoder.")
    table = state.pop("encoder.tokens.weight")
    bias = take_head(layout, _HEAD, state, table)
    layout.ignore(_LEFTOVERS)
    return OpenedRoberta(intake, sizes, TextTensors(state, table, bias))


def take_text_encoder(
    intake: Intake, fields: Mapping[str, Any], *, heads: int | None = None, target: str = "text_encoder."
) -> tuple[EncoderConfig, dict[str, Tensor]]:
    """A RoBERTa as the text encoder of another family: what the stage `text_encoder` computes with.

    Args:
        intake: what the checkpoint holds; its reader calls `finish`.
        fields: of the `config.json` beside the checkpoint, see `roberta_config`; none if there is none.
        heads: attention heads, where nothing tells.
        target: what stands before our names, with its dot.

    Returns:
        Sizes and tensors, float32: those of `TextEncoder`, the word table included.

    Raises:
        ModelError: not a RoBERTa, or `config.json` describes other weights.
    """
    layout, sizes = _layout(intake, fields, heads)
    state = layout.take(sizes, target)
    layout.ignore(_LEFTOVERS | {name: _NO_HEAD for name in intake.left if name.startswith(_HEAD.prefix)})
    return sizes, state


def roberta_config(weights: Path) -> dict[str, Any]:
    """The fields of the `config.json` beside a weights file; none if there is no such file.

    Raises:
        ModelError: it is damaged, or describes another network than a RoBERTa with exact GELU and absolute positions.
    """
    return config_beside(weights, "RoBERTa", _NETWORK)


def _layout(intake: Intake, fields: Mapping[str, Any], heads: int | None) -> tuple[EncoderLayout, EncoderConfig]:
    padding = stated(fields, "pad_token_id", as_whole, _PADDING)
    if padding < 0:
        raise ModelError("config.json: pad_token_id is no id", seen=padding, allowed="0 or more")
    layout = EncoderLayout(intake, "RoBERTa", _PREFIX, first_position=padding + 1, most_segments=1)
    if layout.segment_rows > 1:
        if "model_type" not in fields and not any(name.startswith(_PREFIX) for name in intake.left):
            raise ModelError(
                "nothing says that this is a RoBERTa, and it has more than one segment",
                seen=f"{layout.segment_rows} rows of segments",
                allowed=f"one row, names that begin with {_PREFIX}, or a config.json with model_type roberta",
                fix="Import a BERT as bert, or put its config.json beside the weights.",
            )
        intake.ledger.notes.append(f"of {layout.segment_rows} segments the first is kept: RoBERTa reads all text as it")
    sizes = layout.sizes(fields, heads, eps=_EPS)
    intake.ledger.notes.append(f"the first {padding + 1} rows of the position table belong to no word and are left out")
    return layout, sizes
