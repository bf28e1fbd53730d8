"""The stages of a model that tells which token comes next: states that look back only, and scores of every token."""

from __future__ import annotations

from videobert.model.config import ModelConfig
from videobert.model.stage import Axis, StageSpec, TensorSpec

# The weights of the first bear the same name.
PAST_ENCODER = "past_encoder"
NEXT_TOKEN_HEAD = "next_token_head"
_AT_ONCE = 64


def next_token_stages(config: ModelConfig) -> tuple[StageSpec, StageSpec]:
    """Words and visual tokens to states, and states to logits over all words and visual tokens, in that order.

    A place attends to itself and those before it, so what pads a sequence at its end cannot matter, and no lengths are
    needed.
    """
    batch, length = Axis("batch"), Axis("length", longest=config.encoder.positions)
    count, width = Axis("count"), Axis("width", config.encoder.width)
    states = StageSpec(
        name=PAST_ENCODER,
        inputs=(TensorSpec("ids", "int64", (batch, length)), TensorSpec("segments", "int64", (batch, length))),
        outputs=(TensorSpec("states", "float32", (batch, length, width)),),
        batch=batch.name,
        # A layer of the encoder attends once, one of the decoder twice, and there are as many of each.
        attentions=3 * config.encoder.layers,
    )
    head = StageSpec(
        name=NEXT_TOKEN_HEAD,
        inputs=(TensorSpec("states", "float32", (count, width)),),
        outputs=(TensorSpec("logits", "float32", (count, Axis("tokens", config.words + config.visual_tokens))),),
        batch=count.name,
        keeps_fp32=True,
        usual_batch=4,
        most_batch=_AT_ONCE,
    )
    return states, head
