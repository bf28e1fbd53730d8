"""A VideoBERT around a text encoder that others trained, whose visual half is still to be trained."""

from __future__ import annotations

import torch

from videobert.base.errors import ModelError
from videobert.model.config import VISUAL_TOKENS, EncoderConfig, ModelConfig
from videobert.model.stage_lists import head_stage
from videobert_modeling.importers.shared.bert_folder import assemble
from videobert_modeling.importers.shared.encoder_layout import TextTensors
from videobert_modeling.importers.shared.visual_side import VisualSide
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.model_folder.visual_rows import visual_rows
from videobert_modeling.models import VideoBert
from videobert_modeling.models.configurations import checked

PAPER_LEAVES = 12**4


def text_half(
    taken: TextTensors,
    sizes: EncoderConfig,
    side: VisualSide,
    ledger: Ledger,
    *,
    name: str,
    visual_tokens: int | None = None,
    seed: int = 0,
) -> VideoBert:
    """The model, in evaluation mode.

    Args:
        taken, sizes: the text encoder.
        side: backbone and codebook; a codebook fixes the number of visual tokens.
        visual_tokens: if there is no codebook; the paper's 20,736 by default.
        seed: of the parts that the source does not have.

    Raises:
        ModelError: the codebook has another number of leaves.
    """
    count = visual_tokens or (PAPER_LEAVES if side.codebook is None else len(side.codebook))
    if side.codebook is not None and count != len(side.codebook):
        raise ModelError("the codebook has another number of leaves", seen=len(side.codebook), allowed=count)
    config = checked(
        ModelConfig(
            name=name,
            words=len(taken.table),
            visual_tokens=count,
            backbone=side.config,
            encoder=sizes,
            questions=side.questions,
            untrained=(
                *side.untrained,
                # A headless export has nothing that words or moments are filled in with.
                *(head_stage(head) for head in (("text", "visual") if taken.bias is None else ())),
                head_stage("alignment"),
                VISUAL_TOKENS,
            ),
        )
    )
    rows = visual_rows(count, sizes.width, side.codebook, ledger, seed=seed)
    state = taken.state | side.heads | {"encoder.tokens.weight": torch.cat([taken.table, rows])}
    if taken.bias is not None:
        state["heads.bias"] = torch.cat([taken.bias, torch.zeros(count + 1)])
    else:
        ledger.uninitialised.append("prediction head: random")
    ledger.uninitialised.append("alignment head: random")
    return assemble(config, state, seed=seed)
