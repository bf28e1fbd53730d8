"""The stage of a family whose texts have an encoder of their own."""

from __future__ import annotations

from videobert.model.config import ModelConfig
from videobert.model.stage import Axis, StageSpec, TensorSpec

# Its weights bear the same name.
TEXT_ENCODER = "text_encoder"


def text_encoder(config: ModelConfig) -> StageSpec:
    """A text's ids to its states."""
    batch, length = Axis("batch"), Axis("length", longest=config.encoder.positions)
    return StageSpec(
        name=TEXT_ENCODER,
        inputs=(TensorSpec("ids", "int64", (batch, length)), TensorSpec("lengths", "int64", (batch,))),
        outputs=(TensorSpec("states", "float32", (batch, length, Axis("width", config.encoder.width))),),
        batch=batch.name,
        lengths="lengths",
        attentions=config.encoder.layers,
        of_text=True,
    )
